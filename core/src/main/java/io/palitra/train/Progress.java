package io.palitra.train;

import java.util.Map;

/** What a run tells while it goes: the only call upwards. On the training thread; what it takes, the run waits. */
public interface Progress {
    Progress SILENT = new Progress() {};

    /**
     * After a step on which losses were read.
     *
     * @param step moves made so far, of {@code steps}
     * @param losses by name, as in metrics.jsonl
     * @param itemsPerSecond since the last report
     */
    default void step(long step, long steps, Map<String, Double> losses, double stepsPerSecond, double itemsPerSecond) {}

    /**
     * While something takes long that is no training. What is thrown here ends it, and comes to who asked for it.
     *
     * @param what is being done
     * @param share that is done, 0 to 1
     */
    default void part(String what, double share) {}

    /** Something a person should know: an alarm, an altered checkpoint, a skipped file. */
    default void note(String message) {}

    /** A file of the run folder was written: a grid of samples, the report. */
    default void wrote(java.nio.file.Path file) {}
}
