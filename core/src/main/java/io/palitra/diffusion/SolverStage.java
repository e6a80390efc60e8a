package io.palitra.diffusion;

import io.palitra.config.ArgumentException;
import java.util.ArrayList;
import java.util.List;

/**
 * A leg of a run, which has one network call: x goes from the level {@code from} to {@code to}, and the network predicts at the level
 * {@code at}. Most methods predict where the leg starts. A leg with another {@code at} is a later stage of a step: it starts again from
 * the x of the last leg whose {@code at} was its {@code from}.
 *
 * @param via levels that x passes on the way, without a network call
 */
public record SolverStage(Level at, Level from, Level to, List<Level> via) {
    public SolverStage { via = List.copyOf(via); }

    /** Straight on. */
    public SolverStage(Level at, Level from, Level to) { this(at, from, to, List.of()); }

    /** The network predicts where the leg starts. */
    public SolverStage(Level from, Level to) { this(from, from, to); }

    /** Whether a step begins here. */
    public boolean begins() { return at.equals(from); }

    /** From each level to the next. */
    static List<SolverStage> between(List<Level> levels) {
        List<SolverStage> legs = new ArrayList<>();
        for (int i = 0; i + 1 < levels.size(); i++) legs.add(new SolverStage(levels.get(i), levels.get(i + 1)));
        return List.copyOf(legs);
    }

    /** Whether leg i is the last of its step. */
    static boolean ends(List<SolverStage> legs, int i) { return i + 1 == legs.size() || legs.get(i + 1).begins(); }

    /** Variance of q(x_t given x_s): sigma_t² - (alpha_t / alpha_s)² sigma_s². */
    double forwardVariance() {
        double a = from.alpha() / to.alpha() * to.sigma();
        return Math.max(0, from.sigma() * from.sigma() - a * a);
    }

    /** h = lambda_s - lambda_t, with lambda = log(alpha / sigma); infinite from pure noise and to clean data. */
    double h() { return Math.log(from.ratio() / to.ratio()); }

    static void check(int steps) {
        if (steps < 1) throw new ArgumentException("illegal steps: " + steps + ", must be at least 1");
    }
}
