package io.palitra.diffusion;

import io.palitra.config.Help;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Goes from noise to data along falling noise levels. A closed set of records, each a pure function of its arguments, written once for
 * every scale of the data (see {@link Level}): below, x_s at (alpha_s, sigma_s) is what follows x_t at (alpha_t, sigma_t). Every method is
 * a list of {@link SolverStage}s, one per network call, and what follows from what was said at the last of them: {@link #legs},
 {@link #next}.
 */
public sealed interface Sampler permits Sampler.Ddpm, Sampler.Ddim, Sampler.Euler, Sampler.EulerAncestral, Sampler.Heun, Sampler.Dpm2,
        Sampler.DpmPlusPlus2M, Sampler.Consistency, DpmMultistep, DpmSinglestep, Deis, UniPc, Lms, Pndm {
    /** Far more than any sampler gains by. */
    int MOST_STEPS = 10_000;

    /** How many levels are visited before the data. */
    int steps();

    /** Where they lie. */
    Spacing spacing();

    /** x_s at the end of leg i, [B,...], from what the network has said at it and before. */
    Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise);

    /** How many earlier steps {@link #next} looks back on. */
    default int memory() { return 0; }

    /** The network calls of a run along falling levels, {@link Level#CLEAN} or another at the end. */
    default List<SolverStage> legs(List<Level> levels) { return SolverStage.between(levels); }

    /** What x is taken to be. By default the noise is what is left of x, given x0: an ODE in x follows it even where x0 was bounded. */
    default Denoiser.Estimate ask(Denoiser model, Tensor x, Level at) {
        Tensor x0 = model.denoise(x, at);
        return new Denoiser.Estimate(x0, at.eps(x, x0));
    }

    /** A better x at leg i, once the network has said something of it; by default the same. */
    default SamplerHistory.Entry corrected(List<SolverStage> legs, int i, SamplerHistory.Entry entry, SamplerHistory past) { return entry; }

    /** x_s from x_t [B,...], without memory of earlier steps: for those who change x or the model on the way. */
    default Tensor step(Denoiser model, Tensor x, Level from, Level to, Noise noise) {
        return walk(model, x, legs(List.of(from, to)), noise);
    }

    /**
     * Data from x [B,...] at levels[0], following the levels to the last; one level leaves x as it is. Turns in {@link Scope#fold}, one
     * turn per network call.
     *
     * @throws IllegalArgumentException if sigma / alpha rises, or a level other than the last is clean
     */
    default Tensor sample(Denoiser model, Tensor x, List<Level> levels, Noise noise) {
        check(levels);
        return walk(model, x, legs(levels), noise);
    }

    /** The same along legs that were made elsewhere; none leaves x as it is. */
    default Tensor walk(Denoiser model, Tensor x, List<SolverStage> legs, Noise noise) {
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
    default List<Level> levels(NoiseTable table) { return spacing().levels(table, steps()); }

    /** Draws from the posterior q(x_s given x_t, x0): Ho et al. 2020, arXiv:2006.11239, algorithm 2, also for steps that skip levels. */
    record Ddpm(@Help(value = "steps", min = 1, max = Sampler.MOST_STEPS) int steps, @Help("where the steps lie") Spacing spacing,
            @Help("how much fresh noise a step adds") Variance variance) implements Sampler {
        /**
         * SMALL is the variance of the posterior, right where x0 is one point. LARGE is that of q(x_t given x_s), right where x0 is
         * standard normal; it leaves noise in the data if the last step starts above t = 0, so it wants a spacing that ends at 0.
         */
        public enum Variance { SMALL, LARGE }

        public Ddpm() { this(1000, new Spacing.Leading(), Variance.SMALL); }

        public Ddpm { SolverStage.check(steps); }

        @Override public Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise) {
            Level from = legs.get(i).from(), to = legs.get(i).to();
            Tensor x = past.base().x(), x0 = past.base().estimate().x0();
            double forward = legs.get(i).forwardVariance(), t2 = from.sigma() * from.sigma(), s2 = to.sigma() * to.sigma();
            Tensor mean = x0.mul(to.alpha() * forward / t2).add(x.mul(from.alpha() / to.alpha() * s2 / t2));   // eq. 7
            if (to.sigma() == 0 && from.t() <= 0) return mean;
            double variance = variance() == Variance.LARGE ? forward : forward * s2 / t2;
            return mean.add(noise.like(x).mul(Math.sqrt(variance)));
        }
    }

    /** Song et al. 2021, arXiv:2010.02502, eq. 12 and 16. eta 0 is deterministic, 1 adds the noise of DDPM's small variance. */
    record Ddim(@Help(value = "steps", min = 1, max = Sampler.MOST_STEPS) int steps, @Help("where the steps lie") Spacing spacing,
            @Help(value = "fresh noise: 0 none, 1 as much as DDPM", min = 0, max = 1) double eta) implements Sampler {
        public Ddim() { this(50, new Spacing.Trailing(), 0); }

        public Ddim {
            SolverStage.check(steps);
            if (!(eta >= 0 && eta <= 1)) throw new IllegalArgumentException("illegal eta: " + eta + ", must be from 0 to 1");
        }

        @Override public Denoiser.Estimate ask(Denoiser model, Tensor x, Level at) { return model.estimate(x, at); }

        @Override public Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise) {
            return past.base().ddimStep(legs.get(i), eta, noise);
        }
    }

    /** The probability-flow ODE in steps of first order: Karras et al. 2022, arXiv:2206.00364, algorithm 1 without its correction. */
    record Euler(@Help(value = "steps", min = 1, max = Sampler.MOST_STEPS) int steps, @Help("where the steps lie") Spacing spacing)
        implements Sampler {
        public Euler() { this(30, new Spacing.Linspace()); }

        public Euler { SolverStage.check(steps); }

        @Override public Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise) {
            return past.base().eulerStep(legs.get(i));
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
            if (to.sigma() == 0 || from.alpha() == 0) return past.base().ddimStep(leg, 1, noise);
            double down = to.ratio() * to.ratio() / from.ratio(), up = Math.sqrt(to.ratio() * to.ratio() - down * down);
            Tensor x = past.base().eulerStep(leg, past.base().estimate().eps(), down);
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
            if (leg.begins()) return base.eulerStep(leg);
            return base.eulerStep(leg, base.estimate().eps().add(past.stages().get(1).estimate().eps()).mul(0.5), leg.to().ratio());
        }
    }

    /**
     * The midpoint rule in log sigma, two network calls each step but the last: DPM-Solver-2, Lu et al. 2022, arXiv:2206.00927, in the
     * coordinates of Karras et al. 2022. The ancestral form steps to below the next level and adds fresh noise, as {@link EulerAncestral}.
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
            if (leg.begins()) return ancestral && SolverStage.ends(legs, i) ? base.ddimStep(leg, 1, noise) : base.eulerStep(leg);
            Tensor slope = past.stages().get(1).estimate().eps();
            if (!ancestral) return base.eulerStep(leg, slope, leg.to().ratio());
            double middle = leg.at().ratio(), down = middle * middle / leg.from().ratio(), to = leg.to().ratio();
            Tensor x = base.eulerStep(leg, slope, down);
            return x.add(noise.like(x).mul(leg.to().alpha() * Math.sqrt(Math.max(0, to * to - down * down))));
        }

        private double down(Level from, Level to) { return ancestral ? to.ratio() * to.ratio() / from.ratio() : to.ratio(); }
    }

    /**
     * DPM-Solver++(2M), Lu et al. 2022, arXiv:2211.01095, algorithm 2: the ODE in lambda = log(alpha / sigma), x0 drawn on a line through
     * its last two values; one network call a step. The first step is of first order, the last too if it ends in clean data.
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
            return new DpmMultistep(steps, spacing, 2, Dpm.Form.DATA, solver, eulerLast ? Dpm.Ending.EULER : Dpm.Ending.FULL)
                .next(legs, i, past, noise);
        }
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
        if (levels.isEmpty()) throw new IllegalArgumentException("a sampler wants at least one noise level, got none");
        for (int i = 0; i + 1 < levels.size(); i++) {
            Level from = levels.get(i), to = levels.get(i + 1);
            if (!(from.sigma() > 0 && to.alpha() > 0 && to.ratio() <= from.ratio())) {
                throw new IllegalArgumentException("noise must fall from level to level: " + i + " is " + from + ", then comes " + to);
            }
        }
    }
}
