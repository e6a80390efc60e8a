package io.palitra.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.data.Picture;
import io.palitra.job.OpenModels;
import io.palitra.job.Request;
import io.palitra.job.Together;
import io.palitra.model.Watcher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
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
    private static final long PREVIEW_NANOS = 1_000_000_000L, PROGRESS_NANOS = 200_000_000L,
        TEXT_NANOS = 100_000_000L;

    private final Log log;
    private final int most;
    private final int share;
    private final int batch;
    private final OpenModels models;
    private final Deque<Job> drawing = new ArrayDeque<>();
    private final Deque<Job> trainings = new ArrayDeque<>();
    private final List<Job> running = new ArrayList<>();
    private final List<Thread> workers = new ArrayList<>();
    private boolean drawsNow;
    private boolean closed;

    /**
     * @param log is told of faults
     * @param most jobs that wait
     * @param share of these of one caller
     * @param batch samples that are drawn at once
     * @param models what stays open from job to job
     */
    JobQueue(Log log, int most, int share, int batch, OpenModels models) {
        this.log = log;
        this.most = most;
        this.share = share;
        this.batch = batch;
        this.models = models;
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
        Cost.refuseLarge(job.request);
        double cost = Cost.of(job.request) + drawing.stream().mapToDouble(j -> Cost.of(j.request)).sum();
        if (waiting > 0 && cost > Cost.WAITING) {
            throw new Refused(503, "queue_full", "", "the jobs that wait are work for long; ask again later", 60);
        }
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
            List<Job> jobs;
            synchronized (this) {
                while (queue.isEmpty() && !closed) pause();
                if (closed) return;
                jobs = next(queue);
                running.addAll(jobs);
                if (!jobs.get(0).trains) drawsNow = true;
                tellPositions(queue);
            }
            try {
                run(jobs);
            } finally {
                synchronized (this) {
                    running.removeAll(jobs);
                    if (!jobs.get(0).trains) drawsNow = false;
                    notifyAll();
                }
            }
        }
    }

    /** The first, and those behind it that can be drawn with it at once. */
    private List<Job> next(Deque<Job> queue) {
        List<Job> jobs = new ArrayList<>(List.of(queue.remove()));
        Request<?> first = jobs.get(0).request;
        int drawn = Together.count(first);
        if (drawn == 0) return jobs;
        for (Iterator<Job> i = queue.iterator(); i.hasNext() && drawn < batch;) {
            Job job = i.next();
            int count = Together.count(job.request);
            if (drawn + count > batch || !Together.alike(first, job.request)) continue;
            i.remove();
            jobs.add(job);
            drawn += count;
        }
        return jobs;
    }

    private synchronized void pause() {
        try {
            wait();
        } catch (InterruptedException e) {
            closed = true;
        }
    }

    private void run(List<Job> jobs) {
        List<Job> begun = jobs.stream().filter(Job::begin).toList();
        if (begun.isEmpty()) return;
        try (OpenModels.Here here = begun.get(0).trains ? () -> { } : models.here()) {   // one thread alone uses what stays open
            for (Job job : begun) Files.createDirectories(job.folder);
            if (begun.size() > 1) {
                Together.run(begun.stream().map(job -> new Together.Part(job.request, new Progress(job), made -> joined(job, made),
                    fault -> failed(job, fault))).toList());
            } else {
                Progress progress = new Progress(begun.get(0));
                Object made = begun.get(0).request.run(progress);
                progress.tellText();
                made(begun.get(0), made);
            }
        } catch (Exception | StackOverflowError | OutOfMemoryError | LinkageError e) {   // one bad job does not end the worker
            begun.forEach(job -> failed(job, e));
        }
    }

    private static void made(Job job, Object made) throws IOException {
        if (job.trains && job.stopped()) {
            job.cancelled();
            return;
        }
        Texts.write(made, job);
        job.done(Answers.result(made, job));
    }

    private void joined(Job job, Object made) {
        try {
            made(job, made);
        } catch (IOException e) {
            failed(job, e);
        }
    }

    private void failed(Job job, Throwable e) {
        if (e instanceof CancellationException) {
            job.cancelled();
            return;
        }
        Fault fault = Answers.fault(e, job);
        if (fault.http() >= 500) log.fault(job.kind + " " + job.id, e);
        job.failed(fault);
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
        private final long began = System.nanoTime();
        private long told;
        private long shown = began;
        private final Texts.Pieces pieces = new Texts.Pieces();
        private long read = began;

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
            double seconds = (now - began) * 1e-9;
            data.put("seconds", seconds);
            if (of > 0 && done > 0 && done <= of) data.put("left", seconds * (of - done) / done);
            job.events.add("progress", data, false);
            if (job.events.readers() == 0 || now - shown < PREVIEW_NANOS) return;
            shown = now;
            preview.get().ifPresent(picture -> job.events.add("preview",
                Job.JSON.createObjectNode().put("png", Answers.base64(picture)), false));
        }

        /** As it is written, some pieces at once. */
        @Override public void text(int i, String piece) {
            pieces.add(i, piece);
            long now = System.nanoTime();
            if (now - read < TEXT_NANOS) return;
            read = now;
            tellText();
        }

        void tellText() { pieces.take().ifPresent(data -> job.events.add(Texts.EVENT, data, false)); }

        @Override public void note(String line) {
            job.events.add("note", Job.JSON.createObjectNode().put("line", Answers.withoutPlaces(line, job)), false);
        }

        @Override public void wrote(Path file) {
            String name = Answers.name(file, job);
            if (!name.isEmpty()) job.wrote(name);
        }

        @Override public boolean stop() { return job.stopped(); }
    }
}
