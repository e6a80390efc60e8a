package io.palitra.diffusion;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.engine.Tensor;
import java.util.List;

/**
 * Euler's steps with churn: before a step the noise is raised from sigma to (1 + gamma) sigma by fresh noise. Karras et al. 2022,
 * arXiv:2206.00364, algorithm 2 without its second-order correction, and with the network called before the noise is raised, as diffusers
 * has it: its output counts as that at the raised level, so that a level between trained ones is never asked for.
 *
 * @param data deviation of the data, which says how the output counts at another level (see {@link Preconditioned})
 */
public record ChurnedEuler(@Help(value = "steps", min = 1, max = Sampler.MOST_STEPS) int steps,
        @Help("where the steps lie") Spacing spacing,
        @Help("how far the noise is raised") Churn churn,
        @Help(value = "deviation of the data", min = 1e-3, max = 1e3) double data) implements Sampler {
    public ChurnedEuler() { this(40, new Spacing.Karras(), new Churn(40, 0.05, 50, 1), 0.5); }

    public ChurnedEuler {
        SolverStage.check(steps);
        if (!(data > 0 && data < Double.POSITIVE_INFINITY)) throw new ArgumentException("illegal data: " + data + ", must be above 0");
    }

    @Override public Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise) {
        SolverStage leg = legs.get(i);
        SamplerHistory.Entry base = past.base();
        double sigma = leg.from().ratio(), gamma = churn.gamma(sigma, legs.size());
        if (gamma == 0) return Sampler.Euler.eulerStep(base, leg);
        double raised = sigma * (1 + gamma), alpha = leg.from().alpha();
        Tensor y = base.x().div(alpha);
        Tensor hat = y.add(noise.like(y).mul(churn.noise() * Math.sqrt(raised * raised - sigma * sigma)));   // line 6
        // F = (D(x) - c_skip x) / c_out, then D with the scalings of the raised level
        double grown = raised / Math.hypot(raised, data) * Math.hypot(sigma, data) / sigma;
        Tensor out = base.estimate().x0().sub(y.mul(Preconditioned.skip(sigma, data, 0)));
        Tensor x0 = hat.mul(Preconditioned.skip(raised, data, 0)).add(out.mul(grown));
        Tensor d = hat.sub(x0).div(raised);                                                                  // line 7
        return hat.add(d.mul(leg.to().ratio() - raised)).mul(leg.to().alpha());                              // line 8
    }
}
