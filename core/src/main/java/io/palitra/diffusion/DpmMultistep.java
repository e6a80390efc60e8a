package io.palitra.diffusion;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.engine.Tensor;
import java.util.List;

/**
 * Multistep DPM-Solver and DPM-Solver++: the polynomial in lambda interpolates the predictions at earlier levels, one network call a
 * step. Lu et al. 2022, arXiv:2211.01095, algorithm 2 and appendix; the SDE forms are those of its section 4.3.
 *
 * @param order 1 to 3; the first steps are of the order that the number of earlier predictions allows
 */
public record DpmMultistep(@Help(value = "steps", min = 1, max = Sampler.MOST_STEPS) int steps,
    @Help("where the steps lie") Spacing spacing,
        @Help(value = "order of a step", min = 1, max = 3) int order, @Help("what is extrapolated") Dpm.Form form,
        @Help("how a line is integrated") Dpm.Solver solver, @Help("order of the last steps") Dpm.Ending ending) implements Sampler {
    public DpmMultistep() { this(20, new Spacing.Karras(), 3, Dpm.Form.DATA, Dpm.Solver.MIDPOINT, Dpm.Ending.FALLING); }

    public DpmMultistep {
        SolverStage.check(steps);
        if (order < 1 || order > 3) throw new ArgumentException("illegal order: " + order + ", must be from 1 to 3");
        if (order == 3 && form == Dpm.Form.SDE_EPS) throw new ArgumentException("SDE_EPS has no step of order 3; there are 1, 2");
    }

    @Override public int memory() { return order - 1; }

    @Override public Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise) {
        SolverStage leg = legs.get(i);
        List<SamplerHistory.Entry> m = past.newest(ending.order(order, i, legs.size()));
        double h = leg.h();
        if (m.size() == 1 || !Double.isFinite(h) || h == 0) return Dpm.step(form, past.base(), leg, null, null, false, noise);
        double r0 = r(m, 0, h);
        Tensor d10 = slope(m, 0, r0);
        if (m.size() == 2) return Dpm.step(form, m.get(0), leg, d10, null, solver == Dpm.Solver.MIDPOINT, noise);
        double r1 = r(m, 1, h);
        Tensor change = d10.sub(slope(m, 1, r1)).div(r0 + r1);
        return Dpm.step(form, m.get(0), leg, d10.add(change.mul(r0)), change, false, noise);
    }

    /** The width of the step between two entries, in widths of this one. */
    private static double r(List<SamplerHistory.Entry> m, int j, double h) {
        return new SolverStage(m.get(j + 1).at(), m.get(j).at()).h() / h;
    }

    private Tensor slope(List<SamplerHistory.Entry> m, int j, double r) {
        return form.of(m.get(j).estimate()).sub(form.of(m.get(j + 1).estimate())).div(r);
    }
}
