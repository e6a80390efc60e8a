package io.palitra.diffusion;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Inpainting that goes back and forth: every step takes the known part from the given data with fresh noise and the rest from a DDIM step,
 * and at every {@code jump}-th step the run goes back up by so many steps, {@code resample} - 1 times, so that the drawn part can settle
 * with the known one. Lugmayr et al. 2022, arXiv:2201.09865, algorithm 1 and appendix B. What is known comes with the denoiser, an
 * {@link Inpainting}; with any other denoiser nothing is.
 *
 * @param resample how often each stretch is gone through; 1 goes straight down
 * @param eta      fresh noise of the DDIM step
 */
public record RePaint(@Help(value = "steps, of which some are gone through again", min = 1, max = Sampler.MOST_STEPS) int steps,
        @Help("where the steps lie") Spacing spacing,
        @Help(value = "how many steps it goes back at a time", min = 1, max = 1000) int jump,
        @Help(value = "how often each stretch is gone through", min = 1, max = 1000) int resample,
        @Help(value = "fresh noise: 0 none, 1 as much as DDPM", min = 0, max = 1) double eta) implements Sampler {
    public RePaint() { this(50, new Spacing.Trailing(), 10, 2, 0); }

    public RePaint {
        SolverStage.check(steps);
        if (jump < 1) throw new ArgumentException("illegal jump: " + jump + ", must be at least 1");
        if (resample < 1) throw new ArgumentException("illegal resample: " + resample + ", must be at least 1");
        if (!(eta >= 0 && eta <= 1)) throw new ArgumentException("illegal eta: " + eta + ", must be from 0 to 1");
    }

    /** The course over n steps, from n - 1 on: where k falls, the step from k + 1 to k; where it rises, the way up from k - 1 to k. */
    List<Integer> course(int n) {
        int[] left = new int[n];   // times that a run still goes back up from here
        for (int k = 0; k < n - jump; k += jump) left[k] = resample - 1;
        List<Integer> course = new ArrayList<>();
        for (int k = n - 1; k >= 0; k--) {
            course.add(k);
            if (left[k] == 0) continue;
            left[k]--;
            for (int up = 0; up < jump; up++) course.add(++k);
        }
        return course;
    }

    @Override public List<SolverStage> legs(List<Level> levels) {
        int n = levels.size() - 1;
        List<SolverStage> legs = new ArrayList<>();
        int before = n;
        for (int k : course(n)) {
            Level noisy = levels.get(n - 1 - k);
            if (k < before) legs.add(new SolverStage(noisy, levels.get(n - k)));
            else legs.add(new SolverStage(noisy, levels.get(n - before), levels.get(n - 1 - before)));
            before = k;
        }
        return List.copyOf(legs);
    }

    /** A leg that rises has no network call. */
    @Override public Tensor run(Denoiser model, Tensor x, List<SolverStage> legs, Noise noise) {
        return Scope.fold(x, legs.size(), (xi, i) -> {
            SolverStage leg = legs.get(i);
            return leg.to().ratio() > leg.from().ratio() ? raised(xi, leg, noise) : down(model, xi, leg, noise);
        });
    }

    @Override public Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise) {
        return Sampler.Ddim.ddimStep(past.base(), legs.get(i), eta, noise);
    }

    private Tensor down(Denoiser model, Tensor x, SolverStage leg, Noise noise) {
        Denoiser of = model instanceof Inpainting part ? part.of() : model;
        SamplerHistory.Entry start = new SamplerHistory.Entry(leg.at(), x, of.estimate(x, leg.at()));
        if (!(model instanceof Inpainting part)) return Sampler.Ddim.ddimStep(start, leg, eta, noise);
        Tensor n = noise.like(x);   // one draw for both parts
        Tensor drawn = Sampler.Ddim.ddimStep(start, leg, eta, y -> n);
        Tensor known = leg.to().noised(part.known(), n);
        return known.add(drawn.sub(known).mul(part.drawn()));
    }

    /** From each level of the way to the next: x alpha_t / alpha_s + sqrt(sigma_t² - (alpha_t / alpha_s)² sigma_s²) n. */
    private static Tensor raised(Tensor x, SolverStage leg, Noise noise) {
        Level at = leg.from();
        List<Level> way = new ArrayList<>(leg.via());
        way.add(leg.to());
        for (Level next : way) {
            Tensor n = noise.like(x);
            x = x.mul(next.alpha() / at.alpha()).add(n.mul(Math.sqrt(new SolverStage(next, at).forwardVariance())));
            at = next;
        }
        return x;
    }
}
