package io.palitra.train;

/** A loss or gradient that is not a number or not finite, caught before the optimiser moved. No checkpoint holds it. */
public final class NonFiniteException extends RuntimeException {
    private final long step;

    /** @param saved step of the last checkpoint, -1 for none */
    NonFiniteException(long step, String update, String culprit, long saved) {
        super("step " + step + ": the " + culprit + " of '" + update + "' is not finite; stopped before the optimiser moved, "
            + (saved < 0 ? "and before anything was saved" : "the checkpoint of step " + saved + " is whole")
            + " (a smaller train.optimizer.lr or train.clip may help)");
        this.step = step;
    }

    /** Step at which it was seen, counted from 0. */
    public long step() { return step; }
}
