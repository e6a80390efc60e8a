package io.palitra.diffusion;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Tensor;
import java.util.stream.LongStream;

/**
 * Classifier-free guidance, Ho and Salimans 2022, arXiv:2207.12598, eq. 6, whose w is scale - 1: unconditional + scale (conditional -
 * unconditional), which is the same for x0, eps and v.
 *
 * @param scale   1 is the conditional model, 0 the unconditional one; above 1 the condition counts for more
 * @param rescale share, from 0 to 1, in which the result gets back the conditional x0's standard deviation, item by item, so that a large
 *                scale does not burn the picture: Lin et al. 2024, arXiv:2305.08891, section 3.4 (there 0.7)
 */
public record Guidance(Denoiser conditional, Denoiser unconditional, double scale, double rescale) implements Denoiser {
    public Guidance {
        if (!Double.isFinite(scale)) throw new ArgumentException("illegal guidance: " + scale + ", must be finite");
        if (!(rescale >= 0 && rescale <= 1)) throw new ArgumentException("illegal rescale: " + rescale + ", must be from 0 to 1");
    }

    @Override public Tensor denoise(Tensor x, Level at) {
        if (scale == 1) return conditional.denoise(x, at);
        Tensor with = conditional.denoise(x, at);
        return rescaled(unconditional.denoise(x, at).lerp(with, scale), with);
    }

    @Override public Estimate estimate(Tensor x, Level at) {
        if (scale == 1) return conditional.estimate(x, at);
        Estimate with = conditional.estimate(x, at), without = unconditional.estimate(x, at);
        if (rescale > 0) {
            Tensor x0 = rescaled(without.x0().lerp(with.x0(), scale), with.x0());
            return new Estimate(x0, at.eps(x, x0), with.variance());
        }
        return new Estimate(without.x0().lerp(with.x0(), scale), without.eps().lerp(with.eps(), scale), with.variance());
    }

    private Tensor rescaled(Tensor guided, Tensor with) {
        if (rescale == 0) return guided;
        long[] all = LongStream.range(1, with.dims()).toArray();
        Tensor ratio = with.var(true, true, all).div(guided.var(true, true, all)).sqrt();   // [B,1,...]
        return guided.lerp(guided.mul(ratio), rescale);
    }
}
