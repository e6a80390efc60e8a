package io.palitra.data;

/** The one thing needed of a JPEG's EXIF (JEITA CP-3451): how the camera was held. */
final class Exif {
    private Exif() { }

    /** The orientation, 1 to 8, of the first EXIF segment; 1 when there is none or it makes no sense. */
    static int orientation(byte[] jpeg) {
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
                if (marker == 0xe1 && length >= 16 && named(jpeg, at + 4)) return tiff(jpeg, at + 10, end);
                at = end;
            }
        }
        return 1;
    }

    private static boolean named(byte[] b, int at) {
        return b[at] == 'E' && b[at + 1] == 'x' && b[at + 2] == 'i' && b[at + 3] == 'f' && b[at + 4] == 0 && b[at + 5] == 0;
    }

    /** The tag 0x0112 of the first directory of the TIFF in [start, end); at least 8 bytes are there. */
    private static int tiff(byte[] b, int start, int end) {
        boolean little = b[start] == 'I' && b[start + 1] == 'I';
        if (!little && (b[start] != 'M' || b[start + 1] != 'M') || two(b, start + 2, little) != 42) return 1;
        long high = two(b, start + (little ? 6 : 4), little);
        long directory = start + (high << 16 | two(b, start + (little ? 4 : 6), little));
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
}
