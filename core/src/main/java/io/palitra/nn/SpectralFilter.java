package io.palitra.nn;

import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.jspecify.annotations.Nullable;

/** A linear map [out,in] or a convolution [out,in,k,k], its weight divided by its largest singular value when asked. */
public final class SpectralFilter extends Module {
    private final Tensor weight;
    private final @Nullable Tensor bias;
    private final @Nullable SpectralNorm spectral;
    private final int stride;
    private final int padding;

    /** With a bias; a convolution is of stride 2 and padding 1: of a kernel 4 it halves the sides. @param shape of the weight */
    public SpectralFilter(boolean spectralNorm, Init init, Rng rng, long... shape) { this(spectralNorm, init, true, 2, 1, rng, shape); }

    /** @param stride and padding of a convolution @param shape of the weight */
    public SpectralFilter(boolean spectralNorm, Init init, boolean withBias, int stride, int padding, Rng rng, long... shape) {
        long fanIn = Torch.numel(shape) / shape[0];
        weight = parameter("weight", init.draw(rng, fanIn, shape));
        bias = withBias ? parameter("bias", Torch.zeros(shape[0])) : null;
        spectral = spectralNorm ? child("spectral", new SpectralNorm(weight, rng)) : null;
        this.stride = stride;
        this.padding = padding;
    }

    /** [B,in] to [B,out], or [B,in,H,W] to [B,out,h,w]. */
    public Tensor forward(Tensor x) {
        Tensor w = spectral == null ? weight : spectral.of(weight);
        return w.dims() == 2 ? Torch.linear(x, w, bias) : Torch.conv2d(x, w, bias, stride, padding);
    }

    /**
     * How far its outputs' weights are from orthogonal, whatever their lengths: the sum of the squares of their products with each other,
     * or, where there are more outputs than inputs, of the inputs'. Brock et al. 2019, arXiv:1809.11096, eq. 3.
     */
    public Tensor overlap() {
        Tensor w = weight.flatten(1);
        Tensor products = w.size(0) <= w.size(1) ? w.matmul(w.t()) : w.t().matmul(w);
        return products.square().sum().sub(products.diagonal().square().sum());
    }

    /** Moves the estimate of the largest singular value; without spectral norm there is none. */
    public void iterate() {
        if (spectral != null) spectral.iterate(weight);
    }
}
