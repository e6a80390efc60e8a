package io.palitra.data;

import java.nio.charset.StandardCharsets;

/**
 * The one thing needed of a picture's EXIF (JEITA CP-3451): how the camera was held. It stands in a segment of a JPEG, in the chunk eXIf of
 * a PNG and in the chunk EXIF of a WebP. Each gives 1 to 8; 1 when there is none or it makes no sense.
 */
final class Exif {
    private static final byte[] NAME = "Exif\0\0".getBytes(StandardCharsets.US_ASCII);

    private Exif() { }

    /** Of the first EXIF segment. */
    static int jpeg(byte[] jpeg) {
        int at = 2;
        while (at + 4 <= jpeg.length && (jpeg[at] & 0xff) == 0xff) {
            int marker = jpeg[at + 1] & 0xff;
            if (marker == 0xff) {
                at++;
            } else if (marker == 0x01 || marker >= 0xd0 && marker <= 0xd8) {
                at += 2;
            } else if (marker == 0xd9 || marker == 0xda) {
                return 1;
            } else {
                int length = (jpeg[at + 2] & 0xff) << 8 | jpeg[at + 3] & 0xff;
                int end = at + 2 + length;
                if (length < 2 || end > jpeg.length) return 1;
                if (marker == 0xe1 && named(jpeg, at + 4, end)) return tiff(jpeg, at + 4, end);
                at = end;
            }
        }
        return 1;
    }

    /** Of the first chunk eXIf, before or after the pixels. */
    static int png(byte[] png) {
        long at = 8;
        while (at + 12 <= png.length) {
            int start = (int) at + 8;
            long end = start + (four(png, start - 8, false));
            if (end > png.length) return 1;
            if (is(png, start - 4, "eXIf")) return tiff(png, start, (int) end);
            at = end + 4;
        }
        return 1;
    }

    /** Of the first chunk EXIF. */
    static int webp(byte[] webp) {
        long at = 12;
        while (at + 8 <= webp.length) {
            int start = (int) at + 8;
            long end = start + four(webp, start - 4, true);
            if (end > webp.length) return 1;
            if (is(webp, start - 8, "EXIF")) return tiff(webp, start, (int) end);
            at = end + (end & 1);
        }
        return 1;
    }

    private static boolean is(byte[] b, int at, String kind) {
        for (int i = 0; i < 4; i++) if (b[at + i] != kind.charAt(i)) return false;
        return true;
    }

    private static boolean named(byte[] b, int at, int end) {
        if (end - at < NAME.length) return false;
        for (int i = 0; i < NAME.length; i++) if (b[at + i] != NAME[i]) return false;
        return true;
    }

    /** The tag 0x0112 of the first directory of the TIFF in [from, end), which some programs begin as JPEG does. */
    private static int tiff(byte[] b, int from, int end) {
        int start = named(b, from, end) ? from + NAME.length : from;
        if (end - start < 8) return 1;
        boolean little = b[start] == 'I' && b[start + 1] == 'I';
        if (!little && (b[start] != 'M' || b[start + 1] != 'M') || two(b, start + 2, little) != 42) return 1;
        long directory = start + four(b, start + 4, little);
        if (directory + 2 > end) return 1;
        int count = two(b, (int) directory, little);
        for (long entry = directory + 2; count > 0 && entry + 12 <= end; count--, entry += 12) {
            int at = (int) entry;
            if (two(b, at, little) == 0x0112) {
                int value = two(b, at + 8, little);
                return two(b, at + 2, little) == 3 && value >= 1 && value <= 8 ? value : 1;
            }
        }
        return 1;
    }

    private static int two(byte[] b, int at, boolean little) {
        int first = b[at] & 0xff;
        int second = b[at + 1] & 0xff;
        return little ? second << 8 | first : first << 8 | second;
    }

    private static long four(byte[] b, int at, boolean little) {
        long first = two(b, at, little);
        long second = two(b, at + 2, little);
        return little ? second << 16 | first : first << 16 | second;
    }
}
