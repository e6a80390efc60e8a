package io.palitra.data;

import java.text.Normalizer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * Unicode's normal form C in linear time. The platform sorts the marks over one letter by insertion: a million of them, which no language
 * has, would take it hours. Long rows of marks are therefore put in order here before.
 */
final class NfcNormalizer {
    /** Marks in a row that are left to the platform. */
    private static final int SHORT = 64;
    /** Marks of the lowest and of the highest combining class. */
    private static final int LOWEST = 0x334, HIGHEST = 0x345;

    private NfcNormalizer() {}

    static String of(String text) {
        StringBuilder ordered = new StringBuilder();
        int copied = 0, from = 0;   // marks stand from there to here
        for (int i = 0; i <= text.length();) {
            int c = i < text.length() ? text.codePointAt(i) : 'x';
            if (!mark(c)) {
                if (i - from > SHORT) {
                    order(text.substring(from, i), ordered.append(text, copied, from));
                    copied = i;
                }
                from = i + Character.charCount(c);
            }
            i += Character.charCount(c);
        }
        return Normalizer.normalize(ordered.append(text, copied, text.length()), Normalizer.Form.NFC);
    }

    private static boolean mark(int c) {
        int type = Character.getType(c);
        return type == Character.NON_SPACING_MARK || type == Character.COMBINING_SPACING_MARK || type == Character.ENCLOSING_MARK;
    }

    /** Marks decomposed, then stably by their combining classes between those of class 0, which none may pass. */
    private static void order(String marks, StringBuilder out) {
        TreeMap<Integer, StringBuilder> classes = new TreeMap<>(NfcNormalizer::compare);   // by one mark of each class
        Map<Integer, StringBuilder> places = new LinkedHashMap<>();
        marks.codePoints().forEach(mark -> decomposed(mark).codePoints().forEach(c -> {
            StringBuilder place = places.computeIfAbsent(c, k -> fixed(k) ? out : classes.computeIfAbsent(k, x -> new StringBuilder()));
            if (place == out) drain(classes, out);
            place.appendCodePoint(c);
        }));
        drain(classes, out);
    }

    private static void drain(TreeMap<Integer, StringBuilder> classes, StringBuilder out) {
        for (StringBuilder marks : classes.values()) {
            out.append(marks);
            marks.setLength(0);
        }
    }

    private static String decomposed(int c) { return Normalizer.normalize(Character.toString(c), Normalizer.Form.NFD); }

    private static boolean fixed(int c) { return !moves(c, LOWEST) && !moves(HIGHEST, c); }

    private static int compare(int a, int b) { return moves(a, b) ? 1 : moves(b, a) ? -1 : 0; }

    /** Whether a after which b stands has a higher class than b, so that they change places. */
    private static boolean moves(int a, int b) {
        String pair = Character.toString(a) + Character.toString(b);
        return !Normalizer.normalize(pair, Normalizer.Form.NFD).equals(pair);
    }
}
