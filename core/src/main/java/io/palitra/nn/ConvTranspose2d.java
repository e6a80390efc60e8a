package io.palitra.nn;

import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.jspecify.annotations.Nullable;

/** Transposed convolution. x [B,in,H,W], y [B,out,(H-1) stride - 2 padding + kernel, ...]. */
public final class ConvTranspose2d extends Module {
    private final Tensor weight;
    private final @Nullable Tensor bias;
    private final int stride;
    private final int padding;

    public ConvTranspose2d(int in, int out, int kernel, int stride, int padding, Init init, boolean withBias, Rng rng) {
        long fanIn = (long) out * kernel * kernel;   // as PyTorch counts it for a transposed kernel
        weight = parameter("weight", init.draw(rng, fanIn, in, out, kernel, kernel));
        bias = withBias ? parameter("bias", (init == Init.DCGAN ? Init.ZERO : init).draw(rng, fanIn, out)) : null;
        this.stride = stride;
        this.padding = padding;
    }

    public Tensor forward(Tensor x) { return Torch.convTranspose2d(x, weight, bias, stride, padding, 0); }

    /** What a layer without padding and bias makes of pictures of one pixel: a product of matrices. x [B,in], y [B,out,kernel,kernel]. */
    public Tensor ofPoints(Tensor x) {
        if (padding > 0 || bias != null) throw new IllegalStateException("a product of matrices has neither padding nor bias");
        return x.matmul(weight.flatten(1)).reshape(x.size(0), weight.size(1), weight.size(2), weight.size(3));
    }
}
