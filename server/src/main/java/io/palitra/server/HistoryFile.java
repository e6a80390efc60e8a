package io.palitra.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ConfigException;
import io.palitra.config.Notes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.stream.Stream;
import org.sqlite.SQLiteErrorCode;
import org.sqlite.SQLiteException;

/**
 * The file of a history, SQLite with a write-ahead log. One server holds it at a time. A damaged one is kept aside under another name.
 *
 * @param begun whether there was none
 */
record HistoryFile(Connection connection, boolean begun) {
    static final String FILE = "history.db";
    private static final int VERSION = 1;
    private static final int BUSY_MILLIS = 500;
    /** Jobs that are remembered from one start to the next; older ones only as long as they have files. */
    private static final int MOST = 200_000;
    private static final String SCHEMA = """
        CREATE TABLE jobs (id TEXT PRIMARY KEY, kind TEXT NOT NULL, status TEXT NOT NULL, created INTEGER NOT NULL,
            bytes INTEGER NOT NULL DEFAULT 0, job TEXT NOT NULL);
        CREATE INDEX jobs_created ON jobs (created);
        CREATE INDEX jobs_kind ON jobs (kind, created);
        CREATE INDEX jobs_status ON jobs (status, created);
        CREATE INDEX jobs_large ON jobs (created) WHERE bytes > 0;
        CREATE TABLE pictures (n INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
            prompt TEXT NOT NULL, folded TEXT NOT NULL, seed INTEGER NOT NULL, model TEXT NOT NULL, created INTEGER NOT NULL,
            width INTEGER NOT NULL, height INTEGER NOT NULL, favourite INTEGER NOT NULL DEFAULT 0, binned INTEGER NOT NULL DEFAULT 0,
            UNIQUE (job, name));
        CREATE INDEX pictures_shown ON pictures (binned, n);
        CREATE INDEX pictures_marked ON pictures (binned, favourite, n);
        """;

    /** @throws ConfigException where it cannot be read and written, or is another's */
    static HistoryFile open(Path folder) {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new ConfigException("jobs", "the folder jobs= cannot be made", e);
        }
        Path file = folder.resolve(FILE);
        boolean begun = !Files.exists(file, LinkOption.NOFOLLOW_LINKS);
        try {
            return new HistoryFile(connect(file), begun);
        } catch (SQLException e) {
            if (!damaged(e)) throw fault(e);
            Path aside = aside(folder);
            Notes.common().accept("the history of jobs in " + FILE + " is damaged: it is kept as " + aside.getFileName()
                + ", and a new one begun; the files of jobs are all there");
        }
        try {
            return new HistoryFile(connect(file), true);
        } catch (SQLException e) {
            throw fault(e);
        }
    }

    /** Loads SQLite. */
    static void load() {
        try (Connection c = DriverManager.getConnection("jdbc:sqlite::memory:")) {
            c.isValid(0);
        } catch (SQLException e) {
            throw fault(e);
        }
    }

    private static Connection connect(Path file) throws SQLException {
        // as a URI, so that a '?' in a folder's name is none of the driver's options
        Connection c = DriverManager.getConnection("jdbc:sqlite:" + file.toUri());
        try (Statement s = c.createStatement()) {
            s.execute("PRAGMA busy_timeout = " + BUSY_MILLIS);
            s.execute("PRAGMA locking_mode = EXCLUSIVE");
            s.execute("PRAGMA journal_mode = WAL");
            s.execute("PRAGMA synchronous = NORMAL");
            int version = version(s);
            if (version > VERSION) {
                throw new ConfigException("jobs", FILE + " in jobs= was written by a newer Palitra; choose another folder");
            }
            String check = text(s, "PRAGMA quick_check(1)");
            if (!check.equals("ok")) throw new SQLiteException(check, SQLiteErrorCode.SQLITE_CORRUPT);
            if (version == 0) {
                c.setAutoCommit(false);
                for (String part : SCHEMA.split(";")) if (!part.isBlank()) s.execute(part);
                s.execute("PRAGMA user_version = " + VERSION);
                c.commit();
                c.setAutoCommit(true);
            }
            // takes the lock now, not when the first job comes
            s.execute("DELETE FROM jobs WHERE bytes = 0 AND created < (SELECT created FROM jobs ORDER BY created DESC LIMIT 1 OFFSET "
                + MOST + ")");
            return c;
        } catch (SQLException | RuntimeException e) {
            close(c);
            throw e;
        }
    }

    private static int version(Statement s) throws SQLException { return Integer.parseInt(text(s, "PRAGMA user_version")); }

    private static String text(Statement s, String query) throws SQLException {
        try (ResultSet r = s.executeQuery(query)) { return r.next() ? String.valueOf(r.getString(1)) : ""; }
    }

    private static boolean damaged(SQLException e) {
        if (!(e instanceof SQLiteException fault)) return false;
        int code = fault.getResultCode().code & 0xff;
        return code == SQLiteErrorCode.SQLITE_CORRUPT.code || code == SQLiteErrorCode.SQLITE_NOTADB.code;
    }

    /** What the file's fault means for who starts the server. */
    static ConfigException fault(SQLException e) {
        boolean busy = e instanceof SQLiteException fault && (fault.getResultCode().code & 0xff) == SQLiteErrorCode.SQLITE_BUSY.code;
        return new ConfigException("jobs", busy ? "another server works in the folder jobs=; choose another"
            : "the history of jobs, " + FILE + " in jobs=, cannot be written; choose another folder, or make room", e);
    }

    private static Path aside(Path folder) {
        int n = 1;
        while (Files.exists(folder.resolve("history-damaged-" + n + ".db"), LinkOption.NOFOLLOW_LINKS)) n++;
        Path to = folder.resolve("history-damaged-" + n + ".db");
        try {
            Files.move(folder.resolve(FILE), to);
            for (String log : List.of("-wal", "-shm")) {
                Path beside = folder.resolve(FILE + log);
                if (Files.exists(beside, LinkOption.NOFOLLOW_LINKS)) Files.move(beside, folder.resolve(to.getFileName() + log));
            }
            return to;
        } catch (IOException e) {
            throw new ConfigException("jobs", "the history of jobs, " + FILE + " in jobs=, is damaged and cannot be renamed", e);
        }
    }

    /** Rows for folders of jobs of which no history is left, so that their files are found and count. */
    static void adopt(Connection c, Path folder) throws SQLException {
        List<Path> left;
        try (Stream<Path> all = Files.list(folder)) {
            left = all.filter(f -> f.getFileName().toString().matches("[0-9a-f]{32}"))
                .filter(f -> Files.isDirectory(f, LinkOption.NOFOLLOW_LINKS)).sorted().toList();
        } catch (IOException e) {
            throw new ConfigException("jobs", "the folder jobs= cannot be read", e);
        }
        Fault lost = new Fault(500, "history_lost", "", "what this job was is lost with a damaged history; its files are kept");
        for (Path own : left) {
            String id = own.getFileName().toString();
            try {
                long time = Files.getLastModifiedTime(own, LinkOption.NOFOLLOW_LINKS).toMillis();
                ObjectNode job = Job.JSON.createObjectNode().put("id", id).put("status", "failed").put("kind", "lost");
                job.putObject("request");
                job.put("created", Job.seconds(time)).put("ended", Job.seconds(time));
                ArrayNode files = job.putArray("files");
                Quota.files(own).keySet().forEach(files::add);
                job.set("error", lost.toJson());
                History.insert(c, id, time, job);
                Quota.measure(c, id, own);
                Gallery.add(c, id, job, own);
            } catch (IOException e) {
                Notes.common().accept("a folder of a job cannot be read: " + id);
            }
        }
    }

    static void close(Connection c) {
        try {
            c.close();
        } catch (SQLException e) {
            Notes.common().accept("the history of jobs, " + FILE + ", was not closed whole");
        }
    }
}
