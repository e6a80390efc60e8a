package io.palitra.model;

import io.palitra.engine.Tensor;
import java.util.List;

/** A network whose inner activations and class scores judge pictures. */
public interface ClassifierFeatures {
    /** x [B, ...data shape] to [B,D]. */
    Tensor features(Tensor x);

    /** x [B, ...data shape] to [B,classes]. */
    Tensor logits(Tensor x);

    /**
     * Pictures [B,C,H,W] of any size to what leaves each convolution, [B,C',H',W'] each; empty for a network without.
     *
     * @throws IllegalArgumentException for pictures of other channels than the network's
     */
    default List<Tensor> activations(Tensor x) { return List.of(); }
}
