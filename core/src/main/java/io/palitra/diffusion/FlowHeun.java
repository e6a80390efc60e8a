package io.palitra.diffusion;

import io.palitra.config.Help;
import io.palitra.engine.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Heun's rule along straight paths: the velocity u = eps - x0 is the slope of x over the share s of noise, and a step takes the mean of
 * the slopes at its two ends; two network calls each but the last. Unlike {@link Sampler.Heun} it is defined at pure noise. Lipman et al.
 * 2023, arXiv:2210.02747. In other scales s is sigma / (alpha + sigma) and x is x / (alpha + sigma).
 */
public record FlowHeun(@Help(value = "steps", min = 1, max = Sampler.MOST_STEPS) int steps, @Help("where the steps lie") Spacing spacing,
        @Help("how far the noise is raised before a step") Churn churn) implements Sampler {
    public FlowHeun() { this(18, new Spacing.Linspace(), new Churn(0, 0, 1, 1)); }

    public FlowHeun { SolverStage.check(steps); }

    @Override public List<SolverStage> legs(List<Level> levels) {
        List<SolverStage> legs = new ArrayList<>();
        for (SolverStage leg : SolverStage.between(levels)) {
            legs.add(leg);
            if (leg.to().sigma() > 0) legs.add(new SolverStage(leg.to(), leg.from(), leg.to()));
        }
        return List.copyOf(legs);
    }

    @Override public Denoiser.Estimate ask(Denoiser model, Tensor x, Level at) { return model.estimate(x, at); }

    /** Raising noise from s to (1 + gamma) s, the network's output counts less by as much, as diffusers has it. */
    @Override public Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise) {
        SolverStage leg = legs.get(i);
        SamplerHistory.Entry base = past.base();
        double s = share(leg.from()), gamma = churn.gamma(s, legs.size()), raised = s * (1 + gamma), by = share(leg.to()) - raised;
        double scale = leg.to().alpha() + leg.to().sigma();
        Tensor first = velocity(base).div(1 + gamma);
        if (leg.begins()) {
            Tensor y = unit(base.x(), leg.from());
            if (gamma > 0) y = y.add(noise.like(y).mul(churn.noise() * Math.sqrt(raised * raised - s * s)));
            return y.add(first.mul(by)).mul(scale);
        }
        if (gamma > 0) noise.like(base.x());   // diffusers draws here, too, and the draw has no effect
        SamplerHistory.Entry second = past.stages().get(1);
        Tensor start = unit(second.x(), second.at()).sub(first.mul(by));
        return start.add(first.add(velocity(second)).mul(by / 2)).mul(scale);
    }

    private static double share(Level at) { return at.sigma() / (at.alpha() + at.sigma()); }

    private static Tensor unit(Tensor x, Level at) {
        double scale = at.alpha() + at.sigma();
        return scale == 1 ? x : x.div(scale);
    }

    private static Tensor velocity(SamplerHistory.Entry entry) { return entry.estimate().eps().sub(entry.estimate().x0()); }
}
