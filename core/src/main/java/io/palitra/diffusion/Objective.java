package io.palitra.diffusion;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;

/**
 * What a network learns to predict of a noisy item, and at which noise levels. The first three are {@link Prediction}s at the T times of a
 * {@link NoiseSchedule}; flow matching has straight paths of its own.
 */
public sealed interface Objective permits Objective.Eps, Objective.X0, Objective.V, Objective.Flow {
    /** The noise. Ho, Jain and Abbeel 2020, arXiv:2006.11239, eq. 14. */
    record Eps() implements Objective {
        @Override public Prediction prediction() { return Prediction.EPS; }
    }

    /** The data. Salimans and Ho 2022, arXiv:2202.00512, section 4. */
    record X0() implements Objective {
        @Override public Prediction prediction() { return Prediction.X0; }
    }

    /** v = alpha eps - sigma x0. Salimans and Ho 2022, section 4. */
    record V() implements Objective {
        @Override public Prediction prediction() { return Prediction.V; }
    }

    /**
     * The velocity eps - x0 of straight paths x = (1 - s) x0 + s eps: rectified flow, Liu et al. 2023, arXiv:2209.03003, eq. 1; flow
     * matching, Lipman et al. 2023, arXiv:2210.02747, section 4.1. Times and their shift: Esser et al. 2024, arXiv:2403.03206, sections 3.1
     * and 5.3.2.
     */
    record Flow(
            @Help("how the share of noise is drawn in training: alike from 0 to 1, or the logistic function of a normal number, which"
                + " prefers the middle") Times times,
            @Help(value = "how far levels lie towards noise, in training and sampling: 1 = not at all; 3 in the paper for 1024x1024",
                min = 0.01, max = 100) double shift) implements Objective {
        /** T of {@link FlowTable}: what the share of noise is multiplied by for the network. */
        public static final int STEPS = 1000;

        /** How shares of noise are drawn. */
        public enum Times { UNIFORM, LOGITNORMAL }

        public Flow() { this(Times.LOGITNORMAL, 1); }

        @Override public Prediction prediction() {
            throw new IllegalStateException("flow matching predicts a velocity, which is none of eps, x0 and v");
        }

        @Override public LevelTable table(NoiseSchedule schedule) { return new FlowTable(STEPS, shift); }

        @Override public Noised noised(LevelTable table, Tensor x0, Rng rng) {
            long items = x0.size(0);
            Tensor u = times == Times.UNIFORM ? rng.uniform(items) : rng.normal(items).sigmoid();
            Tensor s = u.mul(shift).div(u.mul(shift - 1).add(1)).to(x0.device());   // [B]
            Tensor eps = rng.normalLike(x0), sigma = s.broadcastTo(x0.dims()), alpha = sigma.neg().add(1);
            return new Noised(x0.mul(alpha).add(eps.mul(sigma)), s.mul(STEPS), eps, alpha, sigma);
        }

        @Override public Tensor target(Tensor x0, Noised at) { return at.eps.sub(x0); }

        @Override public Tensor x0(Tensor out, Noised at) { return at.x.sub(out.mul(at.sigma)); }

        /** Its time follows from the share of noise alone: a solver may ask at levels between the table's, on any scale. */
        @Override public Denoiser denoiser(Predictor.Net net) {
            Velocity of = new Velocity(net);
            return new Denoiser() {
                @Override public Tensor denoise(Tensor x, Level at) { return of.denoise(x, timed(at)); }

                @Override public Estimate estimate(Tensor x, Level at) { return of.estimate(x, timed(at)); }
            };
        }

        private static Level timed(Level at) {
            return new Level(at.alpha(), at.sigma(), STEPS * at.sigma() / (at.alpha() + at.sigma()));
        }
    }

    /**
     * Noisy items of a training batch.
     *
     * @param x alpha x0 + sigma eps [B,...]
     * @param t the network's times [B]
     * @param eps the noise [B,...]
     * @param alpha [B,1,...], as is sigma
     */
    record Noised(Tensor x, Tensor t, Tensor eps, Tensor alpha, Tensor sigma) {}

    /** The expected data of the network's output for noisy items, [B,...]. */
    default Tensor x0(Tensor out, Noised at) { return prediction().x0(out, at.x, at.alpha, at.sigma); }

    /** What is predicted at the times of a schedule. @throws IllegalStateException for flow matching */
    Prediction prediction();

    /** The trained levels. Flow matching has its own, whatever the schedule. */
    default LevelTable table(NoiseSchedule schedule) { return schedule.table(); }

    /** Noisy items at levels drawn for each, x0 [B,...]: by default of the T times, each as likely as the other. */
    default Noised noised(LevelTable table, Tensor x0, Rng rng) {
        NoiseTable of = (NoiseTable) table;
        Tensor t = rng.integers(of.size(), x0.size(0)).to(x0.device());
        Tensor eps = rng.normalLike(x0), alpha = of.alpha(t, x0.dims()), sigma = of.sigma(t, x0.dims());
        return new Noised(x0.mul(alpha).add(eps.mul(sigma)), t, eps, alpha, sigma);
    }

    /** What the network is to predict, shaped as x0. */
    default Tensor target(Tensor x0, Noised at) { return prediction().target(x0, at.eps, at.alpha, at.sigma); }

    /** E[x0 given x] by a network that learned this objective. */
    default Denoiser denoiser(Predictor.Net net) { return new Predictor(prediction(), net); }

    /** @throws IllegalArgumentException for a schedule or a weight that this objective does not have */
    default void check(boolean scheduled, double minSnr) {
        if (!(this instanceof Flow)) return;
        if (scheduled) throw new ArgumentException("objective=flow has straight paths and takes no schedule; objective.shift moves them");
        if (minSnr > 0) throw new ArgumentException("objective=flow takes no minSnr; objective.times chooses which levels count more");
    }
}
