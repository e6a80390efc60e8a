package io.palitra.report;

import io.palitra.config.ArgumentException;
import io.palitra.data.FormatException;
import io.palitra.data.Picture;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.Inflater;

/**
 * PNG pictures (W3C PNG, third edition), 8 bits, grey or RGB, that carry text: writes them, and reads the text of any PNG.
 * Text that is printable Latin-1 goes to tEXt chunks, all other to iTXt as UTF-8; tEXt, zTXt and iTXt are read.
 */
public final class Png {
    private static final byte[] SIGNATURE = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    private static final int MAX_FILE = 256 << 20;
    private static final int MAX_TEXT = 16 << 20;

    private Png() {}

    /**
     * The bytes of a PNG file; text stands before the pixels, in the order of its keys, so that equal arguments give equal bytes.
     *
     * @throws IllegalArgumentException for a key that is not 1 to 79 printable Latin-1 characters without outer or double blanks, and for a
     *     value that holds U+0000 or half a surrogate pair
     */
    public static byte[] encode(Picture picture, Map<String, String> text) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(SIGNATURE);
        byte colour = (byte) (picture.channels() == 1 ? 0 : 2);
        chunk(out, "IHDR", ByteBuffer.allocate(13).putInt(picture.width()).putInt(picture.height())
                .put((byte) 8).put(colour).put(new byte[3]).array());
        new TreeMap<>(text).forEach((key, value) -> textChunk(out, key, value));
        chunk(out, "IDAT", deflated(picture));
        chunk(out, "IEND", new byte[0]);
        return out.toByteArray();
    }

    /** Writes the file whole or not at all. @throws UncheckedIOException where the disk refuses */
    public static void write(Path file, Picture picture, Map<String, String> text) {
        WholeFile.write(file, encode(picture, text));
    }

    /**
     * Key to value of every text chunk, in the order of the file; of equal keys the first counts.
     *
     * @throws FormatException where the chunks are not well formed, a checksum is wrong, or the text is over 16 MiB
     * @throws UncheckedIOException where the file cannot be read
     */
    public static Map<String, String> text(Path file) {
        try {
            long size = Files.size(file);
            if (size > MAX_FILE) throw new FormatException(file.toString(), -1, size + " bytes, at most " + MAX_FILE + " are read");
            return text(Files.readAllBytes(file), file.toString());
        } catch (IOException e) {
            throw WholeFile.failed("read", file, e);
        }
    }

    /** As {@link #text(Path)}, of the bytes of a file. */
    public static Map<String, String> text(byte[] png) {
        return text(png, "PNG");
    }

    private static Map<String, String> text(byte[] png, String file) {
        if (png.length < SIGNATURE.length || !ByteBuffer.wrap(png, 0, SIGNATURE.length).equals(ByteBuffer.wrap(SIGNATURE))) {
            throw new FormatException(file, 0, "no PNG signature");
        }
        Map<String, String> found = new LinkedHashMap<>();
        ByteBuffer in = ByteBuffer.wrap(png);
        int at = SIGNATURE.length;
        int left = MAX_TEXT;
        while (true) {
            if (png.length - at < 12) throw new FormatException(file, at, "ends without an IEND chunk");
            long length = Integer.toUnsignedLong(in.getInt(at));
            if (length > png.length - at - 12) {
                throw new FormatException(file, at, "chunk of " + length + " bytes, only " + (png.length - at - 12) + " are there");
            }
            int size = (int) length;
            String type = type(png, at + 4, file);
            CRC32 crc = new CRC32();
            crc.update(png, at + 4, 4 + size);
            if ((int) crc.getValue() != in.getInt(at + 8 + size)) throw new FormatException(file, at, "wrong checksum of chunk " + type);
            if (at == SIGNATURE.length && !(type.equals("IHDR") && size == 13)) {
                throw new FormatException(file, at, "first chunk is " + type + " of " + size + " bytes, must be IHDR of 13");
            }
            if (type.equals("IEND")) return found;
            if (type.equals("tEXt") || type.equals("zTXt") || type.equals("iTXt")) {
                Words words = new Words(png, at + 8, at + 8 + size, file, left);
                String key = words.key();
                String value = words.value(type);
                left -= words.spent;
                found.putIfAbsent(key, value);
            }
            at += 12 + size;
        }
    }

    private static String type(byte[] png, int at, String file) {
        for (int i = at; i < at + 4; i++) {
            int letter = png[i] | 0x20;
            if (letter < 'a' || letter > 'z') throw new FormatException(file, i, "chunk type is not four letters");
        }
        return new String(png, at, 4, StandardCharsets.US_ASCII);
    }

    /** Reads one text chunk, bytes at..end of the file. */
    private static final class Words {
        private final byte[] png;
        private final int end;
        private final String file;
        private final int left;
        private int at;
        private int spent;

        Words(byte[] png, int at, int end, String file, int left) {
            this.png = png;
            this.at = at;
            this.end = end;
            this.file = file;
            this.left = left;
        }

        String key() {
            byte[] key = untilZero("keyword");
            if (key.length < 1 || key.length > 79) throw fault("keyword of " + key.length + " bytes, must be 1 to 79");
            return new String(key, StandardCharsets.ISO_8859_1);
        }

        String value(String type) {
            if (type.equals("tEXt")) return new String(spend(rest()), StandardCharsets.ISO_8859_1);
            if (type.equals("zTXt")) {
                zero("compression method");
                return new String(inflated(), StandardCharsets.ISO_8859_1);
            }
            int packed = next("compression flag");
            if (packed > 1) throw fault("compression flag is " + packed + ", must be 0 or 1");
            zero("compression method");
            untilZero("language");
            untilZero("translated keyword");
            int start = at;
            byte[] utf8 = packed == 1 ? inflated() : spend(rest());
            try {
                return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8)).toString();
            } catch (CharacterCodingException e) {
                throw new FormatException(file, start, "text is not UTF-8", e);
            }
        }

        private byte[] untilZero(String what) {
            int start = at;
            while (at < end && png[at] != 0) at++;
            if (at == end) throw fault(what + " does not end");
            return Arrays.copyOfRange(png, start, at++);
        }

        private int next(String what) {
            if (at == end) throw fault("no " + what);
            return png[at++] & 0xff;
        }

        private void zero(String what) {
            int value = next(what);
            if (value != 0) throw fault(what + " is " + value + ", must be 0");
        }

        private byte[] rest() {
            return Arrays.copyOfRange(png, at, end);
        }

        private byte[] spend(byte[] bytes) {
            spent = bytes.length;
            if (spent > left) throw fault("over " + MAX_TEXT + " bytes of text");
            return bytes;
        }

        private byte[] inflated() {
            Inflater inflater = new Inflater();
            try {
                inflater.setInput(png, at, end - at);
                ByteArrayOutputStream out = new ByteArrayOutputStream();
                byte[] buffer = new byte[8192];
                while (!inflater.finished()) {
                    int n = inflater.inflate(buffer);
                    if (n == 0 && !inflater.finished()) throw fault("compressed text breaks off");
                    if (out.size() + n > left) throw fault("over " + MAX_TEXT + " bytes of text");
                    out.write(buffer, 0, n);
                }
                return spend(out.toByteArray());
            } catch (DataFormatException e) {
                throw new FormatException(file, at, "compressed text is damaged", e);
            } finally {
                inflater.end();
            }
        }

        private FormatException fault(String message) {
            return new FormatException(file, at, message);
        }
    }

    private static void textChunk(ByteArrayOutputStream out, String key, String value) {
        boolean wellFormed = !key.isEmpty() && key.length() <= 79 && key.equals(key.strip()) && !key.contains("  ")
                && key.chars().allMatch(Png::printable);
        if (!wellFormed) {
            throw new ArgumentException("illegal PNG keyword: '" + key + "', must be 1 to 79 printable Latin-1 characters, "
                    + "no blanks around and no two in a row");
        }
        if (value.indexOf(0) >= 0) throw new ArgumentException("illegal text under '" + key + "': holds U+0000");
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        body.writeBytes(key.getBytes(StandardCharsets.ISO_8859_1));
        body.write(0);
        if (value.chars().allMatch(c -> printable(c) || c == '\n')) {
            body.writeBytes(value.getBytes(StandardCharsets.ISO_8859_1));
            chunk(out, "tEXt", body.toByteArray());
            return;
        }
        body.writeBytes(new byte[4]);                              // not compressed, method 0, no language, no translated keyword
        try {
            ByteBuffer utf8 = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(value));
            body.write(utf8.array(), 0, utf8.limit());
        } catch (CharacterCodingException e) {
            throw new ArgumentException("illegal text under '" + key + "': holds half a surrogate pair", e);
        }
        chunk(out, "iTXt", body.toByteArray());
    }

    private static boolean printable(int c) {
        return c >= 32 && c <= 126 || c >= 161 && c <= 255;
    }

    private static void chunk(ByteArrayOutputStream out, String type, byte[] body) {
        byte[] name = type.getBytes(StandardCharsets.US_ASCII);
        CRC32 crc = new CRC32();
        crc.update(name);
        crc.update(body);
        out.writeBytes(ByteBuffer.allocate(4).putInt(body.length).array());
        out.writeBytes(name);
        out.writeBytes(body);
        out.writeBytes(ByteBuffer.allocate(4).putInt((int) crc.getValue()).array());
    }

    /** The rows, each under the one of the five filters whose bytes, taken as signed, have the smallest sum of magnitudes. */
    private static byte[] deflated(Picture picture) {
        int c = picture.channels();
        int area = picture.height() * picture.width();
        int bytes = c * picture.width();
        byte[] above = new byte[bytes];
        byte[] row = new byte[bytes];
        byte[][] filtered = new byte[5][bytes + 1];
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Deflater deflater = new Deflater();
        try (DeflaterOutputStream zip = new DeflaterOutputStream(out, deflater, 1 << 15)) {
            for (int y = 0; y < picture.height(); y++) {
                for (int i = 0; i < bytes; i++) row[i] = picture.pixels()[i % c * area + y * picture.width() + i / c];
                int best = 0;
                long least = Long.MAX_VALUE;
                for (int filter = 0; filter < 5; filter++) {
                    long sum = filter(filter, row, above, c, filtered[filter]);
                    if (sum < least) {
                        least = sum;
                        best = filter;
                    }
                }
                zip.write(filtered[best]);
                byte[] spare = above;
                above = row;
                row = spare;
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);                     // a ByteArrayOutputStream does not
        } finally {
            deflater.end();
        }
        return out.toByteArray();
    }

    private static long filter(int filter, byte[] row, byte[] above, int c, byte[] to) {
        to[0] = (byte) filter;
        long sum = 0;
        for (int i = 0; i < row.length; i++) {
            int left = i < c ? 0 : row[i - c] & 0xff;
            int up = above[i] & 0xff;
            int corner = i < c ? 0 : above[i - c] & 0xff;
            int guess = switch (filter) {
                case 0 -> 0;
                case 1 -> left;
                case 2 -> up;
                case 3 -> (left + up) / 2;
                default -> paeth(left, up, corner);
            };
            to[i + 1] = (byte) (row[i] - guess);
            sum += Math.abs((int) to[i + 1]);
        }
        return sum;
    }

    private static int paeth(int left, int up, int corner) {
        int toLeft = Math.abs(up - corner);
        int toUp = Math.abs(left - corner);
        int toCorner = Math.abs(left + up - 2 * corner);
        if (toLeft <= toUp && toLeft <= toCorner) return left;
        return toUp <= toCorner ? up : corner;
    }
}
