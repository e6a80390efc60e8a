package io.palitra.server;

import java.util.concurrent.Semaphore;

/**
 * Seats of those who wait long for an answer, each of whom holds a thread: fewer than there are threads, so that short questions always
 * find one.
 */
final class Waiters {
    /** Threads of the server, how many of them may wait long, and how many may read what is sent; the others are for short answers. */
    static final int THREADS = 160, SEATS = 100, READERS = 40;
    private static final int RETRY_SECONDS = 5;

    private final Semaphore seats = new Semaphore(SEATS);

    /** A seat, until it is closed. */
    interface Seat extends AutoCloseable { @Override void close(); }

    /** @throws Refused 503 where all are taken */
    Seat sit() {
        if (seats.tryAcquire()) return seats::release;
        throw new Refused(503, "too_many_wait", "", SEATS + " clients wait for answers, as many as may", RETRY_SECONDS);
    }

    int taken() { return SEATS - seats.availablePermits(); }
}
