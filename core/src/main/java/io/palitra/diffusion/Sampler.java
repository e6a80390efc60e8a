package io.palitra.diffusion;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Goes from noise to data along falling noise levels. A closed set of records, each a pure function of its arguments, written once for
 * every scale of the data (see {@link Level}). The letters, here and below: a step goes from x_t at (alpha_t, sigma_t) to x_s at
 * (alpha_s, sigma_s), which has less noise; the network predicts x0 = D(x_t; t), and eps = (x_t - alpha_t x0) / sigma_t.
 *
 * <p>Read {@link Euler}, {@link Ddim} and {@link DpmPlusPlus2M}, the default, first: each stands here whole. A run is a list of
 * {@link SolverStage}s ({@link #legs}), one per network call; {@link #run} calls the network and {@link #next} computes the next x.
 */
public sealed interface Sampler permits Sampler.Ddpm, Sampler.Ddim, Sampler.Euler, Sampler.EulerAncestral, Sampler.Heun, Sampler.Dpm2,
        Sampler.DpmPlusPlus2M, Sampler.Consistency, DpmMultistep, DpmSinglestep, Deis, UniPc, SaSolver, Lms, Pndm, Ipndm, Tcd,
        StochasticIterative, ChurnedEuler, FlowHeun, RePaint {
    /** Far more than improve any sampler. */
    int MOST_STEPS = 10_000;

    /** Noise levels before the data. */
    int steps();

    /** How they are spaced. */
    Spacing spacing();

    /** x_s at the end of leg i, [B,...], from the network's predictions at this leg and at earlier ones. */
    Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise);

    /** How many earlier steps {@link #next} uses. */
    default int memory() { return 0; }

    /** The network calls of a run along falling levels, {@link Level#CLEAN} or another at the end. */
    default List<SolverStage> legs(List<Level> levels) { return SolverStage.between(levels); }

    /** x0 and eps by one network call. By default eps follows from x and x0: an ODE in x follows it even where x0 was bounded. */
    default Denoiser.Estimate ask(Denoiser model, Tensor x, Level at) {
        Tensor x0 = model.denoise(x, at);
        return new Denoiser.Estimate(x0, at.eps(x, x0));
    }

    /** A better x at leg i, computed from the prediction there; by default the same x. */
    default SamplerHistory.Entry corrected(List<SolverStage> legs, int i, SamplerHistory.Entry entry, SamplerHistory past) { return entry; }

    /** x_s from x_t [B,...], without memory of earlier steps: for those who change x or the model on the way. */
    default Tensor step(Denoiser model, Tensor x, Level from, Level to, Noise noise) {
        return run(model, x, legs(List.of(from, to)), noise);
    }

    /**
     * Data from x [B,...] at levels[0], following the levels to the last; one level leaves x as it is. Turns in {@link Scope#fold}, one
     * turn per network call.
     *
     * @throws IllegalArgumentException if sigma / alpha rises, or a level other than the last is clean
     */
    default Tensor sample(Denoiser model, Tensor x, List<Level> levels, Noise noise) {
        check(levels);
        return run(model, x, legs(levels), noise);
    }

    /** The same along legs that were made elsewhere; none leaves x as it is. */
    default Tensor run(Denoiser model, Tensor x, List<SolverStage> legs, Noise noise) {
        try (SamplerHistory past = new SamplerHistory(memory())) {
            return Scope.fold(x, legs.size(), (xi, i) -> {
                Level at = legs.get(i).at();
                past.add(corrected(legs, i, new SamplerHistory.Entry(at, xi, ask(model, xi, at)), past));
                Tensor next = next(legs, i, past, noise);
                past.turn(SolverStage.ends(legs, i));
                return next;
            });
        }
    }

    /** This sampler's levels of a schedule, {@link Level#CLEAN} at the end. */
    default List<Level> levels(LevelTable table) { return spacing().levels(table, steps()); }

    /**
     * The probability-flow ODE in steps of first order: Karras et al. 2022, arXiv:2206.00364, algorithm 1 without its second-order
     * correction. The paper's x_i is x / alpha here and its sigma_i is sigma / alpha: dx_i = eps dsigma_i, eq. 3 put into eq. 1.
     */
    record Euler(@Help(value = "steps", min = 1, max = Sampler.MOST_STEPS) int steps, @Help("where the steps lie") Spacing spacing)
        implements Sampler {
        public Euler() { this(30, new Spacing.Linspace()); }

        public Euler { SolverStage.check(steps); }

        @Override public Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise) {
            return eulerStep(past.base(), legs.get(i));
        }

        /** At alpha = 0 sigma_i is infinite; there DDIM's form of the same step is finite (Song et al. 2021, eq. 13, has both). */
        static Tensor eulerStep(SamplerHistory.Entry start, SolverStage leg) {
            Tensor d = start.estimate().eps();   // d_i = (x_i - D(x_i; sigma_i)) / sigma_i
            return leg.from().alpha() == 0 ? Ddim.ddimStep(start, leg) : eulerStep(start, leg, d, leg.to().ratio());
        }

        /** x_{i+1} = x_i + (sigma_{i+1} - sigma_i) d, times alpha at the end of the leg; {@code sigma} is the ratio sigma_{i+1}. */
        static Tensor eulerStep(SamplerHistory.Entry start, SolverStage leg, Tensor d, double sigma) {
            double alpha = leg.to().alpha(), scale = alpha / leg.from().alpha();
            return (scale == 1 ? start.x() : start.x().mul(scale)).add(d.mul(alpha * (sigma - leg.from().ratio())));
        }
    }

    /** Denoising diffusion implicit models, Song et al. 2021, arXiv:2010.02502. eta 0 is deterministic, 1 adds DDPM's small variance. */
    record Ddim(@Help(value = "steps", min = 1, max = Sampler.MOST_STEPS) int steps, @Help("where the steps lie") Spacing spacing,
            @Help(value = "fresh noise: 0 none, 1 as much as DDPM", min = 0, max = 1) double eta) implements Sampler {
        public Ddim() { this(50, new Spacing.Trailing(), 0); }

        public Ddim {
            SolverStage.check(steps);
            if (!(eta >= 0 && eta <= 1)) throw new ArgumentException("illegal eta: " + eta + ", must be from 0 to 1");
        }

        @Override public Denoiser.Estimate ask(Denoiser model, Tensor x, Level at) { return model.estimate(x, at); }

        @Override public Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise) {
            return ddimStep(past.base(), legs.get(i), eta, noise);
        }

        /** Eq. 12 without noise: x_s = alpha_s x0 + sigma_s eps. */
        static Tensor ddimStep(SamplerHistory.Entry start, SolverStage leg) {
            return leg.to().noised(start.estimate().x0(), start.estimate().eps());
        }

        /** x_s = alpha_s x0 + sqrt(sigma_s² - d²) eps + d n, n ~ N(0, I), d the paper's sigma(eta). */
        static Tensor ddimStep(SamplerHistory.Entry start, SolverStage leg, double eta, Noise noise) {
            Level t = leg.from(), s = leg.to();
            if (eta == 0 || s.sigma() == 0) return ddimStep(start, leg);
            double d = eta * s.sigma() / t.sigma() * Math.sqrt(leg.forwardVariance());   // eq. 16, root of 1 - alphaBar_t / alphaBar_s
            double direction = Math.sqrt(Math.max(0, s.sigma() * s.sigma() - d * d));
            Tensor mean = start.estimate().x0().mul(s.alpha()).add(start.estimate().eps().mul(direction));
            return mean.add(noise.like(start.x()).mul(d));                               // eq. 12
        }
    }

    /**
     * DPM-Solver++(2M), Lu et al. 2022, arXiv:2211.01095, algorithm 2: the ODE in lambda = log(alpha / sigma), with x0 on a line through
     * its last two predictions; one network call a step. The first step is of first order, the last too if it ends in clean data.
     *
     * @param eulerLast whether the last step is of first order wherever it ends: steadier with fewer than 15 steps
     */
    record DpmPlusPlus2M(@Help(value = "steps", min = 1, max = Sampler.MOST_STEPS) int steps, @Help("where the steps lie") Spacing spacing,
            @Help("how the line is integrated") Dpm.Solver solver, @Help("whether the last step is of first order") boolean eulerLast)
            implements Sampler {
        public DpmPlusPlus2M() { this(20, new Spacing.Karras(), Dpm.Solver.MIDPOINT, true); }

        public DpmPlusPlus2M { SolverStage.check(steps); }

        @Override public int memory() { return 1; }

        @Override public Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise) {
            Level t = legs.get(i).from(), s = legs.get(i).to();
            Tensor x0 = past.base().estimate().x0(), eps = past.base().estimate().eps();
            double h = Math.log(t.ratio() / s.ratio());                       // h_i = lambda_s - lambda_t
            Tensor first = s.noised(x0, eps);                                 // sigma_s/sigma_t x_t - alpha_s (e^-h - 1) x0, which is DDIM
            List<SamplerHistory.Entry> starts = past.newest(2);               // of this step and of the one before
            boolean euler = starts.size() < 2 || eulerLast && i + 1 == legs.size();
            if (euler || !Double.isFinite(h) || h == 0) return first;         // h is infinite from pure noise and to clean data
            Level u = starts.get(1).at();
            double r = Math.log(u.ratio() / t.ratio()) / h;                   // r_i = h_{i-1} / h_i
            Tensor d = x0.sub(starts.get(1).estimate().x0()).div(r);          // D_i = x0 + d / 2
            double c = solver == Dpm.Solver.MIDPOINT ? 0.5 * Math.expm1(-h)   // of d in (e^-h - 1) D_i
                : Math.expm1(-h) / -h - 1;                                    // the line integrated exactly, in place of its middle
            return first.sub(d.mul(s.alpha() * c));                           // sigma_s/sigma_t x_t - alpha_s (e^-h - 1) D_i
        }
    }

    /** Draws from the posterior q(x_s given x_t, x0): Ho et al. 2020, arXiv:2006.11239, algorithm 2, also for steps that skip levels. */
    record Ddpm(@Help(value = "steps", min = 1, max = Sampler.MOST_STEPS) int steps, @Help("where the steps lie") Spacing spacing,
            @Help("how much fresh noise a step adds") Variance variance) implements Sampler {
        /**
         * SMALL is the variance of the posterior, right where x0 is one point. LARGE is that of q(x_t given x_s), right where x0 is
         * standard normal; it leaves noise in the data if the last step starts above t = 0, so the spacing must end at 0. LEARNED_RANGE
         * lies between the logarithms of these two, where a network that learned it predicts, -1 to 1 (Nichol and Dhariwal 2021,
         * arXiv:2102.09672, eq. 15); LEARNED is what the network predicts.
         */
        public enum Variance { SMALL, LARGE, LEARNED_RANGE, LEARNED }

        /** Least variance of which there is a logarithm. */
        private static final double LEAST = 1e-20;

        public Ddpm() { this(1000, new Spacing.Leading(), Variance.SMALL); }

        public Ddpm { SolverStage.check(steps); }

        @Override public Denoiser.Estimate ask(Denoiser model, Tensor x, Level at) {
            return learned() ? model.estimate(x, at) : Sampler.super.ask(model, x, at);
        }

        @Override public Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise) {
            Level from = legs.get(i).from(), to = legs.get(i).to();
            Tensor x = past.base().x(), x0 = past.base().estimate().x0();
            double forward = legs.get(i).forwardVariance(), t2 = from.sigma() * from.sigma(), s2 = to.sigma() * to.sigma();
            Tensor mean = x0.mul(to.alpha() * forward / t2).add(x.mul(from.alpha() / to.alpha() * s2 / t2));   // eq. 7
            if (to.sigma() == 0 && from.t() <= 0) return mean;
            double posterior = forward * s2 / t2;
            if (learned()) return mean.add(noise.like(x).mul(deviation(past.base().estimate().variance(), posterior, forward)));
            return mean.add(noise.like(x).mul(Math.sqrt(variance() == Variance.LARGE ? forward : posterior)));
        }

        private boolean learned() { return variance == Variance.LEARNED_RANGE || variance == Variance.LEARNED; }

        private Tensor deviation(@Nullable Tensor v, double small, double large) {
            if (v == null) throw new ArgumentException("variance=" + variance + " wants a network that predicts a variance");
            if (variance == Variance.LEARNED) return v.sqrt();
            double least = Math.log(Math.max(small, LEAST)), most = Math.log(Math.max(large, LEAST));
            return v.add(1).mul((most - least) / 4).add(least / 2).exp();   // exp(log variance / 2), log variance on the line of eq. 15
        }
    }

    /** Euler steps to below the next level, and fresh noise up to it: as much as DDPM's small variance. Karras 2022, section 4. */
    record EulerAncestral(@Help(value = "steps", min = 1, max = Sampler.MOST_STEPS) int steps,
        @Help("where the steps lie") Spacing spacing) implements Sampler {
        public EulerAncestral() { this(30, new Spacing.Linspace()); }

        public EulerAncestral { SolverStage.check(steps); }

        @Override public Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise) {
            SolverStage leg = legs.get(i);
            Level from = leg.from(), to = leg.to();
            if (to.sigma() == 0 || from.alpha() == 0) return Ddim.ddimStep(past.base(), leg, 1, noise);
            double down = to.ratio() * to.ratio() / from.ratio(), up = Math.sqrt(to.ratio() * to.ratio() - down * down);
            Tensor x = Euler.eulerStep(past.base(), leg, past.base().estimate().eps(), down);
            return x.add(noise.like(x).mul(to.alpha() * up));
        }
    }

    /** The probability-flow ODE in steps of second order, two network calls each but the last: Karras 2022, algorithm 1. */
    record Heun(@Help(value = "steps", min = 1, max = Sampler.MOST_STEPS) int steps, @Help("where the steps lie") Spacing spacing)
        implements Sampler {
        public Heun() { this(18, new Spacing.Karras()); }

        public Heun { SolverStage.check(steps); }

        /** The far side of the trapezoid is undefined at sigma = 0, its width infinite at alpha = 0: there the step is Euler's. */
        @Override public List<SolverStage> legs(List<Level> levels) {
            List<SolverStage> legs = new ArrayList<>();
            for (SolverStage leg : SolverStage.between(levels)) {
                legs.add(leg);
                if (leg.to().sigma() > 0 && leg.from().alpha() > 0) legs.add(new SolverStage(leg.to(), leg.from(), leg.to()));
            }
            return List.copyOf(legs);
        }

        @Override public Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise) {
            SolverStage leg = legs.get(i);
            SamplerHistory.Entry base = past.base();
            if (leg.begins()) return Euler.eulerStep(base, leg);
            return Euler.eulerStep(base, leg, base.estimate().eps().add(past.stages().get(1).estimate().eps()).mul(0.5), leg.to().ratio());
        }
    }

    /**
     * The midpoint rule in log sigma, two network calls each step but the last: DPM-Solver-2, Lu et al. 2022, arXiv:2206.00927,
     * algorithm 1, in the coordinates of Karras et al. 2022. The ancestral form steps to below the next level and adds fresh noise, as
     * {@link EulerAncestral}.
     */
    record Dpm2(@Help(value = "steps", min = 1, max = Sampler.MOST_STEPS) int steps, @Help("where the steps lie") Spacing spacing,
            @Help("whether fresh noise is added") boolean ancestral) implements Sampler {
        public Dpm2() { this(18, new Spacing.Karras(), false); }

        public Dpm2 { SolverStage.check(steps); }

        /** sigma / alpha of the middle: the geometric mean of where a step starts and where its ODE part ends. */
        double middle(Level from, Level to) { return Math.sqrt(from.ratio() * down(from, to)); }

        @Override public List<SolverStage> legs(List<Level> levels) {
            List<SolverStage> legs = new ArrayList<>();
            for (SolverStage leg : SolverStage.between(levels)) {
                Level from = leg.from(), to = leg.to();
                if (to.sigma() == 0 || from.alpha() == 0) {
                    legs.add(leg);
                    continue;
                }
                Level middle = Level.exploding(middle(from, to), ancestral ? to.t() : (from.t() + to.t()) / 2);
                legs.add(new SolverStage(from, middle));
                legs.add(new SolverStage(middle, from, to));
            }
            return List.copyOf(legs);
        }

        @Override public Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise) {
            SolverStage leg = legs.get(i);
            SamplerHistory.Entry base = past.base();
            if (leg.begins() && ancestral && SolverStage.ends(legs, i)) return Ddim.ddimStep(base, leg, 1, noise);
            if (leg.begins()) return Euler.eulerStep(base, leg);
            Tensor slope = past.stages().get(1).estimate().eps();
            if (!ancestral) return Euler.eulerStep(base, leg, slope, leg.to().ratio());
            double middle = leg.at().ratio(), down = middle * middle / leg.from().ratio(), to = leg.to().ratio();
            Tensor x = Euler.eulerStep(base, leg, slope, down);
            return x.add(noise.like(x).mul(leg.to().alpha() * Math.sqrt(Math.max(0, to * to - down * down))));
        }

        private double down(Level from, Level to) { return ancestral ? to.ratio() * to.ratio() / from.ratio() : to.ratio(); }
    }

    /** The expected data, noised again to the next level: Song et al. 2023, arXiv:2303.01469, algorithm 1. For consistency models. */
    record Consistency(@Help(value = "steps", min = 1, max = Sampler.MOST_STEPS) int steps, @Help("where the steps lie") Spacing spacing)
        implements Sampler {
        public Consistency() { this(4, new Spacing.Trailing()); }

        public Consistency { SolverStage.check(steps); }

        @Override public Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise) {
            Level to = legs.get(i).to();
            Tensor x0 = past.base().estimate().x0();
            return to.sigma() == 0 ? x0.mul(to.alpha()) : to.noised(x0, noise.like(x0));
        }
    }

    private static void check(List<Level> levels) {
        if (levels.isEmpty()) throw new ArgumentException("a sampler wants at least one noise level, got none");
        for (int i = 0; i + 1 < levels.size(); i++) {
            Level from = levels.get(i), to = levels.get(i + 1);
            if (!(from.sigma() > 0 && to.alpha() > 0 && to.ratio() <= from.ratio())) {
                throw new ArgumentException("noise must fall from level to level: " + i + " is " + from + ", then comes " + to);
            }
        }
    }
}
