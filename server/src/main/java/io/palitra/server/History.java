package io.palitra.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.config.Notes;
import java.math.RoundingMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What is kept of jobs beyond the end of the server: {@link HistoryFile}, used by one thread. Who changes a job does not wait for it;
 * who reads waits for all that was handed in before. A fault of the disk while it works is noted, and ends no job.
 */
final class History implements AutoCloseable {
    /** Starts and files come fast, and each is written with the whole job. */
    private static final long SOON_MILLIS = 1000;

    /** What is done with the file, on its thread. */
    @FunctionalInterface interface Work { void with(Connection file) throws SQLException; }

    /** What is read of the file, on its thread. */
    @FunctionalInterface interface Question<T> { T of(Connection file) throws SQLException; }

    /** What is to be kept of a job that has ended. */
    @FunctionalInterface interface Ending { void of(Connection file, String id, ObjectNode job) throws SQLException; }

    private final ScheduledThreadPoolExecutor thread;
    private final Future<?> opening;
    private final Set<Job> changed = ConcurrentHashMap.newKeySet();
    private final List<Ending> endings = new CopyOnWriteArrayList<>();
    private @Nullable Connection file;   // of the thread; none before it is open, and none where it cannot be opened

    /** Begins to open the file in that folder, or makes one. What was queued or running there was cut off, and is said to be. */
    History(Path folder) { this(folder, job -> false); }

    /** @param saved whether the run of a training has a checkpoint */
    History(Path folder, Predicate<ObjectNode> saved) {
        thread = new ScheduledThreadPoolExecutor(1, task -> {
            Thread t = new Thread(task, "palitra-history");
            t.setDaemon(true);
            return t;
        });
        thread.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
        opening = thread.submit(() -> open(folder, saved));
    }

    private void open(Path folder, Predicate<ObjectNode> saved) {
        HistoryFile opened = HistoryFile.open(folder);
        try {
            cutOff(opened.connection(), folder, saved);
            if (opened.begun()) HistoryFile.adopt(opened.connection(), folder);
            file = opened.connection();
        } catch (SQLException e) {
            HistoryFile.close(opened.connection());
            throw HistoryFile.fault(e);
        }
    }

    /**
     * The same, once the file is open.
     *
     * @throws ConfigException where it cannot be written
     */
    History opened() {
        try {
            opening.get();
            return this;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Refused(503, "closing", "", "the server is closing");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException fault) throw fault;
            throw new IllegalStateException(e.getCause());
        }
    }

    /** @param ending is done for each job that ends from now on */
    void onEnd(Ending ending) { endings.add(ending); }

    /** Keeps a job as it is now, or soon: of several changes the last. */
    void put(Job job) {
        boolean soon = job.status() == Job.Status.RUNNING;
        if (!changed.add(job) && soon) return;
        try {
            thread.schedule(() -> write(job), soon ? SOON_MILLIS : 0, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            changed.remove(job);   // the server has closed
        }
    }

    private void write(Job job) {
        if (!changed.remove(job)) return;
        boolean ended = job.ended();
        ObjectNode node = job.toJson(-1);
        noting(c -> {
            insert(c, job.id, job.created, node);
            if (ended) for (Ending ending : endings) ending.of(c, job.id, node);
        });
    }

    private void noting(Work work) {
        if (file == null) return;   // it could not be opened, of which opened() tells
        try {
            work.with(file);
        } catch (SQLException | RuntimeException e) {
            Notes.common().accept("the history of jobs is not complete: " + HistoryFile.FILE + " cannot be written");
        }
    }

    static void insert(Connection file, String id, long created, ObjectNode job) throws SQLException {
        try (PreparedStatement s = file.prepareStatement("INSERT INTO jobs (id, kind, status, created, job) VALUES (?, ?, ?, ?, ?) "
                + "ON CONFLICT (id) DO UPDATE SET status = excluded.status, job = excluded.job")) {
            s.setString(1, id);
            s.setString(2, job.path("kind").asText());
            s.setString(3, job.path("status").asText());
            s.setLong(4, created);
            s.setString(5, job.toString());
            s.executeUpdate();
        }
    }

    /** What works with the file, in its turn. */
    void later(Work work) {
        try {
            thread.execute(() -> noting(work));
        } catch (RejectedExecutionException e) {
            // the server has closed
        }
    }

    /** What the file holds, after all that was handed in before. @throws Refused where the file cannot be read */
    <T> T ask(Question<T> question) {
        try {
            Future<T> made = thread.submit(() -> question.of(Objects.requireNonNull(file, "the history is not open")));
            return made.get();
        } catch (RejectedExecutionException e) {
            throw new Refused(503, "closing", "", "the server is closing");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Refused(503, "closing", "", "the server is closing");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Refused refused) throw refused;
            throw new Refused(500, "history", "", "the history of jobs cannot be read or written");
        }
    }

    /** A job as it was last. */
    Optional<ObjectNode> job(String id) { return ask(c -> job(c, id)); }

    static Optional<ObjectNode> job(Connection file, String id) throws SQLException {
        try (PreparedStatement s = file.prepareStatement("SELECT job FROM jobs WHERE id = ?")) {
            s.setString(1, id);
            try (ResultSet r = s.executeQuery()) { return r.next() ? Optional.of(read(r.getString(1))) : Optional.empty(); }
        }
    }

    /**
     * Jobs, the newest first.
     *
     * @param before milliseconds: those created earlier
     * @param kind   empty = all; @param status likewise
     */
    List<ObjectNode> jobs(int limit, long before, String kind, String status) {
        return ask(c -> {
            try (PreparedStatement s = c.prepareStatement("SELECT job FROM jobs WHERE created < ?" + (kind.isEmpty() ? "" : " AND kind = ?")
                    + (status.isEmpty() ? "" : " AND status = ?") + " ORDER BY created DESC LIMIT ?")) {
                int at = 1;
                s.setLong(at++, before);
                if (!kind.isEmpty()) s.setString(at++, kind);
                if (!status.isEmpty()) s.setString(at++, status);
                s.setInt(at, limit);
                List<ObjectNode> all = new ArrayList<>();
                try (ResultSet r = s.executeQuery()) { while (r.next()) all.add(read(r.getString(1))); }
                return all;
            }
        });
    }

    static ObjectNode read(String job) {
        if (Json.read("history", job) instanceof ObjectNode node) {
            for (String time : List.of("created", "started", "ended")) {   // a parser makes floating-point numbers of them
                if (node.has(time)) node.put(time, node.path(time).decimalValue().setScale(3, RoundingMode.HALF_UP));
            }
            return node;
        }
        throw new Refused(500, "history", "", "the history of jobs cannot be read or written");
    }

    private static void cutOff(Connection file, Path folder, Predicate<ObjectNode> saved) throws SQLException {
        List<ObjectNode> all = new ArrayList<>();
        try (PreparedStatement s = file.prepareStatement("SELECT job FROM jobs WHERE status IN ('queued', 'running')");
                ResultSet r = s.executeQuery()) {
            while (r.next()) all.add(read(r.getString(1)));
        }
        for (ObjectNode job : all) {
            boolean ran = job.path("status").asText().equals("running");
            boolean trains = ran && List.of("train", "resume").contains(job.path("kind").asText());
            Fault fault = new Fault(500, "cut_off", "", (ran ? "the server ended while it ran" : "the server ended before it began")
                + (!trains ? "" : saved.test(job) ? "; its run can be resumed from its last checkpoint, by a job of kind resume"
                    : "; its run has no checkpoint yet"));
            job.put("status", Job.Status.FAILED.name().toLowerCase(Locale.ROOT)).put("ended", Job.seconds(System.currentTimeMillis()));
            job.set("error", fault.toJson());
            job.remove("position");
            String id = job.path("id").asText();
            insert(file, id, 0, job);
            Path own = folder.resolve(id);
            if (!id.matches("[0-9a-f]{32}") || !Files.isDirectory(own)) continue;
            Quota.measure(file, id, own);
            Gallery.add(file, id, job, own);
        }
    }

    /** Writes what was handed in, and closes the file. */
    @Override public void close() {
        for (Job job : changed) {
            try {
                thread.execute(() -> write(job));
            } catch (RejectedExecutionException e) {
                break;
            }
        }
        thread.shutdown();
        try {
            if (!thread.awaitTermination(30, TimeUnit.SECONDS)) return;   // its thread still uses the file
            if (file != null) HistoryFile.close(file);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
