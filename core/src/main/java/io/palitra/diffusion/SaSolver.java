package io.palitra.diffusion;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.engine.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Stochastic Adams solver: a predictor of Adams and Bashforth and a corrector of Adams and Moulton for the SDE whose fresh noise is scaled
 * by tau, 0 for the ODE; one network call a step. Xue et al. 2023, arXiv:2305.14267, algorithm 1 and eq. 11-17. tau is 1 at times from
 * 200 to 800, else 0, as in the paper's experiments.
 *
 * @param data      whether the data is interpolated, else the noise
 * @param lowerLast whether orders fall towards the end
 */
public record SaSolver(@Help(value = "steps", min = 1, max = Sampler.MOST_STEPS) int steps, @Help("where the steps lie") Spacing spacing,
        @Help(value = "order of the predictor", min = 1, max = 4) int predictor,
        @Help(value = "order of the corrector", min = 1, max = 4) int corrector,
        @Help("whether data is interpolated, else noise") boolean data,
        @Help("whether orders fall towards the end") boolean lowerLast) implements Sampler {
    private static final double STOCHASTIC_FROM = 200, STOCHASTIC_TO = 800;

    public SaSolver() { this(20, new Spacing.Linspace(), 2, 2, true, true); }

    public SaSolver {
        SolverStage.check(steps);
        for (int order : new int[] {predictor, corrector}) {
            if (order < 1 || order > 4) throw new ArgumentException("illegal order: " + order + ", must be from 1 to 4");
        }
    }

    @Override public int memory() { return Math.max(predictor, corrector - 1); }

    @Override public Denoiser.Estimate ask(Denoiser model, Tensor x, Level at) { return model.estimate(x, at); }

    /** The corrector has the noise of the step that came here: what the predicted x is beside its predictor's mean. */
    @Override public SamplerHistory.Entry corrected(List<SolverStage> legs, int i, SamplerHistory.Entry entry, SamplerHistory past) {
        if (i == 0) return entry;
        List<SamplerHistory.Entry> before = past.earlier();
        SolverStage leg = new SolverStage(before.get(0).at(), entry.at());
        if (!Double.isFinite(leg.h()) || leg.h() == 0) return entry;
        int order = Math.min(lowerLast ? Math.min(corrector, legs.size() - i + 2) : corrector, i + 1);
        Tensor change = mean(entry, before, order, leg).sub(mean(null, before, order(i - 1, legs.size()), leg));
        return new SamplerHistory.Entry(entry.at(), entry.x().add(change), entry.estimate());
    }

    @Override public Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise) {
        SolverStage leg = legs.get(i);
        SamplerHistory.Entry base = past.base();
        double h = leg.h(), tau = tau(leg.from());
        Tensor fresh = noise.like(base.x());   // one draw a step, whatever tau
        if (h == Double.POSITIVE_INFINITY || leg.from().alpha() == 0) {
            return leg.to().noised(base.estimate().x0(), tau > 0 ? fresh : base.estimate().eps());
        }
        List<SamplerHistory.Entry> m = new ArrayList<>(past.earlier());
        m.add(0, base);
        double deviation = leg.to().sigma() * (data ? Math.sqrt(Math.max(0, -Math.expm1(-2 * tau * tau * h)))
            : tau * Math.sqrt(Math.max(0, Math.expm1(2 * h))));
        double scale = data ? Math.exp(-tau * tau * h) * leg.to().sigma() / leg.from().sigma() : leg.to().alpha() / leg.from().alpha();
        Tensor x = base.x().mul(scale).add(mean(null, m, order(i, legs.size()), leg));
        return deviation == 0 ? x : x.add(fresh.mul(deviation));
    }

    private int order(int i, int n) { return Math.min(lowerLast ? Math.min(predictor, n - i) : predictor, i + 1); }

    private static double tau(Level at) { return at.t() >= STOCHASTIC_FROM && at.t() <= STOCHASTIC_TO ? 1 : 0; }

    /**
     * What the predictions add to a leg: their polynomial of this order in lambda, integrated with the SDE's exponential.
     *
     * @param there the prediction at the end of the leg, of the corrector; null of the predictor
     * @param m     predictions at its start and before, the newest first
     */
    private Tensor mean(SamplerHistory.@Nullable Entry there, List<SamplerHistory.Entry> m, int order, SolverStage leg) {
        List<SamplerHistory.Entry> all = new ArrayList<>();
        if (there != null) all.add(there);
        for (SamplerHistory.Entry e : m) {   // at pure noise lambda is infinite, and two points at one level have no line
            if (e.at().alpha() > 0 && (all.isEmpty() || e.at().ratio() > all.get(all.size() - 1).at().ratio())) all.add(e);
        }
        int n = Math.min(order, all.size());
        double h = leg.h(), tau = tau(leg.from()), k = data ? 1 + tau * tau : -1;
        double[] v = new double[n];   // lambda less that of the end
        for (int j = 0; j < n; j++) v[j] = Math.log(leg.to().ratio() / all.get(j).at().ratio());
        double[] weights = new double[n];
        for (int j = 0; j < n; j++) weights[j] = integral(v, j, h, k);
        if (data && n == 2) {   // changes nothing up to the order and is better with few steps: the paper's code, section "2nd order"
            double curved = h * h / 2 - (h * k - 1 + Math.exp(-k * h)) / (k * k), shift = curved / (v[0] - v[1]);
            weights[0] += shift;
            weights[1] -= shift;
        }
        double scale = (1 + tau * tau) * (data ? leg.to().alpha() : -leg.to().sigma());
        Tensor sum = of(all.get(0)).mul(scale * weights[0]);
        for (int j = 1; j < n; j++) sum = sum.add(of(all.get(j)).mul(scale * weights[j]));
        return sum;
    }

    private Tensor of(SamplerHistory.Entry entry) { return data ? entry.estimate().x0() : entry.estimate().eps(); }

    /** Integral over v from -h to 0 of e^(kv) times Lagrange's polynomial j of these nodes. */
    private static double integral(double[] nodes, int j, double h, double k) {
        double[] c = new double[nodes.length];   // the polynomial's coefficients
        c[0] = 1;
        double under = 1;
        for (int m = 0, degree = 0; m < nodes.length; m++) {
            if (m == j) continue;
            degree++;
            for (int p = degree; p > 0; p--) c[p] = c[p - 1] - nodes[m] * c[p];
            c[0] *= -nodes[m];
            under *= nodes[j] - nodes[m];
        }
        double e = Math.exp(-k * h), moment = -Math.expm1(-k * h) / k, sum = c[0] * moment, power = 1;
        for (int p = 1; p < c.length; p++) {
            power *= -h;
            moment = -(power * e + p * moment) / k;   // by parts
            sum += c[p] * moment;
        }
        return sum / under;
    }
}
