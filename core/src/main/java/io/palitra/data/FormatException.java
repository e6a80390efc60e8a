package io.palitra.data;

import org.jspecify.annotations.Nullable;

/** The one exception of every reader of files: what file, at which byte, what was wrong. One line for a user. */
public final class FormatException extends RuntimeException {
    private final String file;
    private final long offset;

    /** @param offset byte in the file where the fault was seen, -1 where there is none to name */
    public FormatException(String file, long offset, String message) { this(file, offset, message, null); }

    /** @param offset of the byte in the file, -1 = unknown */
    public FormatException(String file, long offset, String message, @Nullable Throwable cause) {
        super(file + (offset >= 0 ? " at byte " + offset : "") + ": " + message, cause);
        this.file = file;
        this.offset = offset;
    }

    /** The file, as it was named. */
    public String file() { return file; }

    /** Of the byte that is wrong, -1 = unknown. */
    public long offset() { return offset; }
}
