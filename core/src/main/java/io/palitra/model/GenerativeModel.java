package io.palitra.model;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;

/** What sampling, serving and evaluation need to know of any family. */
public interface GenerativeModel<S extends Record> extends Trainable {
    /** How samples are drawn unless something else is asked for. */
    S samplingDefaults();

    /** Classes that a sample can be asked of, 0..classes()-1; 0 where the model draws by no classes. */
    default int classes() { return 0; }

    /** The class that {@code how} asks for, -1 for any. */
    default int classOf(S how) { return -1; }

    /**
     * The same, but of a class, or of any where it is -1.
     *
     * @throws IllegalArgumentException for a class that the model does not draw
     */
    default S ofClass(S how, int label) {
        checkLabel(label, 0);
        return how;
    }

    /** @throws IllegalArgumentException unless the label is -1, for any, or one of so many classes */
    static void checkLabel(int label, int classes) {
        if (label >= -1 && label < classes) return;
        throw new ArgumentException("illegal label: " + label + ", must be -1 (any)"
            + (classes > 0 ? " or a class in 0.." + (classes - 1) : ": this model was trained without classes"));
    }

    /**
     * Draws {@code count} samples [count, ...data shape] in the range of the training batches. Sample i uses only row i of what {@code rng}
     * draws, so that a picture does not depend on how many are drawn with it. Called without recording for autograd, in evaluation mode.
     */
    Tensor sample(S how, int count, Rng rng);
}
