package io.palitra.diffusion;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.engine.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Strategic stochastic sampling of trajectory consistency distillation: each step goes down the ODE to a level below the next one, and
 * fresh noise leads up to it. Zheng et al. 2024, arXiv:2402.19159, section 4.3 and algorithm 4, whose s is the level below and whose gamma
 * is eta. Where no level below is given (see {@link SolverStage#via}), it has the share 1 - eta of the next one's noise.
 *
 * @param eta 0 is deterministic, as DDIM; 1 replaces all noise, as consistency sampling
 */
public record Tcd(@Help(value = "steps", min = 1, max = Sampler.MOST_STEPS) int steps, @Help("where the steps lie") Spacing spacing,
        @Help(value = "share of the noise that is fresh", min = 0, max = 1) double eta) implements Sampler {
    public Tcd() { this(4, new Spacing.Trailing(), 0.3); }

    public Tcd {
        SolverStage.check(steps);
        if (!(eta >= 0 && eta <= 1)) throw new ArgumentException("illegal eta: " + eta + ", must be from 0 to 1");
    }

    @Override public List<SolverStage> legs(List<Level> levels) {
        List<SolverStage> legs = new ArrayList<>();
        for (SolverStage leg : SolverStage.between(levels)) {
            Level to = leg.to();
            legs.add(new SolverStage(leg.at(), leg.from(), to, List.of(new Level(1, (1 - eta) * to.ratio(), (1 - eta) * to.t()))));
        }
        return List.copyOf(legs);
    }

    @Override public Denoiser.Estimate ask(Denoiser model, Tensor x, Level at) { return model.estimate(x, at); }

    /** In x / alpha: y_s = x0 + r_s eps, y = y_s + sqrt(r² - r_s²) n. */
    @Override public Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise) {
        SolverStage leg = legs.get(i);
        double alpha = leg.to().alpha(), to = leg.to().ratio(), down = leg.via().get(0).ratio();
        Denoiser.Estimate estimate = past.base().estimate();
        Tensor x = estimate.x0().mul(alpha).add(estimate.eps().mul(alpha * down));
        return to > down ? x.add(noise.like(x).mul(alpha * Math.sqrt(to * to - down * down))) : x;
    }
}
