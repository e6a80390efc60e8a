package io.palitra.model;

import io.palitra.engine.Tensor;

/** A network whose inner activations and class scores judge pictures. */
public interface ClassifierFeatures {
    /** x [B, ...data shape] to [B,D]. */
    Tensor features(Tensor x);

    /** x [B, ...data shape] to [B,classes]. */
    Tensor logits(Tensor x);
}
