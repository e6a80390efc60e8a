package io.palitra.model;

import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;

/** A model that learns to restore spoilt items: a report can show clean, spoilt and restored ones side by side. */
public interface Denoising {
    /** Spoils x [B, ...data shape] as in training; the same shape and range. */
    Tensor corrupt(Tensor x, Rng rng);

    /** False where the configuration spoils nothing: corrupt then returns x. */
    boolean corrupts();
}
