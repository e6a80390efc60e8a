package io.palitra.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The requests that are being answered, and how far each is. Any thread may call. */
final class SdTasks {
    private static final DateTimeFormatter STAMP = DateTimeFormatter.ofPattern("yyyyMMddHHmmss").withZone(ZoneId.systemDefault());

    private final Map<String, Task> tasks = new LinkedHashMap<>();

    /** One request. @param jobs that it becomes; those that were handed in are in its list */
    final class Task implements AutoCloseable {
        final String id;
        final String caller;
        final int jobs;
        final Instant begun = Instant.now();
        private final List<Job> handedIn = new ArrayList<>();
        private final Runnable reader = () -> { };
        private boolean watched;
        private boolean skipped;
        private boolean interrupted;

        private Task(String id, String caller, int jobs) {
            this.id = id;
            this.caller = caller;
            this.jobs = jobs;
        }

        void add(Job job) {
            synchronized (SdTasks.this) {
                handedIn.add(job);
                if (watched) job.events.listen(reader);
            }
        }

        /** Somebody asked for a preview: from now on its jobs make some. */
        private void watch() {
            synchronized (SdTasks.this) {
                if (!watched) handedIn.forEach(job -> job.events.listen(reader));
                watched = true;
            }
        }

        /** Whether no more of its pictures are wanted. */
        boolean interrupted() {
            synchronized (SdTasks.this) {
                return interrupted;
            }
        }

        boolean skipped() {
            synchronized (SdTasks.this) {
                return skipped;
            }
        }

        String stamp() { return STAMP.format(begun); }

        @Override public void close() {
            synchronized (SdTasks.this) {
                tasks.remove(id);
                handedIn.forEach(job -> job.events.leave(reader));
            }
        }
    }

    /** @param id the caller's; empty = one of this server's @throws Refused for one that is in use */
    synchronized Task begin(String id, String caller, int jobs) {
        String own = id.isEmpty() ? "task(" + UUID.randomUUID() + ")" : id;
        if (tasks.containsKey(own)) throw new Refused(422, "bad_request", "force_task_id", "force_task_id is that of a running request");
        Task task = new Task(own, caller, jobs);
        tasks.put(own, task);
        return task;
    }

    /** By its id; without one the caller's that draws, else its first that waits. */
    synchronized Optional<Task> find(String id, String caller) {
        if (!id.isEmpty()) return Optional.ofNullable(tasks.get(id));
        List<Task> own = tasks.values().stream().filter(t -> t.caller.equals(caller)).toList();
        Optional<Task> draws = own.stream().filter(t -> t.handedIn.stream().anyMatch(j -> j.status() == Job.Status.RUNNING)).findFirst();
        return draws.isPresent() ? draws : own.stream().findFirst();
    }

    /** @param all else the picture that is being made alone @return the jobs that are to be cancelled */
    synchronized List<Job> stop(Task task, boolean all) {
        if (all) task.interrupted = true;
        else task.skipped = true;
        List<Job> open = task.handedIn.stream().filter(j -> !j.ended()).toList();
        return all || open.isEmpty() ? open : open.subList(0, 1);
    }

    /** As GET /progress answers. @param found none = nothing is being made @param picture whether the newest preview comes along */
    ObjectNode progress(Optional<Task> found, boolean picture) {
        if (found.isEmpty()) return node(0, 0, null, false, false, 0, 0, 0, 0);
        Task task = found.get();
        if (picture) task.watch();
        List<Job> jobs;
        synchronized (this) {
            jobs = List.copyOf(task.handedIn);
        }
        int ended = (int) jobs.stream().filter(Job::ended).count();
        Optional<Job> now = jobs.stream().filter(j -> !j.ended()).findFirst();
        List<Event> events = now.map(j -> j.events.after(0)).orElse(List.of());
        ObjectNode tick = newest(events, "progress");
        long done = tick == null ? 0 : tick.path("done").asLong(), of = tick == null ? 0 : tick.path("of").asLong();
        double part = of > 0 ? (double) done / of : 0, progress = Math.min(1, (ended + part) / task.jobs);
        double seconds = Duration.between(task.begun, Instant.now()).toMillis() / 1000.0;
        ObjectNode node = node(progress, progress > 0 ? seconds * (1 - progress) / progress : 0, task, task.skipped(), task.interrupted(),
            task.jobs, Math.min(ended, task.jobs - 1), done, of);
        ObjectNode preview = picture ? newest(events, "preview") : null;
        if (preview != null) node.set("current_image", preview.path("png"));
        ObjectNode waits = newest(events, "queued");
        if (now.isPresent() && now.get().status() == Job.Status.QUEUED && waits != null) {
            node.put("textinfo", "waits in the queue at place " + waits.path("position").asInt());
        }
        return node;
    }

    private static @Nullable ObjectNode newest(List<Event> events, String name) {
        return events.stream().filter(e -> e.name().equals(name)).reduce((a, b) -> b).map(Event::data).orElse(null);
    }

    private static ObjectNode node(double progress, double left, @Nullable Task task, boolean skipped, boolean interrupted, int count,
            int at, long step, long steps) {
        ObjectNode node = Job.JSON.createObjectNode().put("progress", progress).put("eta_relative", left);
        node.putObject("state").put("skipped", skipped).put("interrupted", interrupted).put("stopping_generation", interrupted)
            .put("job", task == null ? "" : task.id).put("job_count", count).put("job_timestamp", task == null ? "0" : task.stamp())
            .put("job_no", at).put("sampling_step", step).put("sampling_steps", steps);
        return node.putNull("current_image").putNull("textinfo");
    }
}
