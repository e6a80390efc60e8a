package io.palitra.diffusion;

import io.palitra.config.ArgumentException;

/**
 * Levels of straight paths x = (1 - s) x0 + s eps: shares of noise s on a line from 1/T to 1, shifted towards noise by s' = a s / (1 + (a -
 * 1) s), Esser et al. 2024, arXiv:2403.03206, eq. 23. The network's time is T s', whatever the shift, so that a model may be sampled by
 * another shift than it was trained with. The last level is pure noise.
 *
 * @param size T
 * @param shift a: 1 = none; larger puts more levels at high noise
 */
public record FlowTable(int size, double shift) implements LevelTable {
    public FlowTable {
        if (size < 1) throw new ArgumentException("illegal size: " + size + ", must be at least 1");
        if (!(shift > 0 && shift < Double.POSITIVE_INFINITY)) {
            throw new ArgumentException("illegal shift: " + shift + ", must be above 0");
        }
    }

    @Override public Level at(int t) {
        if (t < 0 || t >= size) throw new ArgumentException("illegal time: " + t + ", must be from 0 to " + (size - 1));
        double s = (t + 1.0) / size;
        return ofShare(shift * s / (1 + (shift - 1) * s));
    }

    @Override public Level ofRatio(double s) {
        double share = s == Double.POSITIVE_INFINITY ? 1 : s / (1 + s);
        return ofShare(Math.min(1, Math.max(at(0).sigma(), share)));
    }

    /** The level of a share of noise. */
    private Level ofShare(double s) { return new Level(1 - s, s, size * s); }
}
