package io.palitra.diffusion;

import io.palitra.engine.Tensor;

/** D(x; sigma) = E[x0 given x = x0 + sigma eps]: the expected clean data. x [B,...], sigma in data units. Karras et al. 2022. */
@FunctionalInterface
public interface Denoiser {
    Tensor denoise(Tensor x, double sigma);
}
