package io.palitra.model;

import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import java.util.List;

/** A model that draws what texts say. */
public interface DrawsTexts<S extends Record> extends GenerativeModel<S> {
    /** A picture for each text, [texts, ...data shape], whatever prompt {@code how} has; otherwise as {@link #sample}. */
    Tensor draw(S how, List<String> texts, Rng rng);
}
