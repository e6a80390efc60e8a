package io.palitra.data;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Base64;

/**
 * What SentencePiece writes for characters, such as "fi" for its ligature: a trie of their bytes as a double array (Aoe 1989), and the
 * texts that it leads to.
 */
final class CharacterMap {
    private static final int WHOLE = 6;   // bytes from which on a cluster of characters is looked up one by one

    private final int[] trie;
    private final byte[] texts;

    private CharacterMap(int[] trie, byte[] texts) {
        this.trie = trie;
        this.texts = texts;
    }

    /** @throws FormatException for text that is no such map */
    static CharacterMap of(String file, String base64) {
        byte[] all;
        try {
            all = Base64.getDecoder().decode(base64);
        } catch (IllegalArgumentException e) {
            throw new FormatException(file, -1, "normalizer.precompiled_charsmap is broken: " + e.getMessage(), e);
        }
        ByteBuffer in = ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN);
        int bytes = in.remaining() < 4 ? -1 : in.getInt();
        if (bytes < 4 || bytes % 4 != 0 || bytes > in.remaining()) {
            throw new FormatException(file, -1, "normalizer.precompiled_charsmap is broken: its trie has " + bytes + " bytes");
        }
        int[] trie = new int[bytes / 4];
        in.asIntBuffer().get(trie);
        in.position(in.position() + bytes);
        byte[] texts = new byte[in.remaining()];
        in.get(texts);
        return new CharacterMap(trie, texts);
    }

    /** What stands for characters that belong together; themselves where the map has nothing. */
    String of(String cluster) {
        byte[] utf8 = cluster.getBytes(StandardCharsets.UTF_8);
        if (utf8.length < WHOLE) {
            int whole = find(utf8);
            if (whole >= 0) return text(whole);
        }
        StringBuilder out = new StringBuilder();
        cluster.codePoints().forEach(c -> {
            String one = Character.toString(c);
            int at = find(one.getBytes(StandardCharsets.UTF_8));
            out.append(at < 0 ? one : text(at));
        });
        return out.toString();
    }

    /** Where the text of the first key begins that these bytes begin with; -1 for none. */
    private int find(byte[] key) {
        int node = offset(trie[0]);
        for (byte b : key) {
            node ^= b & 0xff;
            if (b == 0 || node < 0 || node >= trie.length) return -1;
            int unit = trie[node];
            if ((unit & 0x800000ff) != (b & 0xff)) return -1;
            node ^= offset(unit);
            if ((unit >>> 8 & 1) == 1) return node < trie.length ? trie[node] & 0x7fffffff : -1;
        }
        return -1;
    }

    private static int offset(int unit) { return unit >>> 10 << ((unit & 1 << 9) >>> 6); }

    private String text(int from) {
        int end = from;
        while (end < texts.length && texts[end] != 0) end++;
        return from >= texts.length ? "" : new String(texts, from, end - from, StandardCharsets.UTF_8);
    }
}
