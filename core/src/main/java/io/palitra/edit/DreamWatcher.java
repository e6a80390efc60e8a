package io.palitra.edit;

import io.palitra.data.Picture;
import java.util.function.Supplier;

/** Sees a picture come to be. */
public interface DreamWatcher {
    /** Sees nothing and stops nothing. */
    DreamWatcher NONE = (done, of, loss, picture) -> { };

    /**
     * Before the first iteration and after each.
     *
     * @param done    iterations that led to this picture
     * @param of      how many there are to be, 0 = until stopped
     * @param loss    of this picture; of the last picture that of the one before
     * @param picture makes it; valid during the call
     */
    void seen(int done, int of, double loss, Supplier<Picture> picture);

    /** Asked after each iteration; true ends the work with what there is. */
    default boolean stop() { return false; }
}
