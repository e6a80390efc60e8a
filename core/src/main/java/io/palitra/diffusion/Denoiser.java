package io.palitra.diffusion;

import io.palitra.engine.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * D(x; level) = E[x0 given x = alpha x0 + sigma eps]: the expected clean data, Karras et al. 2022, arXiv:2206.00364. Whatever is done
 * around a network - guidance, clipping, inpainting - is a denoiser that wraps a denoiser.
 */
@FunctionalInterface
public interface Denoiser {
    /** x and the result [B,...]. */
    Tensor denoise(Tensor x, Level at);

    /** Predicts x0 and eps. A denoiser that predicts eps directly overrides this: more exact than the subtraction. */
    default Estimate estimate(Tensor x, Level at) {
        Tensor x0 = denoise(x, at);
        return new Estimate(x0, at.eps(x, x0));
    }

    /**
     * Expected data and expected noise, both [B,...]; x = alpha x0 + sigma eps unless x0 was bounded and eps was not.
     *
     * @param variance [B,...], what a network that learned it predicts of the variance of a step (see {@link Sampler.Ddpm.Variance});
     *                 null of others
     */
    record Estimate(Tensor x0, Tensor eps, @Nullable Tensor variance) {
        public Estimate(Tensor x0, Tensor eps) { this(x0, eps, null); }
    }
}
