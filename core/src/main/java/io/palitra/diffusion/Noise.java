package io.palitra.diffusion;

import io.palitra.engine.Tensor;

/** The source of a sampler's fresh noise: {@code rng::normalLike}, or recorded draws. */
@FunctionalInterface
public interface Noise {
    /** The next draw of standard normal numbers, shaped like x and on its device. */
    Tensor like(Tensor x);
}
