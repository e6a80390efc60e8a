package io.palitra.model;

import io.palitra.engine.Tensor;

/** A model that says how unlikely data are, up to a constant: p(x) is proportional to exp(-E(x)). */
public interface Energy {
    /** x [B, ...data shape] to E [B], in nats. */
    Tensor energy(Tensor x);
}
