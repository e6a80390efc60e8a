package io.palitra.diffusion;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.engine.Tensor;
import java.util.List;

/**
 * Multistep sampling of a consistency model that is x itself at a small noise epsilon: the data it expects, with noise of deviation
 * sqrt(tau² - epsilon²) again. Song et al. 2023, arXiv:2303.01469, algorithm 1. {@link Sampler.Consistency} is the same with epsilon 0.
 *
 * @param least epsilon, as a ratio sigma / alpha
 * @param scale what the fresh noise is multiplied by, 1 in the paper
 */
public record StochasticIterative(@Help(value = "steps", min = 1, max = Sampler.MOST_STEPS) int steps,
        @Help("where the steps lie") Spacing spacing,
        @Help(value = "noise at which the model is x itself", min = 0, max = 1) double least,
        @Help(value = "scale of the fresh noise", min = 0, max = 10) double scale) implements Sampler {
    public StochasticIterative() { this(2, new Spacing.Karras(), 0.002, 1); }

    public StochasticIterative {
        SolverStage.check(steps);
        for (double value : new double[] {least, scale}) {
            if (value >= 0 && value < Double.POSITIVE_INFINITY) continue;
            throw new ArgumentException("illegal least or scale: " + value + ", must be finite and at least 0");
        }
    }

    @Override public Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise) {
        Level to = legs.get(i).to();
        Tensor x0 = past.base().estimate().x0();
        if (to.alpha() == 0) return noise.like(x0).mul(to.sigma() * scale);
        Tensor x = x0.mul(to.alpha());
        double fresh = scale * Math.sqrt(Math.max(0, to.ratio() * to.ratio() - least * least));
        return fresh == 0 ? x : x.add(noise.like(x0).mul(to.alpha() * fresh));
    }
}
