package io.palitra.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * The events of a job, for any number of readers, each from where it left off. Of progress and of previews only the newest is kept; pieces
 * of texts become longer ones where there are many.
 */
final class EventLog {
    private static final List<String> REPLACED = List.of("queued", "progress", "preview");
    /** Events with pieces of texts that are kept apart. */
    private static final int PIECES = 256;

    private final Deque<Event> events = new ArrayDeque<>();
    private final List<Runnable> readers = new ArrayList<>();
    private final List<Watch> watches = new ArrayList<>();
    private long last;
    private int pieces;
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
            if (name.equals(Texts.EVENT) && ++pieces > PIECES) {
                join();
                pieces = 1;
            }
            ended = end;
            if (end) notifyAll();
            told = List.copyOf(readers);
            watching = List.copyOf(watches);
        }
        watching.forEach(watch -> watch.on(event));
        told.forEach(Runnable::run);
    }

    /** All pieces in the stead of the last: who has read some of them reads the same again, which changes nothing. */
    private void join() {
        List<Event> all = events.stream().filter(e -> e.name().equals(Texts.EVENT)).toList();
        Event newest = all.get(all.size() - 1), whole = new Event(newest.id(), Texts.EVENT, Texts.joined(all.stream().map(Event::data)
            .toList()));
        List<Event> kept = events.stream().filter(e -> e == newest || !e.name().equals(Texts.EVENT)).map(e -> e == newest ? whole : e)
            .toList();
        events.clear();
        events.addAll(kept);
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
