package io.palitra.diffusion;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Tensor;

/**
 * f(x, t) = c_skip x + c_out x0, which is x itself at t = 0: the boundary condition of consistency models, Song et al. 2023,
 * arXiv:2303.01469, eq. 5, as latent consistency models set it on discrete times, Luo et al. 2023, arXiv:2310.04378, appendix.
 *
 * @param scaling what t is multiplied by: the larger, the nearer to t = 0 f is x0
 */
public record ConsistencyModel(Denoiser of, double scaling) implements Denoiser {
    private static final double SIGMA_DATA = 0.5;

    public ConsistencyModel {
        if (!(scaling > 0 && scaling < Double.POSITIVE_INFINITY)) {
            throw new ArgumentException("illegal scaling: " + scaling + ", must be finite and above 0");
        }
    }

    @Override public Tensor denoise(Tensor x, Level at) {
        double t = scaling * at.t(), root = Math.hypot(t, SIGMA_DATA), skip = SIGMA_DATA / root;
        return of.denoise(x, at).mul(t / root).add(x.mul(skip * skip));
    }

    /** The same of items [B,...] at times [B] of their own, from the data that the network expects. */
    public static Tensor at(Tensor x, Tensor x0, Tensor times, double scaling) {
        Tensor t = times.to(x.dtype()).mul(scaling).broadcastTo(x.dims()), square = t.square().add(SIGMA_DATA * SIGMA_DATA);
        return x0.mul(t.div(square.sqrt())).add(x.mul(SIGMA_DATA * SIGMA_DATA).div(square));
    }
}
