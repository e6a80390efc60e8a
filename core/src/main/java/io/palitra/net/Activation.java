package io.palitra.net;

import io.palitra.engine.Tensor;

/** Nonlinearities that a network's configuration may name. */
public enum Activation {
    /** x sigmoid(x). */
    SILU,
    /** x tanh(softplus(x)). */
    MISH,
    /** x Phi(x), by the error function. */
    GELU,
    RELU;

    /** In place, for a tensor that is not used again: the results of large pictures then take no memory of their own. */
    Tensor over(Tensor x) { return this == SILU ? x.siluOver() : this == RELU ? x.reluOver() : of(x); }

    Tensor of(Tensor x) {
        return switch (this) {
            case SILU -> x.silu();
            case MISH -> x.mish();
            case GELU -> x.gelu();
            case RELU -> x.relu();
        };
    }
}
