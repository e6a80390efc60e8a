package io.palitra.train;

import io.palitra.config.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The right to write into a run folder: one holder at a time on a machine. It ends with its process, however that ends. */
public final class RunLock implements AutoCloseable {
    /**
     * Folders held by this process. The system does not tell two holders in one process apart, and closing any channel of the file, as
     * after a failed attempt, would release the lock of the first.
     */
    private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();
    /** The locked byte lies beyond the text, so that others can read who holds it wherever locks also guard against reading. */
    private static final long LOCKED_BYTE = 1L << 40;

    private static final int TRIES = 5;
    /** What a file says whose name is gone. */
    private static final String REMOVED = "removed";

    private final Path folder;
    private final FileChannel channel;
    private boolean closed;

    /** Another holds the folder. */
    static final class InUse extends CheckpointException {
        InUse(String message) { super(message, null); }
    }

    private RunLock(Path folder, FileChannel channel) {
        this.folder = folder;
        this.channel = channel;
    }

    /**
     * Takes the folder, making it where there is none.
     *
     * @throws CheckpointException when another holds it, naming its process where that is known, when the folder cannot be written, or
     *     when a link in it would lead out of it
     */
    public static RunLock take(Path runFolder) {
        Path folder;
        try {
            folder = Files.createDirectories(runFolder).toRealPath();
        } catch (IOException e) {
            throw new CheckpointException("run folder " + runFolder + " cannot be made: " + Reason.of(e), e);
        }
        if (!HELD.add(folder)) throw new InUse(inUse(runFolder, "this process, " + ProcessHandle.current().pid()));
        boolean taken = false;
        try {
            RunFolder.refuseLinks(runFolder);
            FileChannel channel = held(folder.resolve(RunFolder.LOCK), runFolder);
            taken = true;
            return new RunLock(folder, channel);
        } catch (IOException e) {
            throw new CheckpointException("run folder " + runFolder + " cannot be locked: " + Reason.of(e), e);
        } finally {
            if (!taken) HELD.remove(folder);
        }
    }

    /**
     * Whether this process holds the folder, or another one took it last and still lives, which may by now do other work. Takes nothing.
     */
    public static boolean held(Path runFolder) {
        try {
            if (!HELD.isEmpty() && HELD.contains(runFolder.toRealPath())) return true;
            Path file = runFolder.resolve(RunFolder.LOCK);
            if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) || Files.size(file) > 20) return false;
            String pid = Files.readString(file, StandardCharsets.ISO_8859_1).strip();
            long own = ProcessHandle.current().pid();
            return pid.matches("[0-9]{1,18}") && Long.parseLong(pid) != own && ProcessHandle.of(Long.parseLong(pid)).isPresent();
        } catch (IOException e) {
            return false;
        }
    }

    /** A run that is refused removes its lock: who had opened that file meanwhile holds a name that is gone, and tries again. */
    private static FileChannel held(Path file, Path runFolder) throws IOException {
        for (int tries = 0; tries < TRIES; tries++) {
            FileChannel channel = lock(file, runFolder);
            if (!text(channel).equals(REMOVED)) {
                channel.truncate(0).write(StandardCharsets.US_ASCII.encode(ProcessHandle.current().pid() + "\n"), 0);
                return channel;
            }
            channel.close();
        }
        throw new InUse(inUse(runFolder, "another process"));
    }

    private static FileChannel lock(Path file, Path runFolder) throws IOException {
        if (Files.exists(file, LinkOption.NOFOLLOW_LINKS) && !Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
            throw new CheckpointException("run folder '" + runFolder + "' cannot be locked: '" + RunFolder.LOCK + "' in it is no file; "
                + "remove it", null);   // a pipe would wait for a reader
        }
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE,
            LinkOption.NOFOLLOW_LINKS);
        boolean done = false;
        try {
            if (channel.tryLock(LOCKED_BYTE, 1, false) == null) {
                throw new InUse(inUse(runFolder, "process " + holder(channel)));
            }
            done = true;
            return channel;
        } finally {
            if (!done) channel.close();
        }
    }

    private static String inUse(Path folder, String holder) {
        return "run folder " + folder + " is in use by " + holder + "; wait for it to end, or choose another folder";
    }

    private static String text(FileChannel channel) throws IOException {
        ByteBuffer text = ByteBuffer.allocate(20);
        channel.read(text, 0);
        return StandardCharsets.US_ASCII.decode(text.flip()).toString().strip();
    }

    private static String holder(FileChannel channel) throws IOException {
        String pid = text(channel);
        return pid.matches("[0-9]{1,19}") ? pid : "(unknown)";
    }

    /** Removes the lock's file; {@link #close} then leaves nothing of it. Best effort. */
    void remove() {
        try {
            channel.truncate(0).write(StandardCharsets.US_ASCII.encode(REMOVED + "\n"), 0);
            Files.deleteIfExists(folder.resolve(RunFolder.LOCK));
        } catch (IOException e) {
            // a lock that stays hinders nobody
        }
    }

    /** Gives the folder back. Closing twice does nothing. */
    @Override public void close() {
        if (closed) return;
        closed = true;
        try {
            channel.close();
        } catch (IOException e) {
            throw new CheckpointException("run folder " + folder + " cannot be given back: " + Reason.of(e), e);
        } finally {
            HELD.remove(folder);
        }
    }
}
