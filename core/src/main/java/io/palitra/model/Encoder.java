package io.palitra.model;

import io.palitra.engine.Tensor;

/** A latent model that also finds the code of an item: reconstruction and latent maps. */
public interface Encoder extends LatentModel {
    /** x [B, ...data shape] to z [B,Z]: the mean where the code is random. */
    Tensor encode(Tensor x);

    /** What the model makes of its input, [B, ...data shape]. */
    default Tensor reconstruct(Tensor x) { return decode(encode(x)); }

    /** Whether nothing is lost on the way there and back but by rounding. */
    default boolean lossless() { return false; }
}
