package io.palitra.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.data.Picture;
import io.palitra.job.Program;
import io.palitra.model.Watcher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;

/**
 * Jobs one after the other: those that draw and measure on one thread, trainings on another, which waits between two steps while the first
 * works. The lock of this object guards the queues; nothing computes under it.
 */
final class JobQueue implements AutoCloseable {
    private static final long PREVIEW_NANOS = 1_000_000_000L, PROGRESS_NANOS = 200_000_000L;

    private final Log log;
    private final int most;
    private final int share;
    private final Deque<Job> drawing = new ArrayDeque<>();
    private final Deque<Job> trainings = new ArrayDeque<>();
    private final List<Job> running = new ArrayList<>();
    private final List<Thread> workers = new ArrayList<>();
    private boolean drawsNow;
    private boolean closed;

    JobQueue(Log log, int most, int share) {
        this.log = log;
        this.most = most;
        this.share = share;
        work("palitra-draws", drawing);
        work("palitra-trains", trainings);
    }

    private void work(String name, Deque<Job> queue) {
        Thread worker = new Thread(() -> loop(queue), name);
        worker.setDaemon(true);
        worker.start();
        workers.add(worker);
    }

    /** @throws Refused when as many wait as may */
    synchronized void add(Job job) {
        Deque<Job> queue = job.trains ? trainings : drawing;
        if (closed) throw new Refused(503, "closing", "", "the server is closing");
        int waiting = drawing.size() + trainings.size();
        if (waiting >= most) throw new Refused(503, "queue_full", "", waiting + " jobs wait, as many as may", 5);
        long own = drawing.stream().filter(j -> j.caller.equals(job.caller)).count() + trainings.stream()
            .filter(j -> j.caller.equals(job.caller)).count();
        if (own >= share) throw new Refused(429, "too_many", "", own + " of your jobs wait, as many as may", 5);
        queue.add(job);
        tellPositions(queue);
        notifyAll();
    }

    /** From 1; 0 where it does not wait. */
    synchronized int position(Job job) {
        int at = 0;
        for (Job waiting : job.trains ? trainings : drawing) {
            at++;
            if (waiting == job) return at;
        }
        return 0;
    }

    synchronized int waiting() { return drawing.size() + trainings.size(); }

    synchronized int running() { return running.size(); }

    synchronized boolean closed() { return closed; }

    /** Takes it out of the queue, or asks its work to end; what has ended stays as it is. */
    void cancel(Job job) {
        boolean waited;
        job.stop();
        synchronized (this) {
            Deque<Job> queue = job.trains ? trainings : drawing;
            waited = queue.remove(job);
            if (waited) tellPositions(queue);
            notifyAll();
        }
        if (waited) job.cancelled();
    }

    private static void tellPositions(Deque<Job> queue) {
        int at = 0;
        for (Job job : queue) job.events.add("queued", job.toJson(++at), false);
    }

    private void loop(Deque<Job> queue) {
        while (true) {
            Job job;
            synchronized (this) {
                while (queue.isEmpty() && !closed) pause();
                if (closed) return;
                job = queue.remove();
                running.add(job);
                if (!job.trains) drawsNow = true;
                tellPositions(queue);
            }
            try {
                run(job);
            } finally {
                synchronized (this) {
                    running.remove(job);
                    if (!job.trains) drawsNow = false;
                    notifyAll();
                }
            }
        }
    }

    private synchronized void pause() {
        try {
            wait();
        } catch (InterruptedException e) {
            closed = true;
        }
    }

    private void run(Job job) {
        if (!job.begin()) return;
        try {
            Files.createDirectories(job.folder);
            Object made = job.request.run(new Progress(job));
            job.done(Answers.result(made, job));
        } catch (CancellationException e) {
            job.cancelled();
        } catch (ConfigException e) {
            job.failed(new Fault(422, "bad_request", e.key(), Answers.withoutPlaces(Program.message(e), job)));
        } catch (ArgumentException e) {
            job.failed(new Fault(422, "bad_request", "", Answers.withoutPlaces(Program.message(e), job)));
        } catch (IOException | RuntimeException | Error e) {
            log.fault(job.kind + " " + job.id, e);
            job.failed(new Fault(500, "failed", "", "the job failed: a fault of this server, not of the request"));
        }
    }

    /** A training lets drawing go first. */
    private synchronized void yieldToDrawing(Job job) {
        while (drawsNow && !closed && !job.stopped()) pause();
    }

    @Override public void close() {
        List<Job> left = new ArrayList<>();
        synchronized (this) {
            closed = true;
            left.addAll(drawing);
            left.addAll(trainings);
            drawing.clear();
            trainings.clear();
            running.forEach(Job::stop);
            notifyAll();
        }
        left.forEach(Job::cancelled);
        for (Thread worker : workers) {
            try {
                worker.join(30_000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    /** What a job tells its readers. */
    private final class Progress implements Watcher {
        private final Job job;
        private long told;
        private long shown = System.nanoTime();

        Progress(Job job) { this.job = job; }

        @Override public void tick(String what, long done, long of, Map<String, Double> figures, Supplier<Optional<Picture>> preview) {
            if (job.trains) yieldToDrawing(job);
            long now = System.nanoTime();
            if (told != 0 && now - told < PROGRESS_NANOS && done != of) return;
            told = now;
            ObjectNode data = Job.JSON.createObjectNode().put("what", what).put("done", done).put("of", of);
            ObjectNode all = data.putObject("figures");
            figures.forEach((name, value) -> {
                if (Double.isFinite(value)) all.put(name, value);
            });
            job.events.add("progress", data, false);
            if (job.events.readers() == 0 || now - shown < PREVIEW_NANOS) return;
            shown = now;
            preview.get().ifPresent(picture -> job.events.add("preview",
                Job.JSON.createObjectNode().put("png", Answers.base64(picture)), false));
        }

        @Override public void note(String line) {
            job.events.add("note", Job.JSON.createObjectNode().put("line", Answers.withoutPlaces(line, job)), false);
        }

        @Override public void wrote(Path file) {
            String name = Answers.name(file, job);
            if (name.isEmpty() || job.files.contains(name)) return;
            job.files.add(name);
            job.events.add("file", Job.JSON.createObjectNode().put("name", name), false);
        }

        @Override public boolean stop() { return job.stopped(); }
    }
}
