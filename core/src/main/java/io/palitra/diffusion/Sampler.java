package io.palitra.diffusion;

import io.palitra.config.Help;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Goes from noise to data along falling noise levels. A closed set of records, each a pure function of its arguments, written once for
 * every scale of the data (see {@link Level}): below, x_s at (alpha_s, sigma_s) is what follows x_t at (alpha_t, sigma_t).
 */
public sealed interface Sampler {
    /** How many levels are visited before the data. */
    int steps();

    /** Where they lie. */
    Spacing spacing();

    /** x_s from x_t [B,...], without memory of earlier steps: for those who change x or the model on the way. */
    Tensor step(Denoiser model, Tensor x, Level from, Level to, Noise noise);

    /**
     * Data from x [B,...] at levels[0], following the levels to the last; one level leaves x as it is. Turns in {@link Scope#fold}.
     *
     * @throws IllegalArgumentException if sigma / alpha rises, or a level other than the last is clean
     */
    default Tensor sample(Denoiser model, Tensor x, List<Level> levels, Noise noise) {
        check(levels);
        return Scope.fold(x, levels.size() - 1, (xi, i) -> step(model, xi, levels.get(i), levels.get(i + 1), noise));
    }

    /** This sampler's levels of a schedule, {@link Level#CLEAN} at the end. */
    default List<Level> levels(NoiseTable table) { return spacing().levels(table, steps()); }

    /** Draws from the posterior q(x_s given x_t, x0): Ho et al. 2020, arXiv:2006.11239, algorithm 2, also for steps that skip levels. */
    record Ddpm(@Help(value = "steps", min = 1) int steps, @Help("where the steps lie") Spacing spacing,
            @Help("how much fresh noise a step adds") Variance variance) implements Sampler {
        /**
         * SMALL is the variance of the posterior, right where x0 is one point. LARGE is that of q(x_t given x_s), right where x0 is
         * standard normal; it leaves noise in the data if the last step starts above t = 0, so it wants a spacing that ends at 0.
         */
        public enum Variance { SMALL, LARGE }

        public Ddpm() { this(1000, new Spacing.Leading(), Variance.SMALL); }

        public Ddpm { check(steps); }

        @Override public Tensor step(Denoiser model, Tensor x, Level from, Level to, Noise noise) {
            double forward = forwardVariance(from, to), t2 = from.sigma() * from.sigma(), s2 = to.sigma() * to.sigma();
            Tensor mean = model.denoise(x, from).mul(to.alpha() * forward / t2).add(x.mul(from.alpha() / to.alpha() * s2 / t2));   // eq. 7
            if (to.sigma() == 0 && from.t() <= 0) return mean;
            double variance = variance() == Variance.LARGE ? forward : forward * s2 / t2;
            return mean.add(noise.like(x).mul(Math.sqrt(variance)));
        }
    }

    /** Song et al. 2021, arXiv:2010.02502, eq. 12 and 16. eta 0 is deterministic, 1 adds the noise of DDPM's small variance. */
    record Ddim(@Help(value = "steps", min = 1) int steps, @Help("where the steps lie") Spacing spacing,
            @Help(value = "fresh noise: 0 none, 1 as much as DDPM", min = 0, max = 1) double eta) implements Sampler {
        public Ddim() { this(50, new Spacing.Trailing(), 0); }

        public Ddim {
            check(steps);
            if (!(eta >= 0 && eta <= 1)) throw new IllegalArgumentException("illegal eta: " + eta + ", must be from 0 to 1");
        }

        @Override public Tensor step(Denoiser model, Tensor x, Level from, Level to, Noise noise) {
            return implicit(model.estimate(x, from), x, from, to, eta, noise);
        }
    }

    /** The probability-flow ODE in steps of first order: Karras et al. 2022, arXiv:2206.00364, algorithm 1 without its correction. */
    record Euler(@Help(value = "steps", min = 1) int steps, @Help("where the steps lie") Spacing spacing) implements Sampler {
        public Euler() { this(30, new Spacing.Linspace()); }

        public Euler { check(steps); }

        @Override public Tensor step(Denoiser model, Tensor x, Level from, Level to, Noise noise) {
            return implicit(split(model, x, from), x, from, to, 0, noise);
        }
    }

    /** Euler steps to below the next level, and fresh noise up to it: as much as DDPM's small variance. Karras 2022, section 4. */
    record EulerAncestral(@Help(value = "steps", min = 1) int steps, @Help("where the steps lie") Spacing spacing) implements Sampler {
        public EulerAncestral() { this(30, new Spacing.Linspace()); }

        public EulerAncestral { check(steps); }

        @Override public Tensor step(Denoiser model, Tensor x, Level from, Level to, Noise noise) {
            return implicit(split(model, x, from), x, from, to, 1, noise);
        }
    }

    /** The probability-flow ODE in steps of second order, two network calls each but the last: Karras 2022, algorithm 1. */
    record Heun(@Help(value = "steps", min = 1) int steps, @Help("where the steps lie") Spacing spacing) implements Sampler {
        public Heun() { this(18, new Spacing.Karras()); }

        public Heun { check(steps); }

        @Override public Tensor step(Denoiser model, Tensor x, Level from, Level to, Noise noise) {
            Denoiser.Estimate here = split(model, x, from);
            // the trapezoid's far side is undefined at sigma = 0, and its width infinite at alpha = 0
            if (to.sigma() == 0 || from.alpha() == 0) return implicit(here, x, from, to, 0, noise);
            Tensor scaled = x.mul(to.alpha() / from.alpha());
            double ds = to.alpha() * (to.ratio() - from.ratio());
            Tensor euler = scaled.add(here.eps().mul(ds));
            return scaled.add(here.eps().add(split(model, euler, to).eps()).mul(0.5 * ds));
        }
    }

    /**
     * DPM-Solver++(2M), Lu et al. 2022, arXiv:2211.01095, algorithm 2: the ODE in lambda = log(alpha / sigma), x0 drawn on a line through
     * its last two values; one network call a step. The first step is of first order, the last too if it ends in clean data.
     *
     * @param eulerLast whether the last step is of first order wherever it ends: steadier with fewer than 15 steps
     */
    record DpmPlusPlus2M(@Help(value = "steps", min = 1) int steps, @Help("where the steps lie") Spacing spacing,
            @Help("how the line is integrated") Solver solver, @Help("whether the last step is of first order") boolean eulerLast)
            implements Sampler {
        /** MIDPOINT takes the line's value at the middle of a step, HEUN integrates it exactly. */
        public enum Solver { MIDPOINT, HEUN }

        public DpmPlusPlus2M() { this(20, new Spacing.Karras(), Solver.MIDPOINT, true); }

        public DpmPlusPlus2M { check(steps); }

        @Override public Tensor step(Denoiser model, Tensor x, Level from, Level to, Noise noise) {
            return next(model.denoise(x, from), null, x, null, from, to);
        }

        @Override public Tensor sample(Denoiser model, Tensor x, List<Level> levels, Noise noise) {
            Sampler.check(levels);
            int n = levels.size() - 1;
            @Nullable Tensor[] last = {null};   // x0 of the step before: outlives its turn, and is freed here
            try {
                return Scope.fold(x, n, (xi, i) -> {
                    Tensor x0 = model.denoise(xi, levels.get(i));
                    boolean first = last[0] == null || eulerLast && i == n - 1;
                    Tensor next = first ? next(x0, null, xi, null, levels.get(i), levels.get(i + 1))
                        : next(x0, last[0], xi, levels.get(i - 1), levels.get(i), levels.get(i + 1));
                    free(last[0]);
                    last[0] = x0.detach().retain();   // a handle of our own: the model's tensor is not ours to free
                    return next;
                });
            } finally {
                free(last[0]);
            }
        }

        private Tensor next(Tensor x0, @Nullable Tensor before, Tensor x, @Nullable Level earlier, Level from, Level to) {
            double e = to.ratio() / from.ratio();   // exp(-h), h = lambda_s - lambda_t
            Tensor euler = x.mul(to.sigma() / from.sigma()).add(x0.mul(to.alpha() * (1 - e)));   // first order, eq. 9
            double h = -Math.log(e);
            if (before == null || earlier == null || h == 0 || h == Double.POSITIVE_INFINITY) return euler;
            double share = h / Math.log(earlier.ratio() / from.ratio());   // 1 / r: slope of x0 over this step
            double c = to.alpha() * (solver == Solver.MIDPOINT ? 0.5 * (1 - e) : 1 - (1 - e) / h);
            return euler.add(x0.sub(before).mul(c * share));
        }

        private static void free(@Nullable Tensor t) {
            if (t != null) t.free();
        }
    }

    /** alpha_s x0 + sqrt(sigma_s² - d²) eps + d n, where d is eta times the posterior's deviation; Song et al. 2021, eq. 12. */
    private static Tensor implicit(Denoiser.Estimate at, Tensor x, Level from, Level to, double eta, Noise noise) {
        double d = eta * to.sigma() / from.sigma() * Math.sqrt(forwardVariance(from, to));
        double keep = Math.sqrt(Math.max(0, to.sigma() * to.sigma() - d * d));
        Tensor mean = at.x0().mul(to.alpha()).add(at.eps().mul(keep));
        return eta == 0 || to.sigma() == 0 ? mean : mean.add(noise.like(x).mul(d));
    }

    /** The noise as x says, given x0: what an ODE in x follows even where x0 was bounded. */
    private static Denoiser.Estimate split(Denoiser model, Tensor x, Level at) {
        Tensor x0 = model.denoise(x, at);
        return new Denoiser.Estimate(x0, at.eps(x, x0));
    }

    /** Variance of q(x_t given x_s): sigma_t² - (alpha_t / alpha_s)² sigma_s². */
    private static double forwardVariance(Level from, Level to) {
        double a = from.alpha() / to.alpha() * to.sigma();
        return Math.max(0, from.sigma() * from.sigma() - a * a);
    }

    private static void check(List<Level> levels) {
        if (levels.isEmpty()) throw new IllegalArgumentException("a sampler wants at least one noise level, got none");
        for (int i = 0; i + 1 < levels.size(); i++) {
            Level from = levels.get(i), to = levels.get(i + 1);
            if (!(from.sigma() > 0 && to.alpha() > 0 && to.ratio() <= from.ratio())) {
                throw new IllegalArgumentException("noise must fall from level to level: " + i + " is " + from + ", then comes " + to);
            }
        }
    }

    private static void check(int steps) {
        if (steps < 1) throw new IllegalArgumentException("illegal steps: " + steps + ", must be at least 1");
    }
}
