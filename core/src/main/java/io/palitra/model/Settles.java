package io.palitra.model;

import io.palitra.data.Batch;
import io.palitra.engine.Rng;

/** A model with buffers that are fitted to the trained network, not descended: a mixture over codes, for instance. */
public interface Settles {
    /** Fits them on training batches, the same ones each time; called at the end of an epoch and of training, without recording. */
    void settle(Iterable<Batch> train, Rng rng);
}
