package io.palitra.metric;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What is counted of texts: how many of their rows of words are others, how their tokens are spread. */
public final class TextStatistics {
    private TextStatistics() {}

    /**
     * The share of rows of n words, within a text each, that are distinct: 1 where none comes twice. Li et al. 2016, arXiv:1510.03055. It
     * falls with the number of texts: only as many are to be compared. A word is a row of letters, of digits, or one other sign; white
     * space is none.
     *
     * @return NaN where no text has n words
     */
    public static double distinct(List<String> texts, int n) {
        Set<List<String>> rows = new LinkedHashSet<>();
        long all = 0;
        for (String text : texts) {
            List<String> words = words(text);
            for (int i = 0; i + n <= words.size(); i++, all++) rows.add(List.copyOf(words.subList(i, i + n)));
        }
        return all == 0 ? Double.NaN : rows.size() / (double) all;
    }

    static List<String> words(String text) {
        List<String> words = new ArrayList<>();
        for (int i = 0; i < text.length();) {
            int from = i, c = text.codePointAt(i);
            i += Character.charCount(c);
            if (Character.isWhitespace(c) || Character.isSpaceChar(c)) continue;
            boolean letter = Character.isLetter(c), digit = Character.isDigit(c);
            while (i < text.length() && (letter && Character.isLetter(text.codePointAt(i))
                    || digit && Character.isDigit(text.codePointAt(i)))) {
                i += Character.charCount(text.codePointAt(i));
            }
            words.add(text.substring(from, i));
        }
        return words;
    }

    /** Entropy of the tokens of all texts together, in nats: -sum p ln p over their frequencies; 0 where there is none. */
    public static double entropy(List<int[]> texts) {
        Map<Integer, Long> counts = new LinkedHashMap<>();
        long all = 0;
        for (int[] text : texts) {
            for (int token : text) counts.merge(token, 1L, Long::sum);
            all += text.length;
        }
        double n = all, sum = 0;
        for (long count : counts.values().stream().sorted().toList()) sum -= count / n * Math.log(count / n);
        return sum + 0.0;
    }
}
