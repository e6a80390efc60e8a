package io.palitra.hub;

import io.palitra.config.Reason;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** A file could not be written; in its place is the old or the new one, complete. */
public final class StorageException extends RuntimeException {
    private final long needed;
    private final long free;

    /** @param needed bytes that were to be written; @param free bytes that the file system had left for them, -1 where unknown */
    public StorageException(Path file, long needed, long free, IOException cause) {
        super("cannot write '" + file + "': " + reason(cause) + "; it needs " + needed + " bytes, "
            + (free < 0 ? "and free space is unknown" : free + " are free"), cause);
        this.needed = needed;
        this.free = free;
    }

    public long needed() { return needed; }

    public long free() { return free; }

    /** Why, without the name of its class. */
    static String reason(IOException e) { return e instanceof NoSuchFileException ? "no such folder" : Reason.of(e); }
}
