package io.palitra.nn;

import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.jspecify.annotations.Nullable;

/** Two-dimensional convolution. x [B,in,H,W], y [B,out,(H + 2 padding - kernel) / stride + 1, ...]. */
public final class Conv2d extends Affine {
    private final Tensor weight;
    private final @Nullable Tensor bias;
    private final int stride;
    private final int padding;

    public Conv2d(int in, int out, int kernel, int stride, int padding, Rng rng) {
        this(in, out, kernel, stride, padding, Init.DEFAULT, true, rng);
    }

    public Conv2d(int in, int out, int kernel, int stride, int padding, Init init, boolean withBias, Rng rng) {
        long fanIn = (long) in * kernel * kernel;
        weight = parameter("weight", init.draw(rng, fanIn, out, in, kernel, kernel));
        bias = withBias ? parameter("bias", (init == Init.DCGAN ? Init.ZERO : init).draw(rng, fanIn, out)) : null;
        this.stride = stride;
        this.padding = padding;
    }

    @Override Tensor weight() { return weight; }

    @Override Tensor plain(Tensor x) { return Torch.conv2d(x, weight, bias, stride, padding); }

    @Override Tensor by(Tensor other, Tensor x) { return Torch.conv2d(x, other, null, stride, padding); }
}
