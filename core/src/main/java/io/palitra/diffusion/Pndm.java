package io.palitra.diffusion;

import io.palitra.config.Help;
import io.palitra.engine.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Pseudo numerical methods: the last network outputs are combined with the weights of a linear multistep method of fourth order, and a
 * DDIM step uses the combination. Liu et al. 2022, arXiv:2202.09778, algorithm 2. The first three steps are of Runge-Kutta with four calls
 * each (F-PNDM), or the first step has two calls and the order rises from there (S-PNDM's start, then as in F-PNDM).
 *
 * @param of what is combined: eps in the paper, else what the network was trained to predict
 */
public record Pndm(@Help(value = "steps", min = 1, max = Sampler.MOST_STEPS) int steps, @Help("where the steps lie") Spacing spacing,
        @Help("whether the first three steps are Runge-Kutta's") boolean rungeKutta, @Help("what is combined") Prediction of)
        implements Sampler {
    /** Adams and Bashforth's weights of 1 to 4 values, the newest first. */
    static final double[][] WEIGHTS = {{1}, {3 / 2.0, -1 / 2.0}, {23 / 12.0, -16 / 12.0, 5 / 12.0},
        {55 / 24.0, -59 / 24.0, 37 / 24.0, -9 / 24.0}};
    private static final int RUNGE_KUTTA = 3;

    public Pndm() { this(50, new Spacing.Leading(), false, Prediction.EPS); }

    public Pndm { SolverStage.check(steps); }

    @Override public int memory() { return WEIGHTS.length - 1; }

    /** The first step has two legs, or the first three have four each, where both ends have data and noise. */
    @Override public List<SolverStage> legs(List<Level> levels) {
        List<SolverStage> legs = new ArrayList<>();
        for (int i = 0; i + 1 < levels.size(); i++) {
            Level from = levels.get(i), to = levels.get(i + 1);
            boolean staged = i < (rungeKutta ? RUNGE_KUTTA : 1) && from.alpha() > 0 && to.sigma() > 0;
            if (staged && rungeKutta) {
                Level middle = Level.exploding(Math.sqrt(from.ratio() * to.ratio()), (from.t() + to.t()) / 2);
                legs.add(new SolverStage(from, middle));
                legs.add(new SolverStage(middle, from, middle));
                legs.add(new SolverStage(middle, from, to));
            } else {
                legs.add(new SolverStage(from, to));
            }
            if (staged) legs.add(new SolverStage(to, from, to));
        }
        return List.copyOf(legs);
    }

    @Override public Denoiser.Estimate ask(Denoiser model, Tensor x, Level at) { return model.estimate(x, at); }

    @Override public Tensor next(List<SolverStage> legs, int i, SamplerHistory past, Noise noise) {
        SolverStage leg = legs.get(i);
        List<SamplerHistory.Entry> before = past.newest(WEIGHTS.length);
        if (leg.begins() && (before.size() == 1 || !SolverStage.ends(legs, i))) return Sampler.Ddim.ddimStep(past.base(), leg);
        Tensor out = leg.begins() ? combined(before, WEIGHTS[before.size() - 1]) : staged(past.stages());
        Tensor x = past.base().x();
        Denoiser.Estimate estimate = new Denoiser.Estimate(of.x0(out, x, leg.from()), of.eps(out, x, leg.from()));
        return Sampler.Ddim.ddimStep(new SamplerHistory.Entry(leg.from(), x, estimate), leg);
    }

    private Tensor staged(List<SamplerHistory.Entry> stages) {
        SamplerHistory.Entry last = stages.get(stages.size() - 1);
        if (!rungeKutta) return combined(stages, 0.5, 0.5);
        return stages.size() < 4 ? of.output(last.estimate(), last.at()) : combined(stages, 1 / 6.0, 1 / 3.0, 1 / 3.0, 1 / 6.0);
    }

    private Tensor combined(List<SamplerHistory.Entry> entries, double... weights) {
        Tensor sum = of.output(entries.get(0).estimate(), entries.get(0).at()).mul(weights[0]);
        for (int j = 1; j < weights.length; j++) sum = sum.add(of.output(entries.get(j).estimate(), entries.get(j).at()).mul(weights[j]));
        return sum;
    }
}
