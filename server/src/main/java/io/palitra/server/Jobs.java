package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.job.Request;
import io.palitra.job.Requests;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** All jobs of a server: what every API of it hands in, follows and ends. Any thread may call. */
final class Jobs implements AutoCloseable {
    /** Kinds of jobs that a caller may ask for. */
    static final List<String> SERVED = List.of("draw", "sample", "complete", "interpolate", "map", "walk", "reconstruct", "classify",
        "evaluate", "compare", "paint", "dream", "train", "resume", "search", "anomalies", "balance", "pull", "import");

    private final ServerConfig config;
    private final Places places;
    private final JobQueue queue;
    private final Meter meter;
    private final Log log;
    private final Waiters waiters = new Waiters();
    private final Map<String, Job> jobs = new ConcurrentHashMap<>();
    private final SecureRandom random = new SecureRandom();
    private final Path folder;

    Jobs(ServerConfig config, Places places, Meter meter, Log log) {
        this.meter = meter;
        this.log = log;
        this.config = config;
        this.places = places;
        queue = new JobQueue(log, config.queue(), config.share());
        folder = Path.of(config.jobs()).toAbsolutePath().normalize();
    }

    /**
     * Puts a job into the queue.
     *
     * @param asked the request as JSON, {@link Requests#of}
     * @param caller whose share of the queue it takes
     * @throws Refused for a kind that is not served, a place that is none, and where the queue is full
     * @throws io.palitra.config.ConfigException for a value that cannot be
     */
    Job submit(String kind, JsonNode asked, String caller) {
        if (!served().contains(kind)) throw new Refused(422, "no_such_kind", "kind", "kind must be one of " + String.join(", ", served()));
        String id = newId();
        Path own = folder.resolve(id);
        Request<?> request = places.placed(kind, Requests.on(Requests.of(kind, places.asked(kind, asked)), config.device()), id, own);
        Job job = new Job(id, kind, asked, request, own, caller);
        meter.follow(job, log);
        jobs.put(id, job);
        try {
            queue.add(job);
        } catch (Refused e) {
            jobs.remove(id);
            throw e;
        }
        return job;
    }

    /** Those of {@link #SERVED} that this server does. */
    List<String> served() { return SERVED.stream().filter(kind -> !kind.equals("pull") || config.pull()).toList(); }

    /** Who waits long for what comes of them. */
    Waiters waiters() { return waiters; }

    private String newId() {
        byte[] id = new byte[16];
        random.nextBytes(id);
        return HexFormat.of().formatHex(id);
    }

    /** @throws Refused for an id of no job */
    Job named(String id) {
        Job job = jobs.get(id);
        if (job == null) throw new Refused(404, "no_such_job", "id", "there is no job of that id");
        return job;
    }

    Collection<Job> all() { return jobs.values(); }

    /** From 1; 0 where it does not wait. */
    int position(Job job) { return queue.position(job); }

    void cancel(Job job) { queue.cancel(job); }

    JobQueue queue() { return queue; }

    @Override public void close() { queue.close(); }
}
