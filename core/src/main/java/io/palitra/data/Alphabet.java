package io.palitra.data;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * How texts become tokens, 0 to size() - 1, and tokens texts. The last id is the end token, {@value #END}: it stands in no text, begins a
 * window, parts documents and fills up an item that is shorter than others.
 */
public sealed interface Alphabet permits Alphabet.Characters, Alphabet.Bytes, Alphabet.Pairs {
    /** The end token's name in files of tokenizers. */
    String END = "<|endoftext|>";

    /** Number of ids, the end token's, too. */
    int size();

    /** Id of the end token. */
    default int end() { return size() - 1; }

    /**
     * Tokens of a text, without an end token.
     *
     * @throws ArgumentException that names the first character that has no token, and its place
     */
    int[] encode(String text);

    /**
     * The text of tokens; end tokens are left out. Bytes that are no UTF-8 become U+FFFD.
     *
     * @throws ArgumentException for an id that is no token
     */
    String decode(int[] ids);

    /** A word for the tokens: "characters". */
    String tokens();

    /** Each code point that the text for training has; its id is its place in {@code letters}. */
    record Characters(@Help("every character that there is, in order of their code points") String letters) implements Alphabet {
        private static final int MOST = 1 << 18;

        public Characters {
            whole(letters);
            int[] all = letters.codePoints().toArray();
            if (all.length == 0) throw new ArgumentException("illegal letters: none, must be at least 1");
            if (all.length > MOST) throw new ArgumentException("illegal letters: " + all.length + ", must be at most " + MOST);
            for (int i = 1; i < all.length; i++) {
                if (all[i] <= all[i - 1]) {
                    throw new ArgumentException("illegal letters: " + shown(all[i]) + " after " + shown(all[i - 1])
                        + ", must be in order of their code points, each once");
                }
            }
        }

        /** Of every code point of a text. @throws ArgumentException for a text of none */
        public static Characters of(String text) { return of(List.of(text)); }

        /** Of every code point of texts. */
        static Characters of(List<String> texts) {
            BitSet all = new BitSet();
            for (String text : texts) text.codePoints().forEach(all::set);
            int[] letters = all.stream().toArray();
            return new Characters(new String(letters, 0, letters.length));
        }

        @Override public int size() { return letters.codePointCount(0, letters.length()) + 1; }

        @Override public String tokens() { return "characters"; }

        @Override public int[] encode(String text) {
            int[] all = letters.codePoints().toArray(), ids = text.codePoints().toArray();
            for (int i = 0; i < ids.length; i++) {
                int id = Arrays.binarySearch(all, ids[i]);
                if (id < 0) {
                    throw new ArgumentException("the character " + shown(ids[i]) + ", number " + (i + 1)
                        + " of the text, is none of the " + all.length + " of the alphabet");
                }
                ids[i] = id;
            }
            return ids;
        }

        @Override public String decode(int[] ids) {
            int[] all = letters.codePoints().toArray();
            StringBuilder text = new StringBuilder(ids.length);
            known(this, ids, id -> text.appendCodePoint(all[id]));
            return text.toString();
        }
    }

    /** The 256 bytes of UTF-8. */
    record Bytes() implements Alphabet {
        @Override public int size() { return 257; }

        @Override public String tokens() { return "bytes"; }

        @Override public int[] encode(String text) {
            byte[] bytes = whole(text).getBytes(StandardCharsets.UTF_8);
            int[] ids = new int[bytes.length];
            for (int i = 0; i < ids.length; i++) ids[i] = bytes[i] & 255;
            return ids;
        }

        @Override public String decode(int[] ids) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream(ids.length);
            known(this, ids, bytes::write);
            return bytes.toString(StandardCharsets.UTF_8);
        }
    }

    /**
     * Byte-level byte-pair encoding by GPT-2's rules, with its ids: the bytes in order of their letters ({@link ByteAlphabet}), then a
     * token for each merge. Radford et al. 2019, "Language models are unsupervised multitask learners".
     *
     * @param merges "left right" as in merges.txt, the first learnt first; each of tokens that are there before it
     */
    record Pairs(@Help("pairs of tokens that merge, the first learnt first, as lines of merges.txt") List<String> merges)
            implements Alphabet {
        public Pairs { merges = Merges.of(merges); }

        /**
         * Learns at most {@code vocabulary} - 257 merges from a text: the pairs that stand most often, each at least twice.
         *
         * @param vocabulary ids wanted: 256 bytes, merges, the end
         */
        public static Pairs learn(List<String> texts, int vocabulary) { return new Pairs(Merges.learn(texts, vocabulary - 257)); }

        @Override public int size() { return merges.size() + 257; }

        @Override public String tokens() { return "byte pairs"; }

        @Override public int[] encode(String text) { return Merges.of(merges).encode(whole(text)); }

        @Override public String decode(int[] ids) {
            Merges all = Merges.of(merges);
            ByteArrayOutputStream bytes = new ByteArrayOutputStream(4 * ids.length);
            known(this, ids, id -> bytes.writeBytes(all.bytes(id)));
            return bytes.toString(StandardCharsets.UTF_8);
        }

        /** The token of an id that is not the end, in the letters of {@link ByteAlphabet}. */
        String token(int id) { return ByteAlphabet.of(Merges.of(merges).bytes(id)); }

        /** A list of thousands of merges helps nobody. */
        @Override public String toString() { return "Pairs[" + merges.size() + " merges]"; }
    }

    /** Each id in turn, ends left out. */
    private static void known(Alphabet alphabet, int[] ids, IntConsumer each) {
        int end = alphabet.end();
        for (int id : ids) {
            if (id < 0 || id > end) throw new ArgumentException("there is no token " + id + ", known are 0 to " + end);
            if (id < end) each.accept(id);
        }
    }

    /** Refuses half a surrogate pair, which has no bytes in UTF-8. */
    private static String whole(String text) {
        int i = 0;
        for (int at = 0; at < text.length(); i++) {
            int c = text.codePointAt(at);
            if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
                throw new ArgumentException("character " + (i + 1) + " of the text is half a surrogate pair, " + shown(c)
                    + ", which is not text");
            }
            at += Character.charCount(c);
        }
        return text;
    }

    /** A character as errors name it: 'ж' (U+0436), or the code point alone where nothing would be seen. */
    private static String shown(int c) {
        String code = String.format("U+%04X", c);
        return switch (Character.getType(c)) {
            case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.UNASSIGNED, Character.PRIVATE_USE,
                Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> code;
            default -> "'" + Character.toString(c) + "' (" + code + ")";
        };
    }
}
