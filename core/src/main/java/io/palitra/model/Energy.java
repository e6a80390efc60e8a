package io.palitra.model;

import io.palitra.engine.Tensor;

/** A model of the energy of data, which is -log p up to a constant: p(x) is proportional to exp(-E(x)). */
public interface Energy {
    /** x [B, ...data shape] to E [B], in nats. */
    Tensor energy(Tensor x);
}
