package io.palitra.model;

import io.palitra.engine.Tensor;

/** A latent model that also finds the code of an item: reconstruction and latent maps. */
public interface Encoder extends LatentModel, Reconstructs {
    /** x [B, ...data shape] to z [B,Z]: the mean where the code is random. */
    Tensor encode(Tensor x);

    @Override default Tensor reconstruct(Tensor x) { return decode(encode(x)); }
}
