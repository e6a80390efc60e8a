package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.management.OperatingSystemMXBean;
import io.palitra.job.OpenModels;
import io.palitra.job.Request;
import io.palitra.job.Requests;
import java.lang.management.ManagementFactory;
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
        "evaluate", "compare", "paint", "dream", "train", "resume");

    private final ServerConfig config;
    private final Places places;
    private final JobQueue queue;
    private final OpenModels models;
    private final Map<String, Job> jobs = new ConcurrentHashMap<>();
    private final SecureRandom random = new SecureRandom();
    private final Path folder;

    Jobs(ServerConfig config, Places places) {
        this.config = config;
        this.places = places;
        models = new OpenModels(config.memory() > 0 ? (long) config.memory() << 20
            : ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize() / 2);
        queue = new JobQueue(config.queue(), config.share(), config.batch(), models);
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
        if (!SERVED.contains(kind)) throw new Refused(422, "no_such_kind", "kind", "kind must be one of " + String.join(", ", SERVED));
        String id = newId();
        Path own = folder.resolve(id);
        Request<?> request = places.placed(kind, Requests.on(Requests.of(kind, asked), config.device()), id, own);
        Job job = new Job(id, kind, asked, request, own, caller);
        jobs.put(id, job);
        try {
            queue.add(job);
        } catch (Refused e) {
            jobs.remove(id);
            throw e;
        }
        return job;
    }

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

    OpenModels models() { return models; }

    @Override public void close() {
        queue.close();
        models.close();
    }
}
