package io.palitra.model;

import io.palitra.data.Batch;
import io.palitra.engine.Rng;
import java.util.List;

/** A family with numbers of its own on test data, beyond those that hold for every family. */
public interface Evaluates {
    /** Measures over all batches, one pass. Without recording, in evaluation mode; each batch's tensors die with its turn. */
    List<Measure> evaluate(Iterable<Batch> test, Rng rng);
}
