package io.palitra.model;

import io.palitra.config.ArgumentException;
import io.palitra.data.Batch;
import io.palitra.nn.Module;

/**
 * One share of a training step: the parameters it moves and the scalar they descend. Runs on the steps from {@code from} on that
 * {@code every} divides. Two updates that move the same module share its optimiser.
 *
 * @param name for the log
 * @param moves the only module whose parameters change
 */
public record Update(String name, Module moves, int every, long from, Objective objective) {
    /** The loss of a batch. */
    @FunctionalInterface public interface Objective { Losses of(Batch batch, Step step); }

    public Update {
        if (every < 1) throw new ArgumentException("illegal every: " + every + ", must be at least 1");
    }

    /** Runs on every step. */
    public Update(String name, Module moves, Objective objective) { this(name, moves, 1, 0, objective); }

    /** Whether it is made in that step. */
    public boolean due(long step) { return step >= from && step % every == 0; }
}
