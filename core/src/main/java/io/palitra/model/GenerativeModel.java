package io.palitra.model;

import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.data.Condition;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import java.util.List;
import java.util.Set;

/** What sampling, serving and evaluation need to know of any family. */
public interface GenerativeModel<S extends Record> extends Trainable {
    /** How samples are drawn unless something else is asked for. */
    S samplingDefaults();

    /** What samples can be given; by the configuration, it may be less than the family {@link Family#takes}. */
    default Set<Condition.Kind> takes() { return classes() > 0 ? Set.of(Condition.Kind.LABEL) : Set.of(); }

    /** Classes that a sample can be asked of, 0..classes()-1; 0 where the model draws by no classes. */
    default int classes() { return 0; }

    /**
     * Refuses what cannot be drawn, before anything is.
     *
     * @throws IllegalArgumentException for a class or a text that the model does not draw
     */
    default void check(Asked asked) {
        int classes = classes(), label = asked.label();
        if (label != -1 && (label < 0 || label >= classes)) {
            throw new ArgumentException("illegal label: " + label + ", must be -1 (any)"
                + (classes > 0 ? " or a class in 0.." + (classes - 1) : ": this model was trained without classes"));
        }
        if (asked.text().isPresent() && !takes().contains(Condition.Kind.TEXT)) {
            throw new ConfigException("prompt", "this model is given no text: it was trained without captions");
        }
    }

    /** What of it the model will read otherwise than one may think, a line each; waits for the device. */
    default List<String> notes(Asked asked) { return List.of(); }

    /**
     * Draws {@code count} samples [count, ...data shape] in the range of the training batches. Sample i uses only row i of what
     * {@code given} holds and {@code rng} draws, so that a picture does not depend on how many are drawn with it. What is not given, such
     * as the class in a model of classes, is drawn too. Called without recording for autograd, in evaluation mode.
     *
     * @param given of the kinds that the model {@link #takes}, of {@code count} items
     */
    Tensor sample(S how, Condition given, int count, Rng rng);
}
