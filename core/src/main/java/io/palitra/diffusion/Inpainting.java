package io.palitra.diffusion;

import io.palitra.engine.Tensor;

/**
 * A denoiser to which part of the data is known: inpainting with a model that was not trained for it. Replacing the expected data, not x,
 * every sampler works with it, and the known part follows exactly the noise it began with.
 *
 * @param known [1,C,H,W] or [B,C,H,W]
 * @param drawn 1 where the data is not known, 0 where it is; shaped as the data, or [1,1,H,W]
 */
public record Inpainting(Denoiser of, Tensor known, Tensor drawn) implements Denoiser {
    @Override public Tensor denoise(Tensor x, Level at) { return known.add(of.denoise(x, at).sub(known).mul(drawn)); }
}
