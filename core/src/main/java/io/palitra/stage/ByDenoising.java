package io.palitra.stage;

import io.palitra.data.Condition;
import io.palitra.diffusion.Denoiser;
import io.palitra.diffusion.LevelTable;
import io.palitra.diffusion.Sampler;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;

/**
 * A model that draws along falling noise levels, so that what it draws can be changed on the way: begun from a picture, kept in part, or
 * gone on with by another model.
 */
public interface ByDenoising<S extends Record> {
    /** The trained levels. */
    LevelTable table();

    /** The way from noise to items. */
    Sampler sampler(S how);

    /** Noise [n,...] that sampling starts from. */
    Tensor noise(int n, Rng rng);

    /**
     * E[x0 | x] of count items that are given this.
     *
     * @throws IllegalArgumentException for sampling keys that the model does not have
     */
    Denoiser denoiser(S how, Condition given, int count, Rng rng);

    /** What noise is added to, of pictures [B,C,H,W] in [-1,1]: themselves, or latents. */
    Tensor clean(Tensor pictures);

    /** Pictures of it. */
    Tensor pictures(Tensor clean);
}
