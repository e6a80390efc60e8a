package io.palitra.model;

import io.palitra.data.Picture;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;

/**
 * Follows long work and may end it. Every call comes on the thread that works, which waits for its return; what a call throws ends the work
 * and comes to the caller of the work.
 */
public interface Watcher {
    /** Ignores everything and stops nothing. */
    Watcher SILENT = new Watcher() {};

    /**
     * After a part of the work.
     *
     * @param what the work is, such as "training" or "samples"; another name begins another count
     * @param done parts that are done
     * @param of parts there are, 0 = until stopped
     * @param figures measured on the way, by name: losses, speeds
     * @param preview makes a picture of what there is so far, where there is one; costs time, valid during the call
     */
    default void tick(String what, long done, long of, Map<String, Double> figures, Supplier<Optional<Picture>> preview) {}

    /** {@link #tick(String, long, long, Map, Supplier)} without figures and without a picture. */
    default void tick(String what, long done, long of) { tick(what, done, of, Map.of(), Optional::empty); }

    /** Picture i is finished, before others may be. */
    default void finished(int i, Picture picture) {}

    /** More of text i is written, before it is whole. */
    default void text(int i, String piece) {}

    /** The work begins: a line that says on what and where. */
    default void begins(String line) {}

    /** A line that a person should know: an alarm, an altered checkpoint, a skipped file. */
    default void note(String line) {}

    /** A file was written: a grid of samples, a report. */
    default void wrote(Path file) {}

    /** Whether the work is to end. A training saves first; a dream ends with its last picture; all else throws, see {@link #checkStop}. */
    default boolean stop() { return false; }

    /** @throws CancellationException when the work is to end */
    default void checkStop() {
        if (stop()) throw new CancellationException("stopped");
    }
}
