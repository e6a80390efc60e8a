package io.palitra.diffusion;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.engine.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * UniPC, a predictor and a corrector of one form, the corrector using the predictor's next network call: one call a step. Zhao et al.
 * 2023, arXiv:2302.04867, algorithms 1 and 2 (in x0: 3 and 4 of the appendix); letters D, r, rho, B, h are the paper's.
 *
 * @param data        whether the data is extrapolated, else the noise
 * @param lowerLast   whether the order falls to 1 towards the end
 * @param uncorrected steps, counted from 0, whose ends are not corrected
 */
public record UniPc(@Help(value = "steps", min = 1, max = Sampler.MOST_STEPS) int steps, @Help("where the steps lie") Spacing spacing,
        @Help(value = "order of the predictor", min = 1, max = 9) int order, @Help("B(h)") B b,
        @Help("whether data is extrapolated, else noise") boolean data, @Help("whether the order falls towards the end") boolean lowerLast,
        @Help("steps from 0 that are not corrected") List<Integer> uncorrected) implements Sampler {
    /** B1(h) = h, B2(h) = e^h - 1. */
    public enum B { BH1, BH2 }

    public UniPc() { this(15, new Spacing.Linspace(), 2, B.BH2, true, true, List.of()); }

    public UniPc {
        SolverStage.check(steps);
        if (order < 1 || order > 9) throw new ArgumentException("illegal order: " + order + ", must be from 1 to 9");
        uncorrected = List.copyOf(uncorrected);
    }

    @Override public int memory() { return order; }

    @Override public SamplerHistory.Entry corrected(List<SolverStage> legs, int i, SamplerHistory.Entry entry, SamplerHistory past) {
        if (i == 0 || uncorrected.contains(i - 1)) return entry;
        List<SamplerHistory.Entry> before = past.newest(order(i - 1, legs.size()));
        Tensor x = update(before, new SolverStage(before.get(0).at(), entry.at()), entry.estimate());
        Tensor x0 = entry.estimate().x0(), eps = entry.estimate().eps();
        Level at = entry.at();
        return new SamplerHistory.Entry(at, x, data ? new Denoiser.Estimate(x0, at.eps(x, x0))
            : new Denoiser.Estimate(x.sub(eps.mul(at.sigma())).div(at.alpha()), eps));
    }

    @Override public Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise) {
        return update(past.newest(order(i, legs.size())), legs.get(i), null);
    }

    private int order(int i, int n) { return lowerLast ? Math.min(order, n - i) : order; }

    /** x at the end of a leg, from m[0] at its start and earlier ones; {@code there}, the prediction at its end, makes it the corrector. */
    private Tensor update(List<SamplerHistory.Entry> m, SolverStage leg, Denoiser.@Nullable Estimate there) {
        double h = leg.h();
        Tensor x = Sampler.Ddim.ddimStep(m.get(0), leg);
        if (!Double.isFinite(h) || h == 0) return x;
        List<Tensor> ds = new ArrayList<>();
        List<Double> rs = new ArrayList<>();
        for (int j = 1; j < m.size(); j++) {
            double r = -new SolverStage(m.get(j).at(), m.get(0).at()).h() / h;
            rs.add(r);
            ds.add(form().of(m.get(j).estimate()).sub(form().of(m.get(0).estimate())).div(r));
        }
        if (there != null) {
            rs.add(1.0);
            ds.add(form().of(there).sub(form().of(m.get(0).estimate())));
        }
        double k = form().k(h), scale = form().scale(leg.to()) * big(k);
        double[] rho = rho(rs.stream().mapToDouble(r -> r).toArray(), k);
        for (int j = 0; j < rho.length; j++) x = x.sub(ds.get(j).mul(scale * rho[j]));
        return x;
    }

    private Dpm.Form form() { return data ? Dpm.Form.DATA : Dpm.Form.EPS; }

    private double big(double k) { return b == B.BH1 ? k : Math.expm1(k); }

    /** The solution of R rho = b: rows sum r^i rho = (i + 1)! phi_(i+2)(k) k / B, i = 0, 1, ...; 1/2 for one row, as the paper takes it. */
    private double[] rho(double[] r, double k) {
        int n = r.length;
        if (n == 1) return new double[] {0.5};
        double[][] rows = new double[n][n + 1];
        double phi = Math.expm1(k) / k - 1, factorial = 1;
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) rows[i][j] = Math.pow(r[j], i);
            rows[i][n] = phi * factorial / big(k);
            factorial *= i + 2;
            phi = phi / k - 1 / factorial;
        }
        return solved(rows);
    }

    /** Gauss' elimination with pivots; the last column is the right side. */
    private static double[] solved(double[][] rows) {
        int n = rows.length;
        for (int c = 0; c < n; c++) {
            int pivot = c;
            for (int i = c + 1; i < n; i++) if (Math.abs(rows[i][c]) > Math.abs(rows[pivot][c])) pivot = i;
            double[] row = rows[pivot];
            rows[pivot] = rows[c];
            rows[c] = row;
            for (int i = 0; i < n; i++) {
                double f = i == c ? 0 : rows[i][c] / row[c];
                for (int j = c; j <= n; j++) rows[i][j] -= f * row[j];
            }
        }
        double[] out = new double[n];
        for (int i = 0; i < n; i++) out[i] = rows[i][n] / rows[i][i];
        return out;
    }
}
