package io.palitra.model;

import io.palitra.engine.Tensor;

/** A model that shows what it keeps of an item. */
public interface Reconstructs {
    /** What the model makes of its input, [B, ...data shape]. Without recording, in evaluation mode. */
    Tensor reconstruct(Tensor x);

    /** Whether nothing is lost on the way there and back but by rounding. */
    default boolean lossless() { return false; }
}
