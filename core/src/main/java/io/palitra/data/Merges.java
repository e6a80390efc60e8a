package io.palitra.data;

import io.palitra.config.ArgumentException;
import java.nio.charset.StandardCharsets;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.RandomAccess;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The merges of a byte-level vocabulary, "left right" each, and the tokens that follow from them. Never changes. Safe for several threads.
 */
final class Merges extends AbstractList<String> implements RandomAccess {
    /** GPT-4's vocabulary has 100,000; Gemma's 256,000. */
    static final int MOST = 1 << 18;
    /** No word of a language is longer. Bounds what a file of merges that double each other takes. */
    private static final int LONGEST = 1 << 10;
    /** Words whose tokens are kept, and letters of the longest of them. */
    private static final int REMEMBERED = 1 << 16, SHORT = 32;
    private static final byte[] BYTE = new byte[256];
    private static final int[] ID = new int[256];

    static {
        int id = 0;
        for (char letter = 0; letter < 512; letter++) {
            for (int b = 0; b < 256; b++) {
                if (ByteAlphabet.letter(b) != letter) continue;
                BYTE[id] = (byte) b;
                ID[b] = id++;
            }
        }
    }

    private final String[] merges;
    private final byte[][] tokens;
    private final BytePairs pairs = new BytePairs();
    private final Map<String, int[]> words = new ConcurrentHashMap<>();

    private Merges(List<String> merges) {
        if (merges.size() > MOST) throw new ArgumentException("illegal merges: " + merges.size() + ", must be at most " + MOST);
        this.merges = merges.toArray(String[]::new);
        tokens = new byte[256 + this.merges.length][];
        Map<String, Integer> known = new LinkedHashMap<>();
        for (int id = 0; id < 256; id++) {
            tokens[id] = new byte[] {BYTE[id]};
            known.put(ByteAlphabet.of(tokens[id]), id);
        }
        for (int k = 0; k < this.merges.length; k++) {
            String merge = this.merges[k];
            int space = merge.indexOf(' ');
            if (space < 0) throw wrong(k, "wants two tokens with a space between, got '" + shown(merge) + "'");
            String left = merge.substring(0, space), right = merge.substring(space + 1);
            Integer first = known.get(left), second = known.get(right);
            if (first == null || second == null) {
                throw wrong(k, "there is no token '" + shown(first == null ? left : right) + "' before it");
            }
            if (left.length() + right.length() > LONGEST) throw wrong(k, "makes a token of more than " + LONGEST + " bytes");
            if (known.putIfAbsent(left + right, 256 + k) != null) throw wrong(k, "there is a token '" + shown(left + right) + "' already");
            tokens[256 + k] = ByteAlphabet.bytes(left + right);
            pairs.add(first, second, 256 + k);
        }
    }

    private static ArgumentException wrong(int k, String message) {
        return new ArgumentException("illegal merges: number " + (k + 1) + ": " + message);
    }

    private static String shown(String text) {
        return text.substring(0, Math.min(40, text.length())).replaceAll("\\p{Cntrl}", "?");
    }

    /** @throws ArgumentException for a merge of tokens that are not there, or that makes one that is */
    static Merges of(List<String> merges) { return merges instanceof Merges already ? already : new Merges(merges); }

    /** The pairs that stand most often in texts. */
    static Merges learn(List<String> texts, int most) {
        Map<String, Long> counts = new LinkedHashMap<>();
        for (String text : texts) TextSplitter.each(text, word -> counts.merge(word, 1L, Long::sum));
        List<byte[]> tokens = new ArrayList<>();
        for (int b = 0; b < 256; b++) tokens.add(new byte[] {(byte) b});
        List<String> merges = new ArrayList<>();
        for (int[] pair : BytePairs.learn(counts, most, LONGEST)) {
            byte[] left = tokens.get(pair[0]), right = tokens.get(pair[1]), whole = Arrays.copyOf(left, left.length + right.length);
            System.arraycopy(right, 0, whole, left.length, right.length);
            tokens.add(whole);
            merges.add(ByteAlphabet.of(left) + " " + ByteAlphabet.of(right));
        }
        return new Merges(merges);
    }

    int[] encode(String text) {
        int[][] all = {new int[Math.max(16, text.length() / 2)]};
        int[] n = {0};
        TextSplitter.each(text, word -> {
            int[] more = word(word);
            if (n[0] + more.length > all[0].length) all[0] = Arrays.copyOf(all[0], 2 * (n[0] + more.length));
            System.arraycopy(more, 0, all[0], n[0], more.length);
            n[0] += more.length;
        });
        return Arrays.copyOf(all[0], n[0]);
    }

    private int[] word(String word) {
        int[] known = words.get(word);
        if (known != null) return known;
        byte[] bytes = word.getBytes(StandardCharsets.UTF_8);
        int[] ids = new int[bytes.length];
        for (int i = 0; i < ids.length; i++) ids[i] = ID[bytes[i] & 255];
        int[] merged = Arrays.copyOf(ids, pairs.merge(ids, ids.length));
        if (word.length() <= SHORT && words.size() < REMEMBERED) words.put(word, merged);
        return merged;
    }

    /** The bytes of a token that is not the end. */
    byte[] bytes(int id) { return tokens[id]; }

    @Override public String get(int k) { return merges[k]; }

    @Override public int size() { return merges.length; }
}
