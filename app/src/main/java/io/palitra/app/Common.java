package io.palitra.app;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.palitra.config.ArgumentException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What several commands do alike. */
final class Common {
    private static final Results RESULTS = new Results();
    /** Results go here, in UTF-8 whatever the locale, but on a terminal of another map of Russian letters. */
    static final PrintStream OUT = new PrintStream(RESULTS, true, Language.ofResults());
    private static final ObjectMapper JSON = new ObjectMapper();

    private Common() {}

    /** Standard output, which keeps its fault: a PrintStream reports none. */
    private static final class Results extends OutputStream {
        private final FileOutputStream out = new FileOutputStream(FileDescriptor.out);
        private volatile @Nullable IOException fault;

        @Override public void write(int b) throws IOException { write(new byte[] {(byte) b}, 0, 1); }

        @Override public void write(byte[] bytes, int from, int count) throws IOException {
            try {
                out.write(bytes, from, count);
            } catch (IOException e) {
                fault = e;
                throw e;
            }
        }
    }

    /** Why results could not be written; empty where they could, or where the reader wanted no more of them, as {@code head} does. */
    static String unwritten() {
        IOException fault = RESULTS.fault;
        if (fault == null || String.valueOf(fault.getMessage()).contains("Broken pipe")) return "";
        return "the results cannot be written to standard output: " + fault.getMessage();
    }

    /** A result in words, in the language of the person. */
    static void say(String english) { OUT.println(Language.say(english)); }

    static void json(JsonNode node) throws IOException {
        OUT.println(JSON.writerWithDefaultPrettyPrinter().writeValueAsString(node));
    }

    /** Of an option that may be left out: nothing is the empty text. */
    static String text(@Nullable Object option) { return option == null ? "" : option.toString(); }

    /** As {@link #text}, of a name that is not empty where it was typed. @param as the option or parameter */
    static String name(@Nullable String typed, String as) {
        if (typed != null && typed.isEmpty()) throw new ArgumentException("illegal " + as + ": '', an empty name names nothing");
        return text(typed);
    }

    static List<String> without(List<String> set, String prefix) { return set.stream().filter(s -> !s.startsWith(prefix)).toList(); }

    /** Width and height of "512x768". @throws IllegalArgumentException for all else, and for a side of 0 */
    static int[] size(String given) {
        if (!given.matches("[1-9]\\d{0,4}x[1-9]\\d{0,4}")) {
            throw new ArgumentException("illegal --size: " + given
                + ", must be WIDTHxHEIGHT in pixels, each at least 1, as 512x768");
        }
        String[] sides = given.split("x");
        return new int[] {Integer.parseInt(sides[0]), Integer.parseInt(sides[1])};
    }
}
