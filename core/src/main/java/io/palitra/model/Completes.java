package io.palitra.model;

import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;

/** A model of pictures that draws the rest of one whose upper part is given. */
public interface Completes<S extends Record> extends GenerativeModel<S> {
    /**
     * x [B,C,H,W] with its first {@code rows} rows as the model sees them and all below drawn anew. Item i uses only row i of what rng
     * draws. Called without recording for autograd, in evaluation mode.
     */
    Tensor complete(S how, Tensor x, int rows, Rng rng);
}
