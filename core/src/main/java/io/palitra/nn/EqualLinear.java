package io.palitra.nn;

import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.jspecify.annotations.Nullable;

/**
 * A linear layer of equalised rate: its weights are of deviation 1 and are scaled where they are used, so that an optimiser that goes by
 * the size of gradients moves every layer as fast. Karras et al. 2018, arXiv:1710.10196, section 4.1. x [...,in], y [...,out].
 */
public final class EqualLinear extends Module {
    private final Tensor weight;
    private final @Nullable Tensor bias;
    private final double scale;
    private final double rate;

    /**
     * @param rate share of the learning rate that weights and bias have; the weights begin that much larger
     * @param start of the bias, as it is used where rate is 1
     */
    public EqualLinear(int in, int out, boolean withBias, double rate, double start, Rng rng) {
        weight = parameter("weight", rng.isSilent() ? rng.normal(out, in) : rng.normal(out, in).div(rate));
        bias = withBias ? parameter("bias", Torch.full(start, out)) : null;
        scale = rate / Math.sqrt(in);
        this.rate = rate;
    }

    public EqualLinear(int in, int out, Rng rng) { this(in, out, true, 1, 0, rng); }

    public Tensor forward(Tensor x) {
        return Torch.linear(x, weight.mul(scale), bias == null || rate == 1 ? bias : bias.mul(rate));
    }
}
