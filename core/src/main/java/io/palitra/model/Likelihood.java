package io.palitra.model;

import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;

/** A model that scores data. */
public interface Likelihood {
    /** log p(x) in nats, one value an item: x [B,...], result [B]. A lower bound, in expectation over rng, unless {@link #exact}. */
    Tensor logProb(Tensor x, Rng rng);

    /** Whether it is the likelihood itself, and not a bound. */
    boolean exact();
}
