package io.palitra.diffusion;

import io.palitra.engine.Tensor;

/** Where a sampler takes its fresh noise from: {@code rng::normalLike}, or a recording. */
@FunctionalInterface
public interface Noise {
    /** The next draw of standard normal numbers, shaped like x and on its device. */
    Tensor like(Tensor x);
}
