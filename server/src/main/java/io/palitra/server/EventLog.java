package io.palitra.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/** The events of a job, for any number of readers, each from where it left off. Of progress and of previews only the newest is kept. */
final class EventLog {
    private static final List<String> REPLACED = List.of("queued", "progress", "preview");

    private final Deque<Event> events = new ArrayDeque<>();
    private final List<Runnable> readers = new ArrayList<>();
    private final List<Watch> watches = new ArrayList<>();
    private long last;
    private boolean ended;

    /** Sees every event as it comes, on the thread that adds it; no reader, for whom previews are made. */
    interface Watch { void on(Event event); }

    synchronized void watch(Watch watch) { watches.add(watch); }

    void add(String name, ObjectNode data, boolean end) {
        List<Runnable> told;
        List<Watch> watching;
        Event event;
        synchronized (this) {
            if (ended) return;
            if (REPLACED.contains(name)) events.removeIf(e -> e.name().equals(name));
            event = new Event(++last, name, data);
            events.add(event);
            ended = end;
            if (end) notifyAll();
            told = List.copyOf(readers);
            watching = List.copyOf(watches);
        }
        watching.forEach(watch -> watch.on(event));
        told.forEach(Runnable::run);
    }

    /** Those behind that one, in order. */
    synchronized List<Event> after(long id) { return events.stream().filter(e -> e.id() > id).toList(); }

    synchronized boolean ended() { return ended; }

    /** Whether the last has come; waits for it, at most so long. Who waits so is no reader. */
    synchronized boolean ended(long millis) throws InterruptedException {
        long end = System.nanoTime() + millis * 1_000_000;
        while (!ended) {
            long left = (end - System.nanoTime() + 999_999) / 1_000_000;
            if (left <= 0) return false;
            wait(left);
        }
        return true;
    }

    /** @param more is run after each event, on the thread that adds it: it must return at once */
    synchronized void listen(Runnable more) { readers.add(more); }

    synchronized void leave(Runnable more) { readers.remove(more); }

    synchronized int readers() { return readers.size(); }
}
