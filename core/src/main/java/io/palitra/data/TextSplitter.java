package io.palitra.data;

import java.util.List;
import java.util.function.Consumer;

/**
 * Words as GPT-2 parts a text, nothing of which is lost: the English endings 's, 't, 're, 've, 'm, 'll, 'd; rows of letters, of digits, of
 * other signs, each with one space before it; rows of white space, which leave their last sign to what follows. By hand, in one pass: a
 * pattern with a look ahead takes quadratic time on a long row of spaces. Radford et al. 2019, "Language models are unsupervised multitask
 * learners".
 */
final class TextSplitter {
    private static final List<String> ENDINGS = List.of("'s", "'t", "'re", "'ve", "'m", "'ll", "'d");
    private static final int SPACE = 0, LETTER = 1, DIGIT = 2, SIGN = 3;

    private TextSplitter() {}

    static void each(String text, Consumer<String> word) {
        int n = text.length();
        for (int from = 0, to; from < n; from = to) {
            to = end(text, from, n);
            word.accept(text.substring(from, to));
        }
    }

    /** Where the word ends that begins at a place. */
    private static int end(String text, int from, int n) {
        if (text.charAt(from) == '\'') for (String e : ENDINGS) if (text.startsWith(e, from)) return from + e.length();
        int first = text.codePointAt(from), kind = kind(first);
        if (kind != SPACE) return row(text, from, n, kind);
        if (first == ' ' && from + 1 < n && kind(text.codePointAt(from + 1)) != SPACE) {
            return row(text, from + 1, n, kind(text.codePointAt(from + 1)));
        }
        int end = row(text, from, n, SPACE);
        if (end == n) return end;
        int last = end - Character.charCount(text.codePointBefore(end));
        return last == from ? end : last;
    }

    private static int row(String text, int from, int n, int kind) {
        int at = from;
        while (at < n) {
            int c = text.codePointAt(at);
            if (kind(c) != kind) break;
            at += Character.charCount(c);
        }
        return at;
    }

    private static int kind(int c) {
        if (c < 128) {
            if (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') return LETTER;
            if (c >= '0' && c <= '9') return DIGIT;
            return c == ' ' || c >= 9 && c <= 13 ? SPACE : SIGN;
        }
        return Unicode17.space(c) ? SPACE : Unicode17.letter(c) ? LETTER : Unicode17.digit(c) ? DIGIT : SIGN;
    }
}
