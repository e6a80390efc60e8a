package io.palitra.train;

/** A loss or gradient that is not a number or not finite, caught before the optimiser moved. No checkpoint holds it. */
public final class NonFiniteException extends RuntimeException {
    private final long step;

    NonFiniteException(long step, String update, String culprit) {
        super("step " + step + ": the " + culprit + " of '" + update
            + "' is not finite; stopped before the optimiser moved, the last checkpoint"
            + " is whole (a smaller train.optimizer.lr or train.clip may help)");
        this.step = step;
    }

    /** Step at which it was seen, counted from 0. */
    public long step() { return step; }
}
