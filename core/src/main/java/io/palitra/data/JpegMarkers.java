package io.palitra.data;

import java.util.Arrays;

/**
 * What the markers of a JPEG (ITU-T T.81) show without decoding it: how many scans it has, whether it goes on to the marker of its end, and
 * whether its scans cover all coefficients. The bits in a scan are not counted here: a decoder warns where they are too few.
 */
final class JpegMarkers {
    private static final int SOF2 = 0xc2, DHT = 0xc4, JPG = 0xc8, DAC = 0xcc, SOI = 0xd8, EOI = 0xd9, SOS = 0xda;
    private static final int UNSEEN = 99;

    private final byte[] b;
    private int scans;
    private boolean ended;
    /** The numbers that the frame gives its components. */
    private int[] components = {};
    /** By component and coefficient, how many low bits are still to come. */
    private int[][] bits = {};
    private boolean progressive;

    private JpegMarkers(byte[] b) { this.b = b; }

    static JpegMarkers of(byte[] jpeg) {
        JpegMarkers markers = new JpegMarkers(jpeg);
        markers.read();
        return markers;
    }

    int scans() { return scans; }

    /** Whether the file goes on to the marker EOI. */
    boolean ended() { return ended; }

    /** Whether there are scans of every component; in a progressive picture of each coefficient down to its last bit. */
    boolean whole() { return bits.length > 0 && Arrays.stream(bits).allMatch(k -> Arrays.stream(k).allMatch(n -> n == 0)); }

    /** Whether there is a scan of every component. */
    boolean begun() { return bits.length > 0 && Arrays.stream(bits).allMatch(k -> k[0] != UNSEEN); }

    private void read() {
        int at = 2;
        while (true) {
            // the next marker; decoders skip what stands before it
            while (at + 1 < b.length && ((b[at] & 0xff) != 0xff || b[at + 1] == 0 || (b[at + 1] & 0xff) == 0xff)) at++;
            if (at + 1 >= b.length) return;
            int marker = b[at + 1] & 0xff;
            at += 2;
            if (marker == EOI) {
                ended = true;
                return;
            }
            if (marker == 0x01 || marker >= 0xd0 && marker <= SOI) continue;
            if (at + 2 > b.length) return;
            int length = (b[at] & 0xff) << 8 | b[at + 1] & 0xff;
            int end = at + length;
            if (length < 2 || end > b.length) return;
            if (marker >= 0xc0 && marker <= 0xcf && marker != DHT && marker != JPG && marker != DAC) frame(marker, at + 2, end);
            if (marker == SOS) {
                scans++;
                scan(at + 2, end);
            }
            at = end;
        }
    }

    private void frame(int marker, int at, int end) {
        if (bits.length > 0 || at + 6 > end || at + 6 + 3 * (b[at + 5] & 0xff) > end) return;
        progressive = (marker & ~8) == SOF2;
        components = new int[b[at + 5] & 0xff];
        bits = new int[components.length][progressive ? 64 : 1];
        for (int c = 0; c < components.length; c++) {
            components[c] = b[at + 6 + 3 * c] & 0xff;
            Arrays.fill(bits[c], UNSEEN);
        }
    }

    private void scan(int at, int end) {
        if (at >= end) return;
        int n = b[at] & 0xff;
        if (at + 1 + 2 * n + 3 > end) return;
        int parameters = at + 1 + 2 * n;
        int first = progressive ? b[parameters] & 0xff : 0, last = progressive ? b[parameters + 1] & 0xff : 0;
        int low = progressive ? b[parameters + 2] & 0xf : 0;
        for (int i = 0; i < n; i++) {
            for (int c = 0; c < components.length; c++) {
                if (components[c] != (b[at + 1 + 2 * i] & 0xff)) continue;
                for (int k = first; k <= Math.min(last, 63); k++) bits[c][k] = low;
            }
        }
    }
}
