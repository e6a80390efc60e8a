package io.palitra.diffusion;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.engine.Tensor;
import java.util.List;

/**
 * DEIS in log rho, rho = sigma / alpha: eps is interpolated by a polynomial in log rho through its last values, and the polynomial is
 * integrated over rho exactly; one network call a step. Zhang and Chen 2023, arXiv:2204.13902, eq. 15 and appendix B.
 *
 * @param order 1 to 3 values that the polynomial goes through
 */
public record Deis(@Help(value = "steps", min = 1, max = Sampler.MOST_STEPS) int steps, @Help("where the steps lie") Spacing spacing,
        @Help(value = "values the polynomial goes through", min = 1, max = 3) int order,
        @Help("order of the last steps") Dpm.Ending ending) implements Sampler {
    public Deis() { this(20, new Spacing.Linspace(), 3, Dpm.Ending.FALLING); }

    public Deis {
        SolverStage.check(steps);
        if (order < 1 || order > 3) throw new ArgumentException("illegal order: " + order + ", must be from 1 to 3");
    }

    @Override public int memory() { return order - 1; }

    @Override public Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise) {
        Level from = legs.get(i).from(), to = legs.get(i).to();
        List<SamplerHistory.Entry> entries = past.newest(ending.order(order, i, legs.size()));
        double h = legs.get(i).h();
        if (entries.size() == 1 || !Double.isFinite(h)) return Sampler.Ddim.ddimStep(past.base(), legs.get(i));
        double[] v = entries.stream().mapToDouble(e -> Math.log(e.at().ratio() / from.ratio())).toArray();
        Tensor x = past.base().x().mul(to.alpha() / from.alpha());
        for (int j = 0; j < v.length; j++) x = x.add(entries.get(j).estimate().eps().mul(to.alpha() * from.ratio() * weight(v, j, -h)));
        return x;
    }

    /** Integral of e^v times Lagrange's polynomial j of nodes v, from 0 to b. */
    private static double weight(double[] v, int j, double b) {
        double c0 = 1, c1 = 0, c2 = 0, under = 1;   // c0 + c1 v + c2 v²
        for (int k = 0; k < v.length; k++) {
            if (k == j) continue;
            c2 = c1 - v[k] * c2;
            c1 = c0 - v[k] * c1;
            c0 = -v[k] * c0;
            under *= v[j] - v[k];
        }
        double e = Math.exp(b);
        double integral = c0 * (e - 1) + c1 * (e * (b - 1) + 1) + c2 * (e * (b * b - 2 * b + 2) - 2);
        return integral / under;
    }
}
