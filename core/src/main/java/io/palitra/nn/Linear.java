package io.palitra.nn;

import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.jspecify.annotations.Nullable;

/** y = x W^T + b. x [...,in], y [...,out]. */
public final class Linear extends Affine {
    private final Tensor weight;
    private final @Nullable Tensor bias;

    public Linear(int in, int out, Rng rng) { this(in, out, Init.DEFAULT, Init.DEFAULT, rng); }

    public Linear(int in, int out, boolean withBias, Rng rng) {
        weight = parameter("weight", Init.DEFAULT.draw(rng, in, out, in));
        bias = withBias ? parameter("bias", Init.DEFAULT.draw(rng, in, out)) : null;
    }

    /** Without a bias. */
    public Linear(int in, int out, Init weights, Rng rng) {
        weight = parameter("weight", weights.draw(rng, in, out, in));
        bias = null;
    }

    public Linear(int in, int out, Init weights, Init biases, Rng rng) {
        weight = parameter("weight", weights.draw(rng, in, out, in));
        bias = parameter("bias", biases.draw(rng, in, out));
    }

    @Override Tensor weight() { return weight; }

    @Override Tensor plain(Tensor x) { return Torch.linear(x, weight, bias); }

    @Override Tensor by(Tensor other, Tensor x) { return Torch.linear(x, other, null); }
}
