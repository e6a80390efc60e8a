package io.palitra.data;

import java.util.ArrayList;
import java.util.List;

/**
 * Words as byte-level vocabularies part them: a text composed and in lower case, one space for each row of spaces; then rows of letters, of
 * digits and of other signs, each with the space before it, and the English endings such as 's. Radford et al. 2019, "Language models are
 * unsupervised multitask learners".
 */
public final class WordSplitter {
    private static final List<String> ENDINGS = List.of("'s", "'t", "'re", "'ve", "'m", "'ll", "'d");

    private WordSplitter() {}

    /** What of a text is kept: no capitals, one space between words, none at the ends. */
    public static String clean(String text) {
        String lower = Unicode17.lower(NfcNormalizer.of(Unicode17.wellFormed(text)));
        StringBuilder out = new StringBuilder(lower.length());
        boolean gap = false;
        for (int i = 0, c; i < lower.length(); i += Character.charCount(c)) {
            c = lower.codePointAt(i);
            if (Unicode17.space(c)) {
                gap = true;
                continue;
            }
            if (gap && !out.isEmpty()) out.append(' ');
            gap = false;
            out.appendCodePoint(c);
        }
        return out.toString();
    }

    /** The words of a cleaned text. Joined they are that text with a space before it, or nothing for nothing. */
    public static List<String> of(String text) {
        String clean = clean(text);
        List<String> words = new ArrayList<>();
        if (clean.isEmpty()) return words;
        String all = " " + clean;
        for (int i = 0; i < all.length();) {
            int from = i, ending = ending(all, i);
            if (ending > 0) {
                i += ending;
            } else {
                if (all.charAt(i) == ' ') i++;
                int first = all.codePointAt(i);
                boolean letter = Unicode17.letter(first), digit = Unicode17.digit(first);
                for (int c = first; !Unicode17.space(c) && Unicode17.letter(c) == letter && Unicode17.digit(c) == digit;) {
                    i += Character.charCount(c);
                    if (i == all.length()) break;
                    c = all.codePointAt(i);
                }
            }
            words.add(all.substring(from, i));
        }
        return words;
    }

    private static int ending(String text, int at) {
        if (text.charAt(at) != '\'') return 0;
        for (String e : ENDINGS) if (text.startsWith(e, at)) return e.length();
        return 0;
    }
}
