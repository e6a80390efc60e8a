package io.palitra.data;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * CLIP's tokens: the bytes of a composed lower-case text, merged in pairs word by word. Radford et al. 2021, arXiv:2103.00020. Reads the
 * folders that transformers' {@code CLIPTokenizer} writes and gives the same ids. A text of n characters takes n log n steps.
 */
public final class ClipTokenizer {
    /** Ends of words that are words of their own, each tried before the next. */
    private static final List<String> ENDINGS = List.of("'s", "'t", "'re", "'ve", "'m", "'ll", "'d");
    /** Written in capitals these are no special tokens, but three words, whatever stands around. */
    private static final List<List<String>> TRIPLES = List.of(List.of("<|", "startoftext", "|>"), List.of("<|", "endoftext", "|>"));

    /** A text of one token, found before words are. @param alone not within a word */
    private record Special(String text, int id, boolean alone) {}

    /** Such texts letter by letter: the longest at a place is found in as many steps as it has letters, however many there are. */
    private static final class Trie {
        private final Map<Character, Trie> next = new LinkedHashMap<>();
        private @Nullable Special here;

        void add(Special s) {
            Trie at = this;
            for (char c : s.text.toCharArray()) at = at.next.computeIfAbsent(c, k -> new Trie());
            if (at.here == null) at.here = s;
        }

        @Nullable Special longest(String text, int from) {
            Special found = null;
            Trie at = next.get(text.charAt(from));
            for (int i = from + 1; at != null; i++) {
                if (at.here != null) found = at.here;
                at = i < text.length() ? at.next.get(text.charAt(i)) : null;
            }
            return found;
        }
    }

    /**
     * One fill of the network: the start token, at most {@code positions() - 2} tokens, the end token, padding.
     *
     * @param weights of each place, 1 where there is no token of a text
     */
    public record Window(long[] ids, float[] weights) {}

    private final String[] texts;   // by id; empty = no such token
    private final int[] inner = new int[256];   // id of a byte within a word
    private final int[] last = new int[256];    // and of one at its end
    private final BytePairs pairs = new BytePairs();
    private final Set<Integer> learned = new LinkedHashSet<>();   // ids of texts that are no letters of bytes
    private final Set<Integer> special = new LinkedHashSet<>();
    private final Trie written;    // looked for in a text as it came
    private final Trie composed;   // looked for in the composed lower-case text
    private final int start;
    private final int end;
    private final int padding;
    private final int positions;

    private ClipTokenizer(Path folder, TokenizerFiles files) {
        Map<String, Integer> ids = files.vocabulary();
        texts = new String[ids.values().stream().mapToInt(i -> i + 1).max().orElse(0)];
        Arrays.fill(texts, "");
        ids.forEach((text, id) -> {
            if (!texts[id].isEmpty()) throw new FormatException(folder.toString(), -1, "id " + id + " stands for two tokens");
            texts[id] = text;
        });
        start = id(files, "bos_token");
        end = id(files, "eos_token");
        padding = id(files, "pad_token");
        int unknown = id(files, "unk_token");
        for (int b = 0; b < 256; b++) {
            inner[b] = ids.getOrDefault(String.valueOf(ByteAlphabet.letter(b)), unknown);
            last[b] = ids.getOrDefault(ByteAlphabet.letter(b) + TokenizerFiles.WORD_END, unknown);
        }
        for (TokenizerFiles.Pair p : files.merges()) {
            pairs.add(known(ids, p.left()), known(ids, p.right()), known(ids, p.left() + p.right()));
        }
        files.added().forEach((text, how) -> (how.special() ? special : learned).add(known(ids, text)));
        written = added(files, false);
        composed = added(files, true);
        positions = files.positions();
    }

    /**
     * From {@code vocab.json} and {@code merges.txt}, or {@code tokenizer.json}; {@code tokenizer_config.json} and
     * {@code special_tokens_map.json} are read where they are.
     *
     * @throws FormatException if a file is missing, is not of the kind that its name states, or is beyond the limits
     */
    public static ClipTokenizer open(Path folder) { return new ClipTokenizer(folder, TokenizerFiles.read(folder, null)); }

    /** The same, but windows are filled up with the token {@code pad}, whatever the files have. */
    public static ClipTokenizer open(Path folder, String pad) { return new ClipTokenizer(folder, TokenizerFiles.read(folder, pad)); }

    private static int id(TokenizerFiles files, String role) {
        return known(files.vocabulary(), java.util.Objects.requireNonNull(files.roles().get(role)));
    }

    private static int known(Map<String, Integer> ids, String text) { return java.util.Objects.requireNonNull(ids.get(text)); }

    /** Of equals the special one, then the first. */
    private static Trie added(TokenizerFiles files, boolean normalized) {
        Trie all = new Trie();
        for (boolean special : new boolean[] {true, false}) {
            files.added().forEach((text, how) -> {
                String sought = normalized ? spaced(clean(text)) : text;
                boolean chosen = how.normalized() == normalized && how.special() == special && !sought.isEmpty();
                if (chosen) all.add(new Special(sought, known(files.vocabulary(), text), how.alone()));
            });
        }
        return all;
    }

    /** One more than the largest id: rows that a table of these tokens must have. */
    public int size() { return texts.length; }

    /** Tokens of a window. */
    public int positions() { return positions; }

    /** Tokens of a whole text, without start, end and padding. */
    public long[] tokens(String text) {
        Ids out = new Ids();
        split(text, written, false, out);
        return Arrays.stream(out.ids, 0, out.size).asLongStream().toArray();
    }

    /** What fits of a text into one window, as the public library cuts it. */
    public long[] window(String text) {
        long[] all = tokens(text);
        return window(all, new float[all.length], 0, Math.min(all.length, positions - 2)).ids;
    }

    /** A window of each text, cut where it is longer. I64 [B,L]. */
    public Tensor batch(List<String> texts) {
        long[] ids = texts.stream().flatMapToLong(t -> Arrays.stream(window(t))).toArray();
        return Torch.of(ids, texts.size(), positions);
    }

    /** A whole text in as many windows as it takes, at least one. */
    public List<Window> windows(String text) { return windows(List.of(new Prompt.Span(text, 1))); }

    /**
     * Spans of a text, each with its weight, in as many windows as they take, at least one. A span that {@link Prompt.Span#breaks} begins a
     * window; the one before is filled up with padding, and may hold no token at all.
     */
    public List<Window> windows(List<Prompt.Span> spans) {
        List<Window> all = new ArrayList<>();
        int from = 0;
        for (int i = 0; i < spans.size(); i++) {
            if (!spans.get(i).breaks()) continue;
            all.addAll(unbroken(spans.subList(from, i)));
            from = i;
        }
        all.addAll(unbroken(spans.subList(from, spans.size())));
        return all;
    }

    private List<Window> unbroken(List<Prompt.Span> spans) {
        List<long[]> tokens = spans.stream().map(s -> tokens(s.text())).toList();
        int n = tokens.stream().mapToInt(t -> t.length).sum(), at = 0;
        long[] ids = new long[n];
        float[] weights = new float[n];
        for (int i = 0; i < tokens.size(); i++) {
            long[] t = tokens.get(i);
            System.arraycopy(t, 0, ids, at, t.length);
            Arrays.fill(weights, at, at + t.length, (float) spans.get(i).weight());
            at += t.length;
        }
        List<Window> windows = new ArrayList<>();
        int fill = positions - 2;
        for (int from = 0; from < n || from == 0; from += fill) windows.add(window(ids, weights, from, Math.min(n, from + fill)));
        return windows;
    }

    private Window window(long[] ids, float[] weights, int from, int to) {
        long[] filled = new long[positions];
        float[] weighed = new float[positions];
        Arrays.fill(filled, padding);
        Arrays.fill(weighed, 1);
        filled[0] = start;
        System.arraycopy(ids, from, filled, 1, to - from);
        System.arraycopy(weights, from, weighed, 1, to - from);
        filled[to - from + 1] = end;
        return new Window(filled, weighed);
    }

    /**
     * Tokens back to text: lower-case, one space after each word; learned words as they were named. Special tokens are left out.
     *
     * @throws IllegalArgumentException for an id that is no token
     */
    public String text(long... ids) {
        Set<Long> left = new LinkedHashSet<>(List.of((long) start, (long) end, (long) padding));
        special.forEach(id -> left.add((long) id));
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (long id : ids) {
            if (id < 0 || id >= texts.length || texts[(int) id].isEmpty()) {
                throw new ArgumentException("there is no token " + id + ", known are 0 to " + (texts.length - 1));
            }
            if (left.contains(id)) continue;
            String text = texts[(int) id];
            bytes.writeBytes(learned.contains((int) id) ? (text + " ").getBytes(StandardCharsets.UTF_8) : ByteAlphabet.bytes(text));
        }
        return bytes.toString(StandardCharsets.UTF_8).replace(TokenizerFiles.WORD_END, " ").strip();
    }

    /** Tokens of what stands between the added ones, and these. One that may not stand within a word is passed over there as a whole. */
    private void split(String text, Trie added, boolean cleaned, Ids out) {
        int from = 0;
        for (int i = 0; i < text.length();) {
            Special found = added.longest(text, i);
            if (found == null) {
                i++;
                continue;
            }
            int end = i + found.text.length();
            boolean within = found.alone
                && (i > 0 && wordly(text.codePointBefore(i)) || end < text.length() && wordly(text.codePointAt(end)));
            if (!within) {
                plain(text.substring(from, i), cleaned, out);
                out.add(found.id);
                from = end;
            }
            i = end;
        }
        plain(text.substring(from), cleaned, out);
    }

    /** Letters, marks, decimal digits, what joins words, as Unicode's regular expressions have it (UTS 18). */
    private static boolean wordly(int c) {
        if (Character.isAlphabetic(c) || c == 0x200C || c == 0x200D) return true;
        int type = Character.getType(c);
        return type == Character.NON_SPACING_MARK || type == Character.ENCLOSING_MARK || type == Character.COMBINING_SPACING_MARK
            || type == Character.DECIMAL_DIGIT_NUMBER || type == Character.CONNECTOR_PUNCTUATION;
    }

    private void plain(String text, boolean cleaned, Ids out) {
        if (cleaned) words(text, out);
        else split(composed.next.isEmpty() ? clean(text) : spaced(clean(text)), composed, true, out);
    }

    /** With one space for each row of spaces of whatever kind. */
    private static String spaced(String text) {
        StringBuilder out = new StringBuilder(text.length());
        boolean before = false;
        for (int i = 0; i < text.length(); i = after(text, i)) {
            int c = text.codePointAt(i);
            boolean space = Unicode17.space(c);
            if (!space) out.appendCodePoint(c);
            else if (!before) out.append(' ');
            before = space;
        }
        return out.toString();
    }

    private static String clean(String text) { return Unicode17.lower(NfcNormalizer.of(text)); }

    /** A word is an ending, a row of letters, one digit, or a row of what is neither letter nor digit nor space. */
    private void words(String text, Ids out) {
        for (int i = 0; i < text.length();) {
            int from = i, c = text.codePointAt(i);
            if (Unicode17.space(c)) {
                i += Character.charCount(c);
                continue;
            }
            List<String> triple = c == '<' ? triple(text, i) : List.of();
            for (String word : triple) {
                word(word, out);
                i += word.length();
            }
            if (!triple.isEmpty()) continue;
            i += ending(text, i);
            if (i == from) {
                i += Character.charCount(c);
                while (Unicode17.letter(c) && i < text.length() && Unicode17.letter(text.codePointAt(i))) i = after(text, i);
                while (Unicode17.sign(c) && i < text.length() && Unicode17.sign(text.codePointAt(i))) i = after(text, i);
            }
            word(text.substring(from, i), out);
        }
    }

    private static int after(String text, int i) { return i + Character.charCount(text.codePointAt(i)); }

    private static List<String> triple(String text, int at) {
        for (List<String> t : TRIPLES) if (text.startsWith(String.join("", t), at)) return t;
        return List.of();
    }

    /** Length of the ending at a place, 0 for none. */
    private static int ending(String text, int at) {
        if (text.charAt(at) != '\'') return 0;
        for (String e : ENDINGS) if (text.startsWith(e, at)) return e.length();
        return 0;
    }

    private void word(String word, Ids out) {
        byte[] bytes = Unicode17.wellFormed(word).getBytes(StandardCharsets.UTF_8);
        int[] tokens = new int[bytes.length];
        for (int i = 0; i < tokens.length; i++) tokens[i] = inner[bytes[i] & 255];
        tokens[tokens.length - 1] = last[bytes[bytes.length - 1] & 255];
        int n = pairs.merge(tokens, tokens.length);
        for (int i = 0; i < n; i++) out.add(tokens[i]);
    }

    /** Ids that become more. */
    private static final class Ids {
        private int[] ids = new int[128];
        private int size;

        void add(int id) {
            if (size == ids.length) ids = Arrays.copyOf(ids, 2 * size);
            ids[size++] = id;
        }
    }
}
