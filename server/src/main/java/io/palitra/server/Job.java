package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.job.Request;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** One request on its way. Its state changes under its own lock; an end is final. */
final class Job {
    /** In order; the last three are ends. */
    enum Status { QUEUED, RUNNING, DONE, FAILED, CANCELLED }

    static final ObjectMapper JSON = new ObjectMapper();

    final String id;
    final String kind;
    final JsonNode asked;
    final Request<?> request;
    final Path folder;
    final String caller;
    final boolean trains;
    final Instant created = Instant.now();
    final EventLog events = new EventLog();
    final List<String> files = new CopyOnWriteArrayList<>();

    private Status status = Status.QUEUED;
    private @Nullable Instant started;
    private @Nullable Instant ended;
    private @Nullable ObjectNode result;
    private @Nullable Fault error;
    private volatile boolean stopped;

    Job(String id, String kind, JsonNode asked, Request<?> request, Path folder, String caller) {
        this.id = id;
        this.kind = kind;
        this.asked = asked;
        this.request = request;
        this.folder = folder;
        this.caller = caller;
        trains = kind.equals("train") || kind.equals("resume");
    }

    synchronized Status status() { return status; }

    synchronized boolean ended() { return status.compareTo(Status.DONE) >= 0; }

    /** Whether its work is to end. */
    boolean stopped() { return stopped; }

    /** Asks its work to end. */
    void stop() { stopped = true; }

    /** @return false where it has ended before */
    synchronized boolean begin() {
        if (status != Status.QUEUED) return false;
        status = Status.RUNNING;
        started = Instant.now();
        events.add("started", node(), false);
        return true;
    }

    void done(ObjectNode made) {
        synchronized (this) {
            if (ended()) return;
            result = made;
            end(Status.DONE);
        }
        events.add("done", toJson(-1), true);
    }

    void failed(Fault why) {
        synchronized (this) {
            if (ended()) return;
            error = why;
            end(Status.FAILED);
        }
        events.add("failed", toJson(-1), true);
    }

    /** @return false where it had ended before */
    boolean cancelled() {
        synchronized (this) {
            if (ended()) return false;
            end(Status.CANCELLED);
        }
        events.add("cancelled", toJson(-1), true);
        return true;
    }

    private void end(Status how) {
        status = how;
        ended = Instant.now();
    }

    private ObjectNode node() { return JSON.createObjectNode().put("id", id).put("status", status.name().toLowerCase(Locale.ROOT)); }

    /** @param position in the queue from 1, or below where it does not wait */
    synchronized ObjectNode toJson(int position) {
        ObjectNode node = node().put("kind", kind);
        node.set("request", asked);
        if (position > 0) node.put("position", position);
        node.put("created", created.getEpochSecond());
        if (started != null) node.put("started", started.getEpochSecond());
        if (ended != null) node.put("ended", ended.getEpochSecond());
        ArrayNode list = node.putArray("files");
        files.forEach(list::add);
        if (result != null) node.set("result", result);
        if (error != null) node.set("error", error.toJson());
        return node;
    }
}
