package io.palitra.data;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * One visible letter for each byte, in which byte-level vocabularies are written: a byte that Latin-1 shows stands for itself, the others
 * are in their order the letters from 256 on.
 */
public final class ByteAlphabet {
    private static final char[] LETTERS = new char[256];
    private static final int[] BYTES = new int[512];

    static {
        java.util.Arrays.fill(BYTES, -1);
        char next = 256;
        for (int b = 0; b < 256; b++) {
            boolean shown = b >= '!' && b <= '~' || b >= 0xA1 && b != 0xAD;
            LETTERS[b] = shown ? (char) b : next++;
            BYTES[LETTERS[b]] = b;
        }
    }

    private ByteAlphabet() {}

    static char letter(int b) { return LETTERS[b]; }

    /** A token of these bytes. */
    public static String of(byte[] bytes) {
        StringBuilder token = new StringBuilder(bytes.length);
        for (byte b : bytes) token.append(LETTERS[b & 255]);
        return token.toString();
    }

    /** The bytes of a token; those of its text if that has other letters. */
    static byte[] bytes(String token) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (char c : token.toCharArray()) {
            if (c >= BYTES.length || BYTES[c] < 0) return token.getBytes(StandardCharsets.UTF_8);
            out.write(BYTES[c]);
        }
        return out.toByteArray();
    }
}
