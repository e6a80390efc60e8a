package io.palitra.diffusion;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Tensor;

/**
 * What a network predicts from x = alpha x0 + sigma eps: the noise (Ho et al. 2020, arXiv:2006.11239, eq. 14), the data, or the velocity
 * v = (alpha eps - sigma x0) / sqrt(alpha² + sigma²) (Salimans and Ho 2022, arXiv:2202.00512, where the root is 1; with it, v is the same
 * whatever the scale of x). Tensors are [B,...]; alpha and sigma are one level for all, or [B,1,...].
 */
public enum Prediction {
    EPS, X0, V;

    /** The target of the training loss. */
    public Tensor target(Tensor x0, Tensor eps, Tensor alpha, Tensor sigma) {
        return switch (this) {
            case EPS -> eps;
            case X0 -> x0;
            case V -> alpha.mul(eps).sub(sigma.mul(x0)).div(power(alpha, sigma).sqrt());
        };
    }

    /** The output of a network that predicts x0 and eps at a level. */
    Tensor output(Denoiser.Estimate estimate, Level at) {
        return switch (this) {
            case EPS -> estimate.eps();
            case X0 -> estimate.x0();
            case V -> estimate.eps().mul(at.alpha()).sub(estimate.x0().mul(at.sigma())).div(Math.sqrt(power(at)));
        };
    }

    /** x0 from the network's output. @throws IllegalStateException for EPS at alpha = 0, where x does not depend on the data */
    public Tensor x0(Tensor out, Tensor x, Level at) {
        return switch (this) {
            case EPS -> {   // Ho et al. 2020, eq. 15
                if (at.alpha() == 0) {
                    throw new IllegalStateException("prediction EPS gives no data at alpha = 0 (zero terminal SNR); use V or X0");
                }
                yield x.sub(out.mul(at.sigma())).div(at.alpha());
            }
            case X0 -> out;
            case V -> x.mul(at.alpha() / power(at)).sub(out.mul(at.sigma() / Math.sqrt(power(at))));
        };
    }

    /** x0 from the network's output, one level per item; infinite or NaN for EPS where alpha = 0. */
    public Tensor x0(Tensor out, Tensor x, Tensor alpha, Tensor sigma) {
        return switch (this) {
            case EPS -> x.sub(out.mul(sigma)).div(alpha);
            case X0 -> out;
            case V -> {
                Tensor power = power(alpha, sigma);
                yield x.mul(alpha).div(power).sub(out.mul(sigma).div(power.sqrt()));
            }
        };
    }

    /** eps from the network's output. @throws IllegalStateException for X0 at sigma = 0 */
    public Tensor eps(Tensor out, Tensor x, Level at) {
        return switch (this) {
            case EPS -> out;
            case X0 -> at.eps(x, out);
            case V -> out.mul(at.alpha() / Math.sqrt(power(at))).add(x.mul(at.sigma() / power(at)));
        };
    }

    /** eps from the network's output, one level per item; infinite or NaN for X0 where sigma = 0. */
    public Tensor eps(Tensor out, Tensor x, Tensor alpha, Tensor sigma) {
        return switch (this) {
            case EPS -> out;
            case X0 -> x.sub(out.mul(alpha)).div(sigma);
            case V -> {
                Tensor power = power(alpha, sigma);
                yield out.mul(alpha).div(power.sqrt()).add(x.mul(sigma).div(power));
            }
        };
    }

    /**
     * Weights of the squared error that make every prediction's loss the x0-loss weighted by min(SNR, gamma), SNR = (alpha / sigma)²:
     * Hang et al. 2023, arXiv:2303.09556, section 3.4. Shaped as alpha and sigma; gamma is 5 in the paper.
     */
    public Tensor minSnr(Tensor alpha, Tensor sigma, double gamma) {
        if (!(gamma > 0)) throw new ArgumentException("illegal gamma: " + gamma + ", must be above 0");
        Tensor a2 = alpha.square(), s2 = sigma.square();
        return switch (this) {
            case EPS -> s2.div(a2).mul(gamma).clampMax(1);
            case X0 -> a2.div(s2).clampMax(gamma);
            case V -> a2.minimum(s2.mul(gamma)).div(a2.add(s2));
        };
    }

    private static double power(Level at) { return at.alpha() * at.alpha() + at.sigma() * at.sigma(); }

    private static Tensor power(Tensor alpha, Tensor sigma) { return alpha.square().add(sigma.square()); }
}
