package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.job.Request;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One request on its way. Its state changes under its own lock; an end is final. */
final class Job {
    /** In order; the last three are ends. */
    enum Status { QUEUED, RUNNING, DONE, FAILED, CANCELLED }

    /** Of its notes that are told with it; the events have all. */
    private static final int NOTES = 100;

    static final ObjectMapper JSON = new ObjectMapper();

    final String id;
    final String kind;
    final JsonNode asked;
    final Request<?> request;
    final Path folder;
    final String caller;
    final boolean trains;
    /** Milliseconds since 1970, as all times here. */
    final long created;
    final EventLog events = new EventLog();
    final List<String> files = new CopyOnWriteArrayList<>();

    private Status status = Status.QUEUED;
    private long started;
    private long ended;
    private @Nullable ObjectNode result;
    private @Nullable Fault error;
    private boolean gone;
    private volatile boolean stopped;
    private volatile Consumer<Job> kept = job -> { };

    Job(String id, String kind, JsonNode asked, Request<?> request, Path folder, String caller) {
        this(id, kind, asked, request, folder, caller, System.currentTimeMillis());
    }

    Job(String id, String kind, JsonNode asked, Request<?> request, Path folder, String caller, long created) {
        this.id = id;
        this.kind = kind;
        this.asked = asked;
        this.request = request;
        this.folder = folder;
        this.caller = caller;
        this.created = created;
        trains = kind.equals("train") || kind.equals("resume");
    }

    /** @param keeper is told of each change before readers of the events are; it must return at once */
    void keep(Consumer<Job> keeper) { kept = keeper; }

    synchronized Status status() { return status; }

    synchronized boolean ended() { return status.compareTo(Status.DONE) >= 0; }

    /** What it failed by; null unless it did. */
    synchronized @Nullable Fault error() { return error; }

    /** What a person should know of it, in order. */
    List<String> notes() {
        return events.after(0).stream().filter(e -> e.name().equals("note")).map(e -> e.data().path("line").asText()).toList();
    }

    /** Whether its work is to end. */
    boolean stopped() { return stopped; }

    /** Asks its work to end. */
    void stop() { stopped = true; }

    /** @return false where it has ended before */
    boolean begin() {
        synchronized (this) {
            if (status != Status.QUEUED) return false;
            status = Status.RUNNING;
            started = System.currentTimeMillis();
            events.add("started", node(), false);
        }
        kept.accept(this);
        return true;
    }

    /** @param name of a file in its folder */
    void wrote(String name) {
        if (files.contains(name)) return;
        files.add(name);
        kept.accept(this);
        events.add("file", JSON.createObjectNode().put("name", name), false);
    }

    /** Some of its files were removed to make room, or by a person. */
    synchronized void lost(Collection<String> names) {
        files.removeAll(names);
        gone = true;
    }

    void done(ObjectNode made) {
        synchronized (this) {
            if (ended()) return;
            result = made;
            end(Status.DONE);
        }
        kept.accept(this);
        events.add("done", toJson(-1), true);
    }

    void failed(Fault why) {
        synchronized (this) {
            if (ended()) return;
            error = why;
            end(Status.FAILED);
        }
        kept.accept(this);
        events.add("failed", toJson(-1), true);
    }

    /** @return false where it had ended before */
    boolean cancelled() {
        synchronized (this) {
            if (ended()) return false;
            end(Status.CANCELLED);
        }
        kept.accept(this);
        events.add("cancelled", toJson(-1), true);
        return true;
    }

    private void end(Status how) {
        status = how;
        ended = System.currentTimeMillis();
    }

    private ObjectNode node() { return JSON.createObjectNode().put("id", id).put("status", status.name().toLowerCase(Locale.ROOT)); }

    /** @param position in the queue from 1, or below where it does not wait */
    synchronized ObjectNode toJson(int position) {
        ObjectNode node = node().put("kind", kind);
        node.set("request", asked);
        if (position > 0) node.put("position", position);
        node.put("created", seconds(created));
        if (started > 0) node.put("started", seconds(started));
        if (ended > 0) node.put("ended", seconds(ended));
        ArrayNode list = node.putArray("files");
        files.forEach(list::add);
        if (result != null) node.set("result", result);
        if (error != null) node.set("error", error.toJson());
        List<String> notes = notes();
        if (!notes.isEmpty()) notes.stream().limit(NOTES).forEach(node.putArray("notes")::add);
        if (gone) node.put("gone", true);
        return node;
    }

    /** Milliseconds as callers see them. */
    static BigDecimal seconds(long millis) { return BigDecimal.valueOf(millis, 3); }
}
