package io.palitra.diffusion;

import io.palitra.config.Help;
import io.palitra.engine.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Pseudo numerical methods without the Runge-Kutta start of {@link Pndm}: the order rises from 1 to 4 with the number of earlier steps,
 * and every step has one network call. Liu et al. 2022, arXiv:2202.09778, eq. 12; the start is that of Zhang and Chen 2023,
 * arXiv:2204.13902, section 4 (iPNDM).
 */
public record Ipndm(@Help(value = "steps", min = 1, max = Sampler.MOST_STEPS) int steps, @Help("where the steps lie") Spacing spacing)
        implements Sampler {
    public Ipndm() { this(20, new Spacing.Leading()); }

    public Ipndm { SolverStage.check(steps); }

    @Override public int memory() { return Pndm.WEIGHTS.length - 1; }

    @Override public Denoiser.Estimate ask(Denoiser model, Tensor x, Level at) { return model.estimate(x, at); }

    @Override public Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise) {
        SolverStage leg = legs.get(i);
        List<SamplerHistory.Entry> entries = new ArrayList<>(past.earlier());
        entries.add(0, past.base());
        if (entries.size() == 1 || leg.from().alpha() == 0) return Sampler.Ddim.ddimStep(past.base(), leg);
        double[] weights = Pndm.WEIGHTS[entries.size() - 1];
        Tensor eps = past.base().estimate().eps().mul(weights[0]);
        for (int j = 1; j < weights.length; j++) eps = eps.add(entries.get(j).estimate().eps().mul(weights[j]));
        Tensor x0 = past.base().x().sub(eps.mul(leg.from().sigma())).div(leg.from().alpha());
        return leg.to().noised(x0, eps);
    }
}
