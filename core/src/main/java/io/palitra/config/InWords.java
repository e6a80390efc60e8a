package io.palitra.config;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Lists, shapes, sizes and values as people write them in a line, for messages: never as Java prints them. */
public final class InWords {
    /** Lines of one kind that are told; more are counted. */
    private static final int FEW = 10;
    private static final String[] UNITS = {"bytes", "kB", "MB", "GB", "TB"};

    private InWords() {}

    /** The first ten of many lines, then how many more: "90 more pictures the same". @param more what the others are, without a number */
    public static List<String> few(List<String> lines, String more) {
        if (lines.size() <= FEW) return lines;
        List<String> few = new ArrayList<>(lines.subList(0, FEW));
        few.add(lines.size() - FEW + " more " + more);
        return few;
    }

    /** All of a list: "a, b, c"; "none" of an empty one. {@link Notes#some} cuts a long one. */
    public static String list(Collection<?> items) {
        return items.isEmpty() ? "none" : items.stream().map(InWords::item).collect(Collectors.joining(", "));
    }

    /** {@link #list(Collection)} of choices; enums by their names in lower case. */
    public static String list(Object... items) { return list(Arrays.asList(items)); }

    private static String item(Object item) {
        return item instanceof Enum<?> e ? e.name().toLowerCase(Locale.ROOT) : String.valueOf(item);
    }

    /** "60×32" for the sizes of a tensor; "a single number" for none. */
    public static String shape(long... sizes) {
        return sizes.length == 0 ? "a single number" : Arrays.stream(sizes).mapToObj(Long::toString).collect(Collectors.joining("×"));
    }

    /** A number of bytes in the largest decimal unit of which there is at least one: "812 bytes", "3.2 MB", "4.27 GB". */
    public static String bytes(long bytes) {
        int unit = 0;
        double n = bytes;
        while (n >= 999.5 && unit < UNITS.length - 1) {
            n /= 1000;
            unit++;
        }
        String number = unit == 0 ? Long.toString(bytes) : String.format(Locale.ROOT, n < 9.995 ? "%.2f" : n < 99.95 ? "%.1f" : "%.0f", n);
        return number + " " + (bytes == 1 ? "byte" : UNITS[unit]);
    }

    /** What stands in a JSON file, in plain words: {@code the text "x"}, {@code the number 3}, {@code a list}. */
    public static String json(JsonNode node) {
        return switch (node.getNodeType()) {
            case MISSING -> "nothing";
            case OBJECT -> node.isEmpty() ? "an empty object" : "an object";
            case ARRAY -> node.isEmpty() ? "an empty list" : "a list";
            case STRING -> "the text \"" + ConfigException.shown(node.textValue()) + "\"";
            case NUMBER -> "the number " + ConfigException.shown(node.asText());
            default -> node.asText();
        };
    }

    /** "; did you mean X?" for the {@link #nearest} known name, otherwise nothing. */
    public static String didYouMean(String asked, Collection<String> known) {
        String best = nearest(asked, known);
        return best.isEmpty() ? "" : "; did you mean " + best + "?";
    }

    /** The nearest known name at most two edits away, otherwise nothing. */
    public static String nearest(String asked, Collection<String> known) {
        String best = "";
        int least = 3;
        for (String name : known) {
            int edits = Math.abs(asked.length() - name.length()) > 2 ? 3 : edits(asked, name);
            // two edits make anything of a name of two letters
            if (edits < least && edits < Math.min(asked.length(), name.length())) {
                best = name;
                least = edits;
            }
        }
        return best;
    }

    /** Levenshtein's distance: how many insertions, deletions and substitutions make one text of the other. */
    private static int edits(String a, String b) {
        int[] row = new int[b.length() + 1];
        Arrays.setAll(row, j -> j);
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int substituted = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(substituted, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }
}
