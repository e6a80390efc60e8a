package io.palitra.config;

import org.jspecify.annotations.Nullable;

/** A configuration that cannot be: which key, what was seen, what is allowed. One line for a user. */
public final class ConfigException extends ArgumentException {
    private static final int LONGEST = 1000;
    private static final int LONGEST_VALUE = 60;

    private final String key;

    /** @param key dotted path of the key at fault, the name of a file that is not JSON, or empty for the whole record */
    public ConfigException(String key, String message) { this(key, message, null); }

    public ConfigException(String key, String message, @Nullable Throwable cause) {
        super(shortened(oneLine(message), LONGEST), cause);
        this.key = key;
    }

    /** The key as an override writes it, empty = none. */
    public String key() { return key; }

    /** A value as an error shows it: whole if it is short. */
    static String shown(String value) { return shortened(value, LONGEST_VALUE); }

    private static String shortened(String text, int longest) {
        return text.length() <= longest ? text : text.substring(0, longest) + "...";
    }

    /** Values come from outside: a line break or an escape sequence in one must not reach a terminal or a log. */
    private static String oneLine(String text) {
        StringBuilder out = new StringBuilder(text.length());
        for (char c : text.toCharArray()) {
            boolean breaks = Character.isISOControl(c) || c == '\u2028' || c == '\u2029';
            out.append(breaks ? String.format("\\u%04x", (int) c) : String.valueOf(c));
        }
        return out.toString();
    }
}
