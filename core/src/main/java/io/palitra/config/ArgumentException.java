package io.palitra.config;

import org.jspecify.annotations.Nullable;

/**
 * What the caller asked for cannot be: a value, a name, two things that do not go together. The message is one line for a user: what was
 * asked, what was seen, what is allowed. The one exception for that; all others are faults of files, of the machine, or of Palitra.
 */
public class ArgumentException extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    public ArgumentException(String message) { super(message); }

    public ArgumentException(String message, @Nullable Throwable cause) { super(message, cause); }
}
