package io.palitra.report;

import io.palitra.config.ArgumentException;
import io.palitra.data.Picture;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * Animations as GIF89a that repeat for ever; the last frame stays four times as long as the others, at least 1.5 s.
 * Grey frames and RGB frames of at most 256 colours keep their pixels; other RGB frames get 256 colours of their own and an ordered dither,
 * which stands still from frame to frame.
 */
public final class Gif {
    private static final int COLOURS = 256;
    private static final int HASH = 1 << 13;
    private static final int CLEAR = 256;
    private static final int END = 257;
    private static final int CODES = 4096;
    private static final int DITHER = 12;

    private Gif() {}

    /**
     * The bytes of the animation.
     *
     * @param delay milliseconds per frame, rounded to hundredths of a second; viewers slow down what is under 20
     * @throws IllegalArgumentException for no frames, frames of several shapes or over 65535 pixels wide or high, a delay not in 20..600000
     */
    public static byte[] encode(List<Picture> frames, int delay) {
        if (frames.isEmpty()) throw new ArgumentException("an animation wants at least one frame, got none");
        if (delay < 20 || delay > 600_000) throw new ArgumentException("illegal delay: " + delay + " ms, must be 20 to 600000");
        Picture first = frames.get(0);
        if (first.width() > 0xffff || first.height() > 0xffff) {
            throw new ArgumentException("a GIF is at most 65535 pixels wide and high, got " + Grid.shape(first));
        }
        boolean grey = first.channels() == 1;
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes("GIF89a".getBytes(StandardCharsets.US_ASCII));
        shorts(out, first.width(), first.height());
        out.writeBytes(new byte[] {(byte) (grey ? 0xf7 : 0x70), 0, 0});
        if (grey) out.writeBytes(greys());
        out.writeBytes(new byte[] {0x21, (byte) 0xff, 11});
        out.writeBytes("NETSCAPE2.0".getBytes(StandardCharsets.US_ASCII));
        out.writeBytes(new byte[] {3, 1, 0, 0, 0});
        int hundredths = (delay + 5) / 10;
        for (int i = 0; i < frames.size(); i++) {
            Picture frame = frames.get(i);
            if (frame.channels() != first.channels() || frame.width() != first.width() || frame.height() != first.height()) {
                throw new ArgumentException("an animation wants frames of one shape, got " + Grid.shape(first)
                        + " and " + Grid.shape(frame));
            }
            boolean last = i == frames.size() - 1;
            out.writeBytes(new byte[] {0x21, (byte) 0xf9, 4, 4});
            shorts(out, last ? Math.min(0xffff, Math.max(4 * hundredths, 150)) : hundredths);
            out.writeBytes(new byte[] {0, 0, 0x2c});
            shorts(out, 0, 0, frame.width(), frame.height());
            out.write(grey ? 0 : 0x87);
            byte[] indices = frame.pixels();
            if (!grey) {
                Palette palette = Palette.of(frame);
                out.writeBytes(palette.table());
                indices = palette.indices(frame);
            }
            compress(indices, out);
        }
        out.write(0x3b);
        return out.toByteArray();
    }

    /** Writes the file whole or not at all. @throws java.io.UncheckedIOException where the disk refuses */
    public static void write(Path file, List<Picture> frames, int delay) {
        WholeFile.write(file, encode(frames, delay));
    }

    private static void shorts(ByteArrayOutputStream out, int... values) {
        for (int value : values) {
            out.write(value);
            out.write(value >> 8);
        }
    }

    private static byte[] greys() {
        byte[] table = new byte[3 * COLOURS];
        for (int i = 0; i < table.length; i++) table[i] = (byte) (i / 3);
        return table;
    }

    /** LZW with codes of 9 to 12 bits, low bit first, in blocks of at most 255 bytes. */
    private static void compress(byte[] indices, ByteArrayOutputStream out) {
        out.write(8);
        Bits bits = new Bits(out);
        int[] keys = new int[HASH];
        int[] codes = new int[HASH];
        Arrays.fill(keys, -1);
        int next = END + 1;
        bits.put(CLEAR);
        int prefix = indices[0] & 0xff;
        for (int i = 1; i < indices.length; i++) {
            int key = prefix << 8 | indices[i] & 0xff;
            int slot = (key * 0x9e3779b1) >>> 19;
            while (keys[slot] != -1 && keys[slot] != key) slot = slot + 1 & HASH - 1;
            if (keys[slot] == key) {
                prefix = codes[slot];
                continue;
            }
            bits.put(prefix);
            prefix = indices[i] & 0xff;
            if (next < CODES) {
                if (next == 1 << bits.size) bits.size++;
                keys[slot] = key;
                codes[slot] = next++;
            } else {
                bits.put(CLEAR);
                bits.size = 9;
                next = END + 1;
                Arrays.fill(keys, -1);
            }
        }
        bits.put(prefix);
        if (next == 1 << bits.size && next < CODES) bits.size++;   // the decoder, one code behind, has widened its codes by now
        bits.put(END);
        bits.finish();
    }

    private static final class Bits {
        private final ByteArrayOutputStream out;
        private final byte[] block = new byte[255];
        private int filled;
        private int pending;
        private int count;
        private int size = 9;

        Bits(ByteArrayOutputStream out) {
            this.out = out;
        }

        void put(int code) {
            pending |= code << count;
            count += size;
            while (count >= 8) octet();
        }

        void finish() {
            if (count > 0) octet();
            flush();
            out.write(0);
        }

        private void octet() {
            block[filled++] = (byte) pending;
            pending >>>= 8;
            count = Math.max(0, count - 8);
            if (filled == block.length) flush();
        }

        private void flush() {
            if (filled == 0) return;
            out.write(filled);
            out.write(block, 0, filled);
            filled = 0;
        }
    }

    /** At most 256 colours for one RGB frame: its own where they suffice, else the means of boxes cut where the spread is largest. */
    private record Palette(int[] colours, boolean exact) {
        static Palette of(Picture frame) {
            int[] all = colours(frame);
            int[] own = Arrays.stream(all).distinct().limit(COLOURS + 1).toArray();
            return own.length <= COLOURS ? new Palette(own, true) : new Palette(cut(all), false);
        }

        private static int[] colours(Picture frame) {
            int area = frame.height() * frame.width();
            byte[] p = frame.pixels();
            int[] colours = new int[area];
            for (int i = 0; i < area; i++) colours[i] = (p[i] & 0xff) << 16 | (p[area + i] & 0xff) << 8 | p[2 * area + i] & 0xff;
            return colours;
        }

        byte[] table() {
            byte[] table = new byte[3 * COLOURS];
            for (int i = 0; i < colours.length; i++) {
                for (int k = 0; k < 3; k++) table[3 * i + k] = (byte) (colours[i] >> 16 - 8 * k);
            }
            return table;
        }

        byte[] indices(Picture frame) {
            int[] all = colours(frame);
            byte[] indices = new byte[all.length];
            if (exact) {
                int[] sorted = colours.clone();
                Arrays.sort(sorted);
                int[] place = new int[sorted.length];
                for (int i = 0; i < colours.length; i++) place[Arrays.binarySearch(sorted, colours[i])] = i;
                for (int i = 0; i < all.length; i++) indices[i] = (byte) place[Arrays.binarySearch(sorted, all[i])];
                return indices;
            }
            short[] nearest = new short[1 << 18];
            Arrays.fill(nearest, (short) -1);
            for (int i = 0; i < all.length; i++) {
                int shift = bayer(i % frame.width(), i / frame.width());
                int cell = 0;
                for (int k = 0; k < 3; k++) {
                    int level = Math.min(255, Math.max(0, (all[i] >> 16 - 8 * k & 0xff) + shift));
                    cell = cell << 6 | level >> 2;
                }
                if (nearest[cell] < 0) nearest[cell] = nearest((cell >> 12) * 4 + 2, (cell >> 6 & 63) * 4 + 2, (cell & 63) * 4 + 2);
                indices[i] = (byte) nearest[cell];
            }
            return indices;
        }

        /** The threshold of an 8x8 ordered dither, about -DITHER/2..DITHER/2 levels. */
        private static int bayer(int x, int y) {
            int rank = 0;
            for (int bit = 0; bit < 3; bit++) rank = rank << 2 | (x >> bit & 1 ^ y >> bit & 1) << 1 | y >> bit & 1;
            return (2 * rank - 63) * DITHER / 128;
        }

        private short nearest(int r, int g, int b) {
            int best = 0;
            int least = Integer.MAX_VALUE;
            for (int i = 0; i < colours.length; i++) {
                int dr = (colours[i] >> 16) - r;
                int dg = (colours[i] >> 8 & 0xff) - g;
                int db = (colours[i] & 0xff) - b;
                int distance = 2 * dr * dr + 4 * dg * dg + 3 * db * db;  // the eye sees green best and red least of an equal step
                if (distance < least) {
                    least = distance;
                    best = i;
                }
            }
            return (short) best;
        }

        private static int[] cut(int[] all) {
            int[] sorted = all.clone();
            Box[] boxes = new Box[COLOURS];
            boxes[0] = new Box(sorted, 0, sorted.length);
            for (int n = 1; n < COLOURS; n++) {
                int widest = 0;
                for (int i = 1; i < n; i++) if (boxes[i].spread > boxes[widest].spread) widest = i;
                Box box = boxes[widest];
                int middle = box.part();
                boxes[widest] = new Box(sorted, box.from, middle);
                boxes[n] = new Box(sorted, middle, box.to);
            }
            return Arrays.stream(boxes).mapToInt(box -> box.mean).toArray();
        }
    }

    /** The colours from..to of an array; the spread is the largest sum of squared deviations among the three channels. */
    private static final class Box {
        private final int[] colours;
        private final int from;
        private final int to;
        private final int channel;
        private final int bound;
        private final int mean;
        private final double spread;

        Box(int[] colours, int from, int to) {
            this.colours = colours;
            this.from = from;
            this.to = to;
            int widest = 0;
            int middle = 0;
            int floor = 0;
            double most = -1;
            for (int k = 0; k < 3; k++) {
                long sum = 0;
                long squares = 0;
                for (int i = from; i < to; i++) {
                    int level = colours[i] >> 16 - 8 * k & 0xff;
                    sum += level;
                    squares += level * level;
                }
                double average = (double) sum / (to - from);
                middle = middle << 8 | (int) Math.round(average);
                double deviation = squares - sum * average;
                if (deviation > most) {
                    most = deviation;
                    widest = k;
                    floor = (int) average;
                }
            }
            channel = widest;
            bound = floor;
            mean = middle;
            spread = most;
        }

        /** Moves the colours up to the mean of the widest channel before the others, neither part empty; returns where the others begin. */
        int part() {
            int shift = 16 - 8 * channel;
            int low = from;
            int high = to;
            while (low < high) {
                int colour = colours[low];
                if ((colour >> shift & 0xff) <= bound) {
                    low++;
                } else {
                    colours[low] = colours[--high];
                    colours[high] = colour;
                }
            }
            return low;
        }
    }
}
