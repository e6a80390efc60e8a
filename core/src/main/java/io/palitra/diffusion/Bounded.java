package io.palitra.diffusion;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Tensor;

/**
 * A denoiser whose x0 is bounded, since real data has bounds.
 *
 * @param keepEps whether eps stays the denoiser's prediction (Song et al. 2021) or follows from x and the bounded x0 (guided diffusion)
 */
public record Bounded(Denoiser of, Bound bound, boolean keepEps) implements Denoiser {
    /** The bound of x0 [B,...]. */
    public sealed interface Bound permits Range, Dynamic {
        Tensor apply(Tensor x0);
    }

    /** Clamped to [-limit, limit], in data units. */
    public record Range(double limit) implements Bound {
        public Range {
            if (!(limit > 0)) throw new ArgumentException("illegal limit: " + limit + ", must be above 0");
        }

        @Override public Tensor apply(Tensor x0) { return x0.clamp(-limit, limit); }
    }

    /**
     * Dynamic thresholding, Saharia et al. 2022, arXiv:2205.11487, section 2.3: s is the given quantile of |x0| of each item, held
     * between 1 and max; x0 is clamped to [-s, s] and divided by s.
     */
    public record Dynamic(double quantile, double max) implements Bound {
        public Dynamic {
            if (!(quantile > 0 && quantile <= 1)) {
                throw new ArgumentException("illegal quantile: " + quantile + ", must be above 0 and at most 1");
            }
            if (!(max > 0)) throw new ArgumentException("illegal max: " + max + ", must be above 0");
        }

        @Override public Tensor apply(Tensor x0) {
            Tensor s = x0.abs().flatten(1).quantile(quantile, 1).clampMin(1).clampMax(max).broadcastTo(x0.dims());   // [B,1,...]
            return x0.minimum(s).maximum(s.neg()).div(s);
        }
    }

    @Override public Tensor denoise(Tensor x, Level at) { return bound.apply(of.denoise(x, at)); }

    @Override public Estimate estimate(Tensor x, Level at) {
        Estimate raw = of.estimate(x, at);
        Tensor x0 = bound.apply(raw.x0());
        return new Estimate(x0, keepEps ? raw.eps() : at.eps(x, x0), raw.variance());
    }
}
