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
     * @param preview makes a small picture of what the model expects now, of the first picture; costs time, valid during the call
     */
    void step(int done, int of, Supplier<Picture> preview);

    /** Asked after each step; true ends the work with a {@link java.util.concurrent.CancellationException}. */
    default boolean stop() { return false; }
}
