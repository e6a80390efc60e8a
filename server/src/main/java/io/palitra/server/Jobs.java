package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.management.OperatingSystemMXBean;
import io.palitra.config.Config;
import io.palitra.job.OpenModels;
import io.palitra.job.Request;
import io.palitra.job.Requests;
import io.palitra.job.ResumeRequest;
import io.palitra.job.TrainRequest;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.Deque;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/** All jobs of a server: what every API of it hands in, follows and ends. Any thread may call. */
final class Jobs implements AutoCloseable {
    /** Kinds of jobs that a caller may ask for. */
    static final List<String> SERVED = List.of("draw", "sample", "complete", "continue", "interpolate", "map", "walk", "project", "mix",
        "directions", "reconstruct", "vary", "caption", "classify", "evaluate", "compare", "paint", "dream", "train", "resume", "search",
        "anomalies", "balance", "pull", "import", "write", "fill", "harmonise");

    /** Characters of a request, which is kept. */
    private static final int LONGEST = 1 << 20;

    /** Ended jobs that stay in memory, with their events. */
    static final int REMEMBERED = 200;

    private final ServerConfig config;
    private final Places places;
    private final JobQueue queue;
    private final OpenModels models;
    private final History history;
    private final Quota quota;
    private final Meter meter;
    private final Log log;
    private final Waiters waiters = new Waiters();
    private final long room;
    private final Map<String, Job> jobs = new ConcurrentHashMap<>();
    private final Deque<String> ended = new ArrayDeque<>();
    private final AtomicLong created = new AtomicLong();
    private final SecureRandom random = new SecureRandom();
    private final Path folder;

    /** The history opens meanwhile: {@link History#opened}. */
    Jobs(ServerConfig config, Places places, Uploads uploads, Meter meter, Log log) {
        this(config, places, uploads, meter, log, ((long) config.disk()) << 30);
    }

    /** @param room bytes for files of jobs and uploads */
    Jobs(ServerConfig config, Places places, Uploads uploads, Meter meter, Log log, long room) {
        this.meter = meter;
        this.log = log;
        this.config = config;
        this.places = places;
        this.room = room;
        models = new OpenModels(() -> config.memory() > 0 ? (long) config.memory() << 20
            : ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize() / 2);
        folder = folder(config);
        Path runs = Path.of(config.runs()).toAbsolutePath().normalize();
        history = new History(folder, job -> saved(runs, job));
        quota = new Quota(room, folder, uploads::bytes, this::lost);
        history.later(quota::begin);
        history.onEnd((c, id, job) -> {
            Gallery.add(c, id, job, folder.resolve(id));
            uploads.sweep(room / 2, this::uses);
            quota.ended(c, id);
        });
        queue = new JobQueue(log, config.queue(), config.share(), config.batch(), models);
    }

    /** Where jobs write, each into a folder of its own. */
    static Path folder(ServerConfig config) { return Path.of(config.jobs()).toAbsolutePath().normalize(); }

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
        if (asked.toString().length() > LONGEST) {
            throw new Refused(422, "too_large", "request", "a request has at most " + (LONGEST >> 10) + " thousand characters");
        }
        String id = newId();
        Path own = folder.resolve(id);
        Request<?> named = Requests.on(Requests.of(kind, places.asked(kind, asked)), config.device(), config.threads());
        Config.check((Record) named);
        named.check();
        Request<?> request = places.placed(kind, named, id, own);
        places.refuseUnfit(kind, named, request);
        if (request instanceof ResumeRequest resumed
            && jobs.values().stream().anyMatch(j -> !j.ended() && trains(j.request, resumed.run()))) {
            throw new Refused(409, "run_trains", "run", "this run has a job that waits or works; cancel it first");
        }
        // no two of one time, so that a page of a list ends between two
        long now = created.updateAndGet(last -> Math.max(last + 1, System.currentTimeMillis()));
        Job job = new Job(id, kind, asked, request, own, caller, now);
        job.keep(this::keep);
        meter.follow(job, log);
        jobs.put(id, job);
        try {
            queue.add(job);
        } catch (Refused e) {
            jobs.remove(id);
            throw e;
        }
        history.put(job);
        return job;
    }

    private static boolean trains(Request<?> request, String run) {
        return request instanceof ResumeRequest r && r.run().equals(run) || request instanceof TrainRequest t && t.out().equals(run);
    }

    /** Whether the run of a training that was cut off was saved. @param job as it is kept */
    private static boolean saved(Path runs, ObjectNode job) {
        JsonNode asked = job.path("request");
        boolean resumed = job.path("kind").asText().equals("resume");
        String name = resumed ? asked.path("run").asText() : asked.path("out").asText();
        if (name.isEmpty()) name = Places.runOf(asked.path("family").asText(), job.path("id").asText());
        if (!name.matches(Registry.RUN_NAME)) return false;
        try (Stream<Path> all = Files.list(runs.resolve(name).resolve("train"))) {
            return all.anyMatch(p -> p.getFileName().toString().startsWith("step-"));
        } catch (IOException e) {
            return false;
        }
    }

    private void keep(Job job) {
        history.put(job);
        if (!job.ended()) return;
        synchronized (ended) {
            ended.add(job.id);
            while (ended.size() > REMEMBERED) jobs.remove(ended.remove());
        }
    }

    /** Files of a job were deleted. */
    private void lost(String id, Collection<String> names) {
        Job job = jobs.get(id);
        if (job != null) job.lost(names);
    }

    /** Bytes that files of jobs and uploads may take. */
    long room() { return room; }

    /** Deletes files of old jobs where there are more than may be. */
    void makeRoom() { history.later(c -> quota.makeRoom(c, "")); }

    /** Whether a job that has not ended names that upload. */
    boolean uses(String upload) { return jobs.values().stream().anyMatch(j -> !j.ended() && j.asked.toString().contains(upload)); }

    /** Those of {@link #SERVED} that this server does. */
    List<String> served() { return SERVED.stream().filter(kind -> !kind.equals("pull") || config.pull()).toList(); }

    /** Who waits long for what comes of them. */
    Waiters waiters() { return waiters; }

    private String newId() {
        byte[] id = new byte[16];
        random.nextBytes(id);
        return HexFormat.of().formatHex(id);
    }

    /** A job that waits, works or ended lately. */
    Optional<Job> live(String id) { return Optional.ofNullable(jobs.get(id)); }

    /** The same. @throws Refused for an id of none */
    Job named(String id) { return live(id).orElseThrow(Jobs::none); }

    private static Refused none() { return new Refused(404, "no_such_job", "id", "there is no job of that id"); }

    /** Any job, as callers see it. @throws Refused for an id of none */
    ObjectNode shown(String id) {
        Optional<Job> live = live(id);
        return live.isPresent() ? shown(live.get()) : history.job(id).orElseThrow(Jobs::none);
    }

    ObjectNode shown(Job job) { return job.toJson(position(job)); }

    /**
     * Jobs, the newest first.
     *
     * @param before milliseconds: those created earlier
     * @param kind   empty = all; @param status likewise
     */
    List<ObjectNode> list(int limit, long before, String kind, String status) {
        List<ObjectNode> all = new ArrayList<>();
        for (ObjectNode kept : history.jobs(limit, before, kind, status)) if (live(kept.path("id").asText()).isEmpty()) all.add(kept);
        for (Job job : jobs.values()) {
            if (job.created >= before || !kind.isEmpty() && !kind.equals(job.kind)) continue;
            ObjectNode shown = shown(job);
            if (status.isEmpty() || status.equals(shown.path("status").asText())) all.add(shown);
        }
        all.sort(Comparator.comparing((ObjectNode job) -> job.path("created").decimalValue()).reversed());
        return all.subList(0, Math.min(limit, all.size()));
    }

    /** A file that a job made. @throws Refused for one that it did not make, and for one that is gone */
    Path file(String id, String name) {
        Optional<Job> live = live(id);
        boolean made = false;
        if (live.isPresent()) {
            made = live.get().files.contains(name);
        } else {
            for (JsonNode file : shown(id).path("files")) made |= file.asText().equals(name);
        }
        if (!made) throw new Refused(404, "no_such_file", "name", "the job has no file of that name");
        Path file = folder.resolve(id).resolve(name);
        if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) throw new Refused(404, "no_such_file", "name", "the file is gone");
        return file;
    }

    /** Those that wait, work or ended lately. */
    Collection<Job> all() { return jobs.values(); }

    History history() { return history; }

    Quota quota() { return quota; }

    /** From 1; 0 where it does not wait. */
    int position(Job job) { return queue.position(job); }

    void cancel(Job job) { queue.cancel(job); }

    JobQueue queue() { return queue; }

    /** Bytes of the models in memory by their names. */
    Map<String, Long> loaded() {
        Map<String, Long> all = new LinkedHashMap<>();
        models.loaded().forEach(m -> all.merge(m.name(), m.bytes(), Long::sum));
        return all;
    }

    @Override public void close() {
        queue.close();
        models.close();
        history.close();
    }
}
