package io.palitra.report;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.regex.Pattern;

/** Files by names that others may read: they keep neither the folders of a machine nor the name of its user. */
public final class Places {
    /** An absolute path at the start of a word, of two folders or more, or on a drive. */
    private static final Pattern ABSOLUTE =
        Pattern.compile("(?<![^\\s='\":])(?:[A-Za-z]:[\\\\/]|/(?=[^\\s/'\"]+/))(?:[^\\s/\\\\'\"]+[/\\\\])*");

    private Places() {}

    /** The last name of a path that is absolute or leads upwards; any other text as it is. */
    public static String name(String given) {
        try {
            Path path = Path.of(given);
            boolean elsewhere = path.isAbsolute() || path.normalize().startsWith("..") || given.matches("(?s)[A-Za-z]:[\\\\/].*");
            if (!elsewhere) return given;
            Path last = path.normalize().getFileName();
            return last == null ? "" : last.toString().replaceFirst("(?s)^.*[\\\\]", "");
        } catch (InvalidPathException e) {
            return given;
        }
    }

    /** A line of words, such as a command, in which absolute paths are their last names. */
    public static String inLine(String line) { return ABSOLUTE.matcher(line).replaceAll(""); }

    /** A word of a command line as a POSIX shell reads it: in single quotes where it holds more than plain letters and signs. */
    public static String word(String word) {
        return word.matches("[A-Za-z0-9_@%+=:,./-]+") ? word : "'" + word.replace("'", "'\\''") + "'";
    }
}
