package io.palitra.net;

import io.palitra.engine.Tensor;

/** Nonlinearities of published transformers; in lower case the names are those of transformers' configurations. */
public enum HiddenActivation {
    /** x sigmoid(1.702 x). Hendrycks and Gimpel 2016, arXiv:1606.08415. */
    QUICK_GELU,
    /** x Phi(x), by the error function. */
    GELU,
    /** The same by a hyperbolic tangent: {@link Tensor#geluTanh}. */
    GELU_NEW,
    GELU_FAST,
    GELU_PYTORCH_TANH,
    RELU,
    SILU,
    SWISH,
    TANH;

    Tensor of(Tensor x) {
        return switch (this) {
            case QUICK_GELU -> x.mul(x.mul(1.702).sigmoid());
            case GELU -> x.gelu();
            case GELU_NEW, GELU_FAST, GELU_PYTORCH_TANH -> x.geluTanh();
            case RELU -> x.relu();
            case SILU, SWISH -> x.silu();
            case TANH -> x.tanh();
        };
    }
}
