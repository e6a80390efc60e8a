package io.palitra.data;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CharsetEncoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import org.jspecify.annotations.Nullable;

/**
 * Names in zips without a code page: what is neither marked as UTF-8 nor valid as such is of DOS. Cyrillic letters by CP866
 * where that gives words of them, else CP437, the one of the format's specification. A second name in UTF-8, which Info-ZIP and others add
 * (field 0x7075), is believed.
 */
final class ZipNames {
    /** Each byte as one character: ASCII as it is, others in the private use area, where no name that is marked as UTF-8 has any. */
    static final Charset RAW = new Raw();

    private static final int PRIVATE = 0xF700;
    private static final int UNICODE_PATH = 0x7075;

    private final Charset codePage;

    private ZipNames(Charset codePage) { this.codePage = codePage; }

    /** For the names of a zip that was opened with {@link #RAW}. */
    static ZipNames of(List<ZipEntry> entries) {
        List<byte[]> raw = new ArrayList<>();
        for (ZipEntry entry : entries) if (raw(entry.getName())) raw.add(entry.getName().getBytes(RAW));
        if (raw.stream().allMatch(b -> utf8(b) != null)) return new ZipNames(StandardCharsets.UTF_8);
        Charset dos = Charset.forName("IBM866");
        int words = 0, mixed = 0;
        for (byte[] name : raw) {
            for (String word : new String(name, dos).split("[^\\p{L}]+")) {
                long cyrillic = word.chars().filter(c -> c >= 0x80).count();
                if (cyrillic == 0) continue;
                if (cyrillic == word.length()) words++;
                else mixed++;
            }
            // frames, shades and mathematics are no letters, but accents of CP437 are among them
            mixed += (int) new String(name, dos).chars().filter(c -> c >= 0x80 && !Character.isLetter(c) && c != '\u2116').count();
        }
        return new ZipNames(words > mixed ? dos : Charset.forName("IBM437"));
    }

    /** What an entry is called. */
    String name(ZipEntry entry) {
        String name = entry.getName();
        if (!raw(name)) return name;
        byte[] bytes = name.getBytes(RAW);
        String unicode = unicodePath(entry.getExtra(), bytes);
        return unicode != null ? unicode : new String(bytes, codePage);
    }

    /** Whether the name of an entry was guessed. */
    boolean guesses(ZipEntry entry) {
        return raw(entry.getName()) && unicodePath(entry.getExtra(), entry.getName().getBytes(RAW)) == null;
    }

    /** For people: UTF-8, CP866 or CP437. */
    @Override public String toString() { return codePage.name().replace("IBM", "CP"); }

    private static boolean raw(String name) { return name.chars().anyMatch(c -> c >= PRIVATE + 0x80 && c <= PRIVATE + 0xFF); }

    private static @Nullable String utf8(byte[] bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            return null;
        }
    }

    /** Version 1, the CRC-32 of the name it stands beside, the name in UTF-8. */
    private static @Nullable String unicodePath(byte @Nullable [] extra, byte[] name) {
        if (extra == null) return null;
        ByteBuffer b = ByteBuffer.wrap(extra).order(ByteOrder.LITTLE_ENDIAN);
        while (b.remaining() >= 4) {
            int kind = b.getShort() & 0xffff, length = b.getShort() & 0xffff;
            if (length > b.remaining()) return null;
            if (kind == UNICODE_PATH && length > 5) {
                CRC32 crc = new CRC32();
                crc.update(name);
                if (b.get() != 1 || b.getInt() != (int) crc.getValue()) return null;
                byte[] unicode = new byte[length - 5];
                b.get(unicode);
                return utf8(unicode);
            }
            b.position(b.position() + length);
        }
        return null;
    }

    private static final class Raw extends Charset {
        Raw() { super("x-palitra-raw", null); }

        @Override public boolean contains(Charset other) { return other == this; }

        @Override public CharsetDecoder newDecoder() {
            return new CharsetDecoder(this, 1, 1) {
                @Override protected CoderResult decodeLoop(ByteBuffer in, CharBuffer out) {
                    while (in.hasRemaining()) {
                        if (!out.hasRemaining()) return CoderResult.OVERFLOW;
                        byte b = in.get();
                        out.put((char) (b >= 0 ? b : PRIVATE + (b & 0xff)));
                    }
                    return CoderResult.UNDERFLOW;
                }
            };
        }

        @Override public CharsetEncoder newEncoder() {
            return new CharsetEncoder(this, 1, 1) {
                @Override protected CoderResult encodeLoop(CharBuffer in, ByteBuffer out) {
                    while (in.hasRemaining()) {
                        if (!out.hasRemaining()) return CoderResult.OVERFLOW;
                        char c = in.get(in.position());
                        if (c >= 0x80 && (c < PRIVATE + 0x80 || c > PRIVATE + 0xFF)) return CoderResult.unmappableForLength(1);
                        in.get();
                        out.put((byte) c);
                    }
                    return CoderResult.UNDERFLOW;
                }
            };
        }
    }
}
