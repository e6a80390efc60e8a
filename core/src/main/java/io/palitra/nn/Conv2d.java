package io.palitra.nn;

import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.jspecify.annotations.Nullable;

/** Two-dimensional convolution. x [B,in,H,W], y [B,out,(H + 2 padding - kernel) / stride + 1, ...], with a padding for rows and columns. */
public final class Conv2d extends Affine {
    private final Tensor weight;
    private final @Nullable Tensor bias;
    private final int stride;
    private final long[] padding;

    public Conv2d(int in, int out, int kernel, int stride, int padding, Rng rng) {
        this(in, out, kernel, stride, padding, Init.DEFAULT, true, rng);
    }

    public Conv2d(int in, int out, int kernel, int stride, int padding, Init init, boolean withBias, Rng rng) {
        this(in, out, new int[] {kernel, kernel}, stride, new int[] {padding, padding}, init, withBias, rng);
    }

    /** @param kernel its height and width @param padding zeros above and below, and at the left and the right */
    public Conv2d(int in, int out, int[] kernel, int stride, int[] padding, Init init, boolean withBias, Rng rng) {
        long fanIn = (long) in * kernel[0] * kernel[1];
        weight = parameter("weight", init.draw(rng, fanIn, out, in, kernel[0], kernel[1]));
        bias = withBias ? parameter("bias", (init == Init.DCGAN ? Init.ZERO : init).draw(rng, fanIn, out)) : null;
        this.stride = stride;
        this.padding = new long[] {padding[0], padding[1]};
    }

    /** y of {@link #forward} to factor y + shift, both [out], at the cost of y alone. */
    Tensor forward(Tensor x, Tensor factor, Tensor shift) {
        Tensor all = bias == null ? shift : bias.mul(factor).add(shift);
        return Torch.conv2d(x, weight.mul(factor.reshape(-1, 1, 1, 1)), all, stride, padding);
    }

    @Override Tensor weight() { return weight; }

    @Override Tensor plain(Tensor x) { return Torch.conv2d(x, weight, bias, stride, padding); }

    @Override Tensor by(Tensor other, Tensor x) { return Torch.conv2d(x, other, null, stride, padding); }
}
