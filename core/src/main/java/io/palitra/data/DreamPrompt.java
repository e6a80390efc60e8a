package io.palitra.data;

import io.palitra.config.ConfigException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a picture is to become, as the notebooks of VQGAN and CLIP have it: aims divided by |, each {@code what}, {@code what:weight} or
 * {@code what:weight:stop}, and phases of a story divided by ^. A colon before anything but a number of decimal digits is text (12D, 1e3,
 * nan and Infinity are words), and so is one between two whole numbers (12:30, 16:9) and one before a port (http://host:80);
 * {@code sd 2 :50} weighs 50. {@code \} before one of {@code |:^} makes it text.
 *
 * @param phases each of at least one aim; none where nothing was asked for
 */
public record DreamPrompt(List<List<WeightedTarget>> phases) {
    private static final String SIGNS = "|:^";
    /** Greatest magnitude of a weight and of a stop. */
    public static final double HEAVIEST = 1e6;
    private static final Pattern NUMBER = Pattern.compile("[+-]?(?:\\d{1,18}(?:\\.\\d{0,18})?|\\.\\d{1,18})");

    /**
     * @param what   a text, or the name of a picture
     * @param weight how much it counts; negative = away from it
     * @param stop   distances below this one are near enough; minus infinity = never
     */
    public record WeightedTarget(String what, double weight, double stop) {
        public WeightedTarget {
            if (!(Math.abs(weight) <= HEAVIEST)) throw illegal("weight", what, Double.toString(weight));
            boolean never = stop == Double.NEGATIVE_INFINITY;
            if (!never && !(Math.abs(stop) <= HEAVIEST)) throw illegal("stop", what, Double.toString(stop));
        }

        private static ConfigException illegal(String key, String what, String value) {
            String shown = what.length() > 60 ? what.substring(0, 60) + "..." : what;
            return new ConfigException(key, "illegal " + key + " of '" + shown + "': " + value + ", must be between -1000000 and 1000000");
        }
    }

    public DreamPrompt { phases = phases.stream().map(List::copyOf).toList(); }

    /**
     * Reads a story; its time is linear in its length.
     *
     * @throws ConfigException for a weight or a stop beyond {@link #HEAVIEST}
     */
    public static DreamPrompt parse(String text) {
        List<List<WeightedTarget>> phases = new ArrayList<>();
        for (String phase : split(text, '^')) {
            List<WeightedTarget> aims = new ArrayList<>();
            for (String part : split(phase, '|')) if (!part.isBlank()) aims.add(aim(part.strip()));
            if (!aims.isEmpty()) phases.add(aims);
        }
        return new DreamPrompt(phases);
    }

    /** The parts between signs that no \ makes text. */
    private static List<String> split(String text, char sign) {
        List<String> parts = new ArrayList<>();
        int from = 0;
        for (int i = 0; i < text.length(); i++) {
            if (escapes(text, i)) {
                i++;
            } else if (text.charAt(i) == sign) {
                parts.add(text.substring(from, i));
                from = i + 1;
            }
        }
        parts.add(text.substring(from));
        return parts;
    }

    private static boolean escapes(String text, int i) {
        return text.charAt(i) == '\\' && i + 1 < text.length() && SIGNS.indexOf(text.charAt(i + 1)) >= 0;
    }

    private static WeightedTarget aim(String part) {
        int first = -1, last = -1;   // the last two colons that no \ makes text
        for (int i = 0; i < part.length(); i++) {
            if (escapes(part, i)) {
                i++;
            } else if (part.charAt(i) == ':') {
                first = last;
                last = i;
            }
        }
        if (last >= 0) {
            String end = part.substring(last + 1).strip();
            if (first >= 0) {
                String middle = part.substring(first + 1, last).strip();
                if (numeric(middle) && numeric(end) && weighs(part, first, middle)) {
                    return new WeightedTarget(plain(part.substring(0, first)), Double.parseDouble(middle), Double.parseDouble(end));
                }
            }
            if (numeric(end) && weighs(part, last, end)) {
                return new WeightedTarget(plain(part.substring(0, last)), Double.parseDouble(end), Double.NEGATIVE_INFINITY);
            }
        }
        return new WeightedTarget(plain(part), 1, Double.NEGATIVE_INFINITY);
    }

    private static boolean numeric(String text) { return NUMBER.matcher(text).matches(); }

    /** Whether the number behind a colon weighs what stands before it. */
    private static boolean weighs(String part, int colon, String number) {
        if (part.substring(0, colon).isBlank()) return false;
        boolean whole = number.chars().allMatch(Character::isDigit);
        return !(whole && Character.isDigit(part.charAt(colon - 1))) && !port(part, colon);
    }

    /** Whether the word before a colon is an address as far as its host. */
    private static boolean port(String part, int colon) {
        int word = colon;
        while (word > 0 && !Character.isWhitespace(part.charAt(word - 1))) word--;
        String address = part.substring(word, colon);
        int host = address.indexOf("://");
        return host >= 0 && address.indexOf('/', host + 3) < 0;
    }

    private static String plain(String text) {
        Matcher escaped = Pattern.compile("\\\\([|:^])").matcher(text);
        return escaped.replaceAll("$1").strip();
    }
}
