package io.palitra.data;

import io.palitra.config.ConfigException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The one exception of every reader of files: what file, at which byte, what was wrong. One line for a user. */
public final class FormatException extends RuntimeException {
    private static final Pattern AT = Pattern.compile(" at byte (\\d{1,18}): (.*)");

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

    /** Of a fault of {@link io.palitra.config.Json} in a file that its key names. */
    static FormatException of(ConfigException e) {
        String message = String.valueOf(e.getMessage()), rest = message.startsWith(e.key()) ? message.substring(e.key().length()) : message;
        Matcher at = AT.matcher(rest);
        if (at.matches()) return new FormatException(e.key(), Long.parseLong(at.group(1)), at.group(2), e);
        return new FormatException(e.key(), -1, rest.startsWith(": ") ? rest.substring(2) : rest, e);
    }

    /** The file, as it was named. */
    public String file() { return file; }

    /** Of the byte that is wrong, -1 = unknown. */
    public long offset() { return offset; }
}
