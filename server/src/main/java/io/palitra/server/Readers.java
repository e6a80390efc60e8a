package io.palitra.server;

import java.util.Comparator;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.io.Connection;

/**
 * Seats of those whose bodies are being read, each of whom holds a thread, however slowly it comes. Who comes when all are taken gets that
 * of whom the fewest bytes a second came from, if they were too few: many who send nothing keep nobody out.
 */
final class Readers {
    /** Milliseconds between looks for who is slow, and how many there are: a request that waits holds a thread that others need. */
    private static final int WAIT_MILLIS = 250, TRIES = 7;

    private final Semaphore seats = new Semaphore(Waiters.READERS, true);
    private final Set<Reader> sitting = ConcurrentHashMap.newKeySet();

    /** Whose body is read. */
    static final class Reader {
        private final Connection connection;
        private final long bytes;
        private final long since = System.nanoTime();

        private Reader(Connection connection) {
            this.connection = connection;
            bytes = connection.getBytesIn();
        }

        private double rate() { return (connection.getBytesIn() - bytes) / seconds(); }

        private double seconds() { return (System.nanoTime() - since) * 1e-9; }
    }

    /** @throws Refused 503 where all are taken by those who are not slow */
    Reader sit(Connection connection) {
        try {
            boolean taken = seats.tryAcquire(WAIT_MILLIS, TimeUnit.MILLISECONDS);
            for (int i = 0; i < TRIES && !taken; i++) {
                slowest().ifPresent(r -> r.connection.getEndPoint().close());   // its thread wakes and leaves the seat
                taken = seats.tryAcquire(WAIT_MILLIS, TimeUnit.MILLISECONDS);
            }
            if (!taken) throw new Refused(503, "busy", "", "other requests are being read", 5);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Refused(503, "closing", "", "the server is closing");
        }
        Reader reader = new Reader(connection);
        sitting.add(reader);
        return reader;
    }

    /** Of those that can be told to be slow, and whom nobody else takes a seat from. */
    private Optional<Reader> slowest() {
        Optional<Reader> least = sitting.stream().filter(r -> r.seconds() > WAIT_MILLIS / 2e3 && r.rate() < Server.SLOWEST)
            .min(Comparator.comparingDouble(Reader::rate));
        return least.filter(sitting::remove).or(() -> least.isPresent() ? slowest() : Optional.empty());
    }

    void leave(Reader reader) {
        sitting.remove(reader);
        seats.release();
    }
}
