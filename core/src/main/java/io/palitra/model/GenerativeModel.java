package io.palitra.model;

import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;

/** What sampling, serving and evaluation need to know of any family. */
public interface GenerativeModel<S extends Record> extends Trainable {
    /** How samples are drawn unless something else is asked for. Class-conditional families have a component {@code label}, -1 for any. */
    S samplingDefaults();

    /**
     * Draws {@code count} samples [count, ...data shape] in the range of the training batches. Sample i uses only row i of what {@code rng}
     * draws, so that a picture does not depend on how many are drawn with it. Called without recording for autograd, in evaluation mode.
     */
    Tensor sample(S how, int count, Rng rng);
}
