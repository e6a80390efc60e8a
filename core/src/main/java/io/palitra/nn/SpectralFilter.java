package io.palitra.nn;

import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.jspecify.annotations.Nullable;

/** A linear map [out,in] or a convolution [out,in,4,4] of stride 2, its weight divided by its largest singular value when asked. */
public final class SpectralFilter extends Module {
    private final Tensor weight;
    private final Tensor bias;
    private final @Nullable SpectralNorm spectral;

    /** @param shape of the weight */
    public SpectralFilter(boolean spectralNorm, Init init, Rng rng, long... shape) {
        long fanIn = Torch.numel(shape) / shape[0];
        weight = parameter("weight", init.draw(rng, fanIn, shape));
        bias = parameter("bias", Torch.zeros(shape[0]));
        spectral = spectralNorm ? child("spectral", new SpectralNorm(weight, rng)) : null;
    }

    /** [B,in] to [B,out], or [B,in,H,W] to [B,out,H/2,W/2]. */
    public Tensor forward(Tensor x) {
        Tensor w = spectral == null ? weight : spectral.of(weight);
        return w.dims() == 2 ? Torch.linear(x, w, bias) : Torch.conv2d(x, w, bias, 2, 1);
    }

    /** Moves the estimate of the largest singular value; without spectral norm there is none. */
    public void iterate() {
        if (spectral != null) spectral.iterate(weight);
    }
}
