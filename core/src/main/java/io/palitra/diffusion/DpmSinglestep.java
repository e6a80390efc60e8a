package io.palitra.diffusion;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.engine.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Singlestep DPM-Solver and DPM-Solver++: steps of 1, 2 or 3 network calls, of as high an order, each call at the next level; a
 * step uses no earlier step. Lu et al. 2022, arXiv:2206.00927, algorithms 1 and 2 and section 3.4, and arXiv:2211.01095, section 4.
 *
 * @param steps     network calls in all
 * @param order     1 to 3, the highest
 * @param lowerLast whether the last call is a step of its own though the order divides their number; to clean data it always is
 */
public record DpmSinglestep(@Help(value = "steps", min = 1, max = Sampler.MOST_STEPS) int steps,
    @Help("where the steps lie") Spacing spacing,
        @Help(value = "highest order of a step", min = 1, max = 3) int order, @Help("what is extrapolated") Dpm.Form form,
        @Help("how a line is integrated") Dpm.Solver solver, @Help("whether the last call is a step of its own") boolean lowerLast)
        implements Sampler {
    public DpmSinglestep() { this(20, new Spacing.Karras(), 3, Dpm.Form.DATA, Dpm.Solver.MIDPOINT, true); }

    public DpmSinglestep {
        SolverStage.check(steps);
        if (order < 1 || order > 3) throw new ArgumentException("illegal order: " + order + ", must be from 1 to 3");
        if (order == 3 && form == Dpm.Form.SDE_EPS) throw new ArgumentException("SDE_EPS has no step of order 3; there are 1, 2");
    }

    /** Calls are grouped to steps of {@link #order}, or fewer at the end; from pure noise and to clean data a call is a step. */
    @Override public List<SolverStage> legs(List<Level> levels) {
        int n = levels.size() - 1;
        if (n < 1) return List.of();
        boolean ownLast = levels.get(n).sigma() == 0 || lowerLast && n % order == 0;
        List<SolverStage> legs = new ArrayList<>();
        for (int i = 0, base = 0; i < n; i++) {
            if (i % order == 0 || i == n - 1 && ownLast || levels.get(base).alpha() == 0) base = i;
            legs.add(new SolverStage(levels.get(i), levels.get(base), levels.get(i + 1)));
        }
        return List.copyOf(legs);
    }

    @Override public Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise) {
        SolverStage leg = legs.get(i);
        List<SamplerHistory.Entry> m = past.stages();
        double h = leg.h();
        if (m.size() == 1 || !Double.isFinite(h) || h == 0) return Dpm.step(form, m.get(0), leg, null, null, false, noise);
        boolean midpoint = solver == Dpm.Solver.MIDPOINT;
        double r1 = r(m, 1, h);
        Tensor d1 = slope(m, 1, r1);
        if (m.size() == 2) return Dpm.step(form, m.get(0), leg, d1, null, midpoint, noise);
        double r2 = r(m, 2, h);
        Tensor d2 = slope(m, 2, r2);
        if (midpoint) return Dpm.step(form, m.get(0), leg, d2, null, false, noise);
        Tensor curved = d1.mul(r2).sub(d2.mul(r1)).div(r2 - r1);
        return Dpm.step(form, m.get(0), leg, curved, d2.sub(d1).mul(2 / (r2 - r1)), false, noise);
    }

    /** How far stage j lies from the base, in widths of this leg. */
    private static double r(List<SamplerHistory.Entry> m, int j, double h) { return new SolverStage(m.get(0).at(), m.get(j).at()).h() / h; }

    private Tensor slope(List<SamplerHistory.Entry> m, int j, double r) {
        return form.of(m.get(j).estimate()).sub(form.of(m.get(0).estimate())).div(r);
    }
}
