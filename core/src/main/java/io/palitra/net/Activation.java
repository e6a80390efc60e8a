package io.palitra.net;

import io.palitra.engine.Tensor;

/** Nonlinearities that a network's configuration may ask for. */
public enum Activation {
    /** x sigmoid(x). */
    SILU,
    /** x tanh(softplus(x)). */
    MISH,
    /** x Phi(x), by the error function. */
    GELU,
    RELU;

    /** Of what nobody else holds or will read: large pictures then need no memory of their own for the result. */
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
