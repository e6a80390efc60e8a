package io.palitra.engine;

import java.util.concurrent.locks.LockSupport;

/** Counts of native pointers that tests compare. */
public final class LivePointers {
    private LivePointers() {}

    /** How many are held once the collector has taken what earlier tests left; it then takes nothing more from under a count. */
    public static long settled() {
        long last, now = Scope.livePointers();
        do {
            last = now;
            System.gc();
            LockSupport.parkNanos(20_000_000);   // the references' own threads free what the collector found
            now = Scope.livePointers();
        } while (now != last);
        return now;
    }
}
