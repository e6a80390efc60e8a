package io.palitra.engine;

import java.util.concurrent.locks.LockSupport;

/** Counts of native pointers that tests compare. */
public final class LivePointers {
    private LivePointers() {}

    /** How many are held once the collector has taken what earlier tests left; it then takes nothing more from under a count. */
    public static long settled() {
        long now = Scope.livePointers();
        for (int same = 0; same < 2;) {   // once is not enough: on a busy machine the threads that free what was found come late
            long last = now;
            System.gc();
            LockSupport.parkNanos(40_000_000);
            now = Scope.livePointers();
            same = now == last ? same + 1 : 0;
        }
        return now;
    }
}
