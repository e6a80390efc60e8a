package io.palitra.diffusion;

import io.palitra.engine.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * What the samplers of the DPM-Solver kind share. The ODE is linear in x except for the network's prediction. Over lambda =
 * log(alpha / sigma), a step of width h is exact but for an integral of exp(±lambda) times the prediction, which becomes a polynomial:
 * Lu et al. 2022, arXiv:2206.00927, eq. 3.4 for eps, arXiv:2211.01095, eq. 8 for x0.
 */
public final class Dpm {
    /** Which prediction is approximated by a polynomial in lambda, and whether the SDE is followed in place of the ODE. */
    public enum Form {
        /** DPM-Solver: the noise. */
        EPS,
        /** DPM-Solver++: the data. */
        DATA,
        /** SDE-DPM-Solver. */
        SDE_EPS,
        /** SDE-DPM-Solver++. */
        SDE_DATA;

        private boolean data() { return this == DATA || this == SDE_DATA; }

        private boolean sde() { return this == SDE_EPS || this == SDE_DATA; }

        /** The tensor that the polynomial goes through. */
        Tensor of(Denoiser.Estimate estimate) { return data() ? estimate.x0() : estimate.eps(); }

        /** The exponent whose exponential function is integrated over a step. */
        double k(double h) { return data() ? (sde() ? -2 : -1) * h : h; }

        /** The scale of the integral at the end of a step. */
        double scale(Level to) { return data() ? to.alpha() : sde() ? 2 * to.sigma() : to.sigma(); }
    }

    /** How a line is integrated: MIDPOINT takes its value at the middle of a step, HEUN integrates it exactly. */
    public enum Solver { MIDPOINT, HEUN }

    /** Order of the last steps: FULL as before, EULER the last of first order, FALLING the last but one of second at most besides. */
    public enum Ending {
        FULL, EULER, FALLING;

        /** The order of leg i of n. */
        int order(int order, int i, int n) {
            int left = n - i;
            if (left == 1 && this != FULL) return 1;
            return left == 2 && this == FALLING ? Math.min(order, 2) : order;
        }
    }

    private Dpm() {}

    /**
     * A_t x - s ((e^k - 1) D0 + c1 D1 + c2 D2), and fresh noise in an SDE; D0 is the prediction at the base, D1 and D2 are its first
     * two derivatives by lambda times h and h². Of first order where h is infinite: no polynomial is defined there.
     */
    static Tensor step(Form form, SamplerHistory.Entry base, SolverStage leg, @Nullable Tensor d1, @Nullable Tensor d2, boolean midpoint,
        Noise noise) {
        double h = leg.h(), k = form.k(h);
        Tensor x = first(form, base, leg, h, noise);
        if (!Double.isFinite(h) || h == 0) return x;
        double s = form.scale(leg.to());
        // the SDE's second derivative has no paper: its half is added where the integral subtracts it, as public samplers have it
        double c1 = midpoint ? 0.5 * Math.expm1(k) : Math.expm1(k) / k - 1;
        double c2 = (Math.expm1(k) - k) / (k * k) + (form.sde() ? 0.5 : -0.5);
        if (d1 != null) x = x.sub(d1.mul(s * c1));
        return d2 == null ? x : x.sub(d2.mul(s * c2));
    }

    private static Tensor first(Form form, SamplerHistory.Entry base, SolverStage leg, double h, Noise noise) {
        if (!form.sde()) return Sampler.Ddim.ddimStep(base, leg);
        Level to = leg.to();
        Tensor x0 = base.estimate().x0();
        if (to.sigma() == 0) return x0.mul(to.alpha());
        if (form == Form.SDE_DATA || h == Double.POSITIVE_INFINITY) {
            double e = Math.exp(-h);
            Tensor mean = base.x().mul(to.sigma() / leg.from().sigma() * e).add(x0.mul(-to.alpha() * Math.expm1(-2 * h)));
            return mean.add(noise.like(x0).mul(to.sigma() * Math.sqrt(Math.max(0, -Math.expm1(-2 * h)))));
        }
        Tensor mean = base.x().mul(to.alpha() / leg.from().alpha()).sub(base.estimate().eps().mul(2 * to.sigma() * Math.expm1(h)));
        return mean.add(noise.like(x0).mul(to.sigma() * Math.sqrt(Math.max(0, Math.expm1(2 * h)))));
    }
}
