package io.palitra.stage;

import io.palitra.data.Condition;
import io.palitra.diffusion.Denoiser;
import io.palitra.diffusion.Sampler;
import io.palitra.engine.Rng;

/**
 * A model that draws along falling noise levels, so that what it draws can be changed on the way: begun from a picture, kept in part, or
 * gone on with by another model.
 */
public interface ByDenoising<S extends Record> {
    /** Its network, trained levels, and what noise is added to. */
    DenoisingModel denoising();

    /** The way from noise to items. */
    Sampler sampler(S how);

    /**
     * E[x0 | x] of count items that are given this.
     *
     * @throws IllegalArgumentException for sampling keys that the model does not have
     */
    Denoiser denoiser(S how, Condition given, int count, Rng rng);
}
