package io.palitra.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Notes;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** The room that files of jobs and uploads may take. Used by the thread of the history alone. */
final class Quota {
    private final long most;
    private final Path folder;
    private final LongSupplier uploads;
    private final BiConsumer<String, Collection<String>> lost;
    private long taken;

    /**
     * @param most    bytes
     * @param uploads bytes that they take
     * @param lost    is told a job's id and names of its files that are deleted
     */
    Quota(long most, Path folder, LongSupplier uploads, BiConsumer<String, Collection<String>> lost) {
        this.most = most;
        this.folder = folder;
        this.uploads = uploads;
        this.lost = lost;
    }

    /** Adds up what ended jobs left. */
    void begin(Connection c) throws SQLException {
        try (PreparedStatement s = c.prepareStatement("SELECT coalesce(sum(bytes), 0) FROM jobs WHERE bytes > 0");
                ResultSet r = s.executeQuery()) {
            taken = r.next() ? r.getLong(1) : 0;
        }
        makeRoom(c, "");
    }

    /** Counts a job that has ended, and makes room for it: others lose their files, it does not. */
    void ended(Connection c, String id) throws SQLException {
        long before = bytes(c, id);
        taken += measure(c, id, folder.resolve(id)) - before;
        makeRoom(c, id);
    }

    /** @param spared id of a job that keeps its files, empty = none */
    void makeRoom(Connection c, String spared) throws SQLException {
        long after = -1;
        while (taken + uploads.getAsLong() > most) {
            String id;
            try (PreparedStatement s = c.prepareStatement("SELECT id, created FROM jobs WHERE bytes > 0 AND created > ? AND id <> ? "
                    + "ORDER BY created LIMIT 1")) {
                s.setLong(1, after);
                s.setString(2, spared);
                try (ResultSet r = s.executeQuery()) {
                    if (!r.next()) return;
                    id = r.getString(1);
                    after = r.getLong(2);
                }
            }
            remove(c, id, null);
        }
    }

    /**
     * Deletes files of a job that has ended, and says so in its history.
     *
     * @param names which; null = all but favourites
     */
    void remove(Connection c, String id, @Nullable Set<String> names) throws SQLException {
        Path own = folder.resolve(id);
        Set<String> spared = names == null ? favourites(c, id) : Set.of();
        List<String> deleted = new ArrayList<>();
        long before = bytes(c, id);
        try {
            for (String name : files(own).keySet()) {
                if (names == null ? spared.contains(name) : !names.contains(name)) continue;
                Files.deleteIfExists(own.resolve(name));
                deleted.add(name);
            }
            tidy(own);
        } catch (IOException e) {
            Notes.common().accept("files of old jobs cannot be deleted to make room");
        }
        taken += measure(c, id, own) - before;
        if (names != null) deleted.addAll(names);   // gone already is gone, too
        if (deleted.isEmpty()) return;
        lost.accept(id, deleted);
        Optional<ObjectNode> job = History.job(c, id);
        if (job.isPresent()) {
            ArrayNode left = Job.JSON.createArrayNode();
            job.get().path("files").forEach(f -> { if (!deleted.contains(f.asText())) left.add(f); });
            job.get().put("gone", true).set("files", left);
            try (PreparedStatement s = c.prepareStatement("UPDATE jobs SET job = ? WHERE id = ?")) {
                s.setString(1, job.get().toString());
                s.setString(2, id);
                s.executeUpdate();
            }
        }
        try (PreparedStatement s = c.prepareStatement("DELETE FROM pictures WHERE job = ? AND name = ?")) {
            for (String name : deleted) {
                s.setString(1, id);
                s.setString(2, name);
                s.addBatch();
            }
            s.executeBatch();
        }
    }

    private static Set<String> favourites(Connection c, String id) throws SQLException {
        Set<String> names = new HashSet<>();
        try (PreparedStatement s = c.prepareStatement("SELECT name FROM pictures WHERE job = ? AND favourite = 1")) {
            s.setString(1, id);
            try (ResultSet r = s.executeQuery()) { while (r.next()) names.add(r.getString(1)); }
        }
        return names;
    }

    private static long bytes(Connection c, String id) throws SQLException {
        try (PreparedStatement s = c.prepareStatement("SELECT bytes FROM jobs WHERE id = ?")) {
            s.setString(1, id);
            try (ResultSet r = s.executeQuery()) { return r.next() ? r.getLong(1) : 0; }
        }
    }

    /** Writes how many bytes a job's files take. */
    static long measure(Connection c, String id, Path own) throws SQLException {
        long bytes = 0;
        try {
            for (long size : files(own).values()) bytes += size;
        } catch (IOException e) {
            Notes.common().accept("a folder of a job cannot be read: " + id);
        }
        try (PreparedStatement s = c.prepareStatement("UPDATE jobs SET bytes = ? WHERE id = ?")) {
            s.setLong(1, bytes);
            s.setString(2, id);
            s.executeUpdate();
        }
        return bytes;
    }

    /** Names within a job's folder, with '/' on any system, and sizes; no link is followed. */
    static SortedMap<String, Long> files(Path own) throws IOException {
        SortedMap<String, Long> all = new TreeMap<>();
        if (!Files.isDirectory(own)) return all;
        Files.walkFileTree(own, new SimpleFileVisitor<>() {
            @Override public FileVisitResult visitFile(Path file, BasicFileAttributes a) {
                if (a.isRegularFile()) all.put(own.relativize(file).toString().replace('\\', '/'), a.size());
                return FileVisitResult.CONTINUE;
            }

            @Override public FileVisitResult visitFileFailed(Path file, IOException e) { return FileVisitResult.CONTINUE; }
        });
        return all;
    }

    /** Removes empty folders. */
    private static void tidy(Path own) throws IOException {
        if (!Files.isDirectory(own)) return;
        Files.walkFileTree(own, new SimpleFileVisitor<>() {
            @Override public FileVisitResult postVisitDirectory(Path f, @Nullable IOException e) throws IOException {
                try (var left = Files.list(f)) { if (left.findAny().isPresent()) return FileVisitResult.CONTINUE; }
                Files.deleteIfExists(f);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
