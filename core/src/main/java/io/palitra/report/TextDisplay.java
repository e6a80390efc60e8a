package io.palitra.report;

import io.palitra.data.DataSpec;
import io.palitra.data.TextSpec;
import io.palitra.engine.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Texts [N,L] of tokens: one below the other, each under a line with its number. End tokens show as nothing. */
public final class TextDisplay implements Display {
    private static final char BLOCK = '\u2591';
    /** Characters of a line about a text. */
    private static final int SHORT = 60;

    @Override public boolean shows(DataSpec spec) { return spec instanceof TextSpec; }

    @Override public String items() { return "texts"; }

    @Override public String caption() { return "Written by the model, with the averaged weights where the recipe averages."; }

    /** A sheet is read, not looked over. */
    @Override public int fills(int columns) { return columns < 8 ? 4 : 8; }

    @Override public String suffix() { return ".txt"; }

    @Override public Sheet sheet(DataSpec spec, Tensor x, int columns, String title) {
        StringBuilder all = new StringBuilder();
        List<String> texts = texts(spec, x);
        for (int i = 0; i < texts.size(); i++) all.append(i == 0 ? "" : "\n").append(numbered(i + 1, texts.get(i)));
        return new Sheet.Written(all.toString());
    }

    /** "--- 1 ---", and the text, with a line's end at its own end. */
    private static String numbered(int number, String text) { return "--- " + number + " ---\n" + ended(text); }

    private static String ended(String text) { return text.isEmpty() || text.endsWith("\n") ? text : text + "\n"; }

    /** A text and what was made of it, one below the other. */
    @Override public Optional<Sheet> rows(DataSpec spec, Map<String, Tensor> rows) {
        Map<String, List<String>> texts = new LinkedHashMap<>();
        rows.forEach((title, x) -> texts.put(title, texts(spec, x)));
        int n = texts.values().stream().mapToInt(List::size).min().orElse(0);
        StringBuilder all = new StringBuilder();
        for (int i = 0; i < n; i++) {
            for (Map.Entry<String, List<String>> row : texts.entrySet()) {
                all.append(all.isEmpty() ? "" : "\n").append("--- ").append(i + 1).append(": ").append(row.getKey()).append(" ---\n")
                    .append(ended(row.getValue().get(i)));
            }
        }
        return n == 0 ? Optional.empty() : Optional.of(new Sheet.Written(all.toString()));
    }

    @Override public List<Sheet> each(DataSpec spec, Tensor x) {
        List<Sheet> each = new ArrayList<>();
        for (String text : texts(spec, x)) each.add(new Sheet.Written(text));
        return each;
    }

    /** Its first characters, in one line. */
    @Override public String describe(DataSpec spec, Tensor x) {
        String text = texts(spec, x).get(0).strip().replaceAll("\\s+", " ");
        int n = text.codePointCount(0, text.length());
        return n <= SHORT ? text : text.substring(0, text.offsetByCodePoints(0, SHORT)) + "...";
    }

    /** The text of each item [N,L]; an id that is no token, such as the mask of a text half written, is a block. Waits for the device. */
    public static List<String> texts(DataSpec spec, Tensor x) {
        TextSpec text = (TextSpec) spec;
        long[] ids = x.longs();
        List<String> texts = new ArrayList<>();
        for (int at = 0; at < ids.length; at += text.length()) texts.add(shown(text, ids, at, at + text.length()));
        return texts;
    }

    private static String shown(TextSpec spec, long[] ids, int from, int to) {
        StringBuilder text = new StringBuilder();
        int[] known = new int[to - from];
        int n = 0;
        for (int i = from; i <= to; i++) {
            if (i < to && ids[i] >= 0 && ids[i] <= spec.end()) {
                known[n++] = (int) ids[i];
                continue;
            }
            text.append(spec.alphabet().decode(Arrays.copyOf(known, n)));
            n = 0;
            if (i < to) text.append(BLOCK);
        }
        return text.toString();
    }
}
