package io.palitra.diffusion;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.engine.Tensor;
import java.util.List;

/**
 * Linear multistep: eps, the slope of x / alpha over sigma / alpha, is interpolated by a polynomial in sigma / alpha through its last
 * values (Adams and Bashforth 1883), and the polynomial is integrated exactly; one network call a step.
 */
public record Lms(@Help(value = "steps", min = 1, max = Sampler.MOST_STEPS) int steps, @Help("where the steps lie") Spacing spacing,
        @Help(value = "values the polynomial goes through", min = 1, max = 4) int order) implements Sampler {
    public Lms() { this(30, new Spacing.Linspace(), 4); }

    public Lms {
        SolverStage.check(steps);
        if (order < 1 || order > 4) throw new ArgumentException("illegal order: " + order + ", must be from 1 to 4");
    }

    @Override public int memory() { return order - 1; }

    @Override public Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise) {
        Level from = legs.get(i).from(), to = legs.get(i).to();
        List<SamplerHistory.Entry> entries = past.newest(order);
        if (entries.size() == 1) return Sampler.Euler.eulerStep(past.base(), legs.get(i));
        Tensor x = to.alpha() == from.alpha() ? past.base().x() : past.base().x().mul(to.alpha() / from.alpha());
        for (int j = 0; j < entries.size(); j++) {
            x = x.add(entries.get(j).estimate().eps().mul(to.alpha() * weight(entries, j, from.ratio(), to.ratio())));
        }
        return x;
    }

    /** Integral of Lagrange's polynomial j from a to b by Gauss' rule of two points, exact to the third degree. */
    private static double weight(List<SamplerHistory.Entry> entries, int j, double a, double b) {
        double middle = (a + b) / 2, reach = (b - a) / 2 / Math.sqrt(3);
        return (b - a) / 2 * (lagrange(entries, j, middle - reach) + lagrange(entries, j, middle + reach));
    }

    private static double lagrange(List<SamplerHistory.Entry> entries, int j, double r) {
        double product = 1, own = entries.get(j).at().ratio();
        for (int k = 0; k < entries.size(); k++) {
            double other = entries.get(k).at().ratio();
            if (k != j) product *= (r - other) / (own - other);
        }
        return product;
    }
}
