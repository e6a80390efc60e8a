package io.palitra.nn;

import io.palitra.engine.Tensor;

/** Activations with the gain that keeps the second moment of normal inputs about as it is. Karras et al. 2020, arXiv:2006.06676, code. */
public enum Gained {
    LINEAR(1), RELU(Math.sqrt(2)), LRELU(Math.sqrt(2)), TANH(1), SIGMOID(1), ELU(1), SELU(1), SOFTPLUS(1), SWISH(Math.sqrt(2));

    private static final double SLOPE = 0.2, SELU_ALPHA = 1.6732632423543772, SELU_SCALE = 1.0507009873554805;

    private final double gain;

    Gained(double gain) { this.gain = gain; }

    /** Gain times the activation of x, and that times {@code share}. */
    public Tensor of(Tensor x, double share) {
        Tensor y = switch (this) {
            case LINEAR -> x;
            case RELU -> x.relu();
            case LRELU -> x.leakyRelu(SLOPE);
            case TANH -> x.tanh();
            case SIGMOID -> x.sigmoid();
            case ELU -> x.relu().add(x.clampMax(0).expm1());
            case SELU -> x.relu().add(x.clampMax(0).expm1().mul(SELU_ALPHA)).mul(SELU_SCALE);
            case SOFTPLUS -> x.softplus();
            case SWISH -> x.sigmoid().mul(x);
        };
        return gain * share == 1 ? y : y.mul(gain * share);
    }

    public Tensor of(Tensor x) { return of(x, 1); }

    /** As {@link #of(Tensor, double)}, between -clamp share and clamp share. @param clamp 0 for none */
    public Tensor of(Tensor x, double share, double clamp) {
        Tensor y = of(x, share);
        return clamp > 0 ? y.clamp(-clamp * share, clamp * share) : y;
    }
}
