package io.palitra.train;

import org.jspecify.annotations.Nullable;

/** A run folder cannot be saved to, or resumed from. What was saved before is whole. One line for a user. */
public sealed class CheckpointException extends RuntimeException permits RunLock.InUse {
    private final long needed;
    private final long free;

    CheckpointException(String message, @Nullable Throwable cause) { this(message, -1, -1, cause); }

    CheckpointException(String message, long needed, long free, @Nullable Throwable cause) {
        super(message, cause);
        this.needed = needed;
        this.free = free;
    }

    /** Bytes that a save wanted to write, -1 when none was under way. */
    public long needed() { return needed; }

    /** Bytes that the file system had left when a save failed, -1 where it would not tell. */
    public long free() { return free; }
}
