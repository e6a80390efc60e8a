package io.palitra.model;

import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import java.util.List;
import java.util.Optional;

/** A model that draws items from texts. */
public interface DrawsTexts<S extends Record> extends GenerativeModel<S> {
    /** A picture for each text, [texts, ...data shape], whatever prompt {@code how} has; otherwise as {@link #sample}. */
    Tensor draw(S how, List<String> texts, Rng rng);

    /** The text that {@code how} asks for in {@link #sample}; empty where that is any text of the training data. */
    default Optional<String> textOf(S how) { return Optional.empty(); }
}
