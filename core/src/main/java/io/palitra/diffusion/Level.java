package io.palitra.diffusion;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Tensor;

/**
 * How noisy x is: x = alpha x0 + sigma eps, with eps standard normal. Variance preserving models have alpha² + sigma² = 1 (Ho et al.
 * 2020), variance exploding ones alpha = 1 (Karras et al. 2022), flow matching has alpha = 1 - sigma (Lipman et al. 2023). alpha = 0 is
 * pure noise (Lin et al. 2024, arXiv:2305.08891), sigma = 0 is clean data.
 *
 * @param alpha share of the data
 * @param sigma standard deviation of the noise, in data units
 * @param t     the time that is the network's input; may lie between two trained ones
 */
public record Level(double alpha, double sigma, double t) {
    /** Data without noise. */
    public static final Level CLEAN = new Level(1, 0, 0);

    public Level {
        if (!(alpha >= 0 && alpha < Double.POSITIVE_INFINITY && sigma >= 0 && sigma < Double.POSITIVE_INFINITY && alpha + sigma > 0)) {
            throw new ArgumentException("illegal noise level: alpha " + alpha + ", sigma " + sigma
                + "; both must be finite, at least 0, and one above 0");
        }
        if (!Double.isFinite(t)) throw new ArgumentException("illegal time: " + t + ", must be finite");
    }

    /** Variance preserving, from the ratio s = sigma / alpha, which may be infinite. */
    public static Level preserving(double s, double t) {
        if (s == Double.POSITIVE_INFINITY) return new Level(0, 1, t);
        double alpha = 1 / Math.sqrt(s * s + 1);
        return new Level(alpha, s * alpha, t);
    }

    /** Variance exploding: x = x0 + sigma eps. */
    public static Level exploding(double sigma, double t) { return new Level(1, sigma, t); }

    /** sigma / alpha: the noise where the data has its own scale. Infinite where there is no data left. */
    public double ratio() { return sigma / alpha; }

    /** x = alpha x0 + sigma eps: Ho et al. 2020, eq. 4. */
    public Tensor noised(Tensor x0, Tensor eps) { return x0.mul(alpha).add(eps.mul(sigma)); }

    /** The noise in x, if its data is x0: (x - alpha x0) / sigma. @throws IllegalStateException where there is none */
    public Tensor eps(Tensor x, Tensor x0) {
        if (sigma == 0) throw new IllegalStateException("noise cannot be computed from data at sigma = 0");
        return x.sub(x0.mul(alpha)).div(sigma);
    }
}
