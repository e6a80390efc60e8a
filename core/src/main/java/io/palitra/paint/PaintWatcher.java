package io.palitra.paint;

import io.palitra.data.Picture;
import java.util.function.Supplier;

/** Sees a picture come to be. */
public interface PaintWatcher {
    /** Sees nothing and stops nothing. */
    PaintWatcher NONE = (done, of, preview) -> { };

    /**
     * After each call of the network.
     *
     * @param of      calls for all pictures together; some of them are painted at once, some one after the other
     * @param preview makes a small picture of what the model expects now, of the first of those that are painted now;
     *                costs time, valid during the call
     */
    void step(int done, int of, Supplier<Picture> preview);

    /** When a picture is finished, before others may be; what was painted before a stop has been handed over here. */
    default void painted(int i, Picture picture) { }

    /** Asked after each step; true ends the work with a {@link java.util.concurrent.CancellationException}. */
    default boolean stop() { return false; }
}
