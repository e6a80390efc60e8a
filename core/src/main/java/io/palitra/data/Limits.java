package io.palitra.data;

import io.palitra.config.ArgumentException;

/**
 * Hard caps of the readers: what a file may ask for before it is refused. Passed in, never global.
 *
 * @param pixels pixels of one picture; 64 Mpx take 256 MiB while they are decoded, and no camera in common use gives more
 * @param side pixels along one side; 16384 is the largest that WebP allows, and keeps a 1-pixel-high picture from making huge rows
 * @param ratio pixels a picture may claim per byte of its file, beyond a first megapixel; deflate gains at most 1032, so more is a lie
 * @param pictureBytes bytes of one encoded picture; 64 MiB hold 64 Mpx at 8 bits a pixel
 * @param arrayBytes bytes of one array file once unpacked; 1 GiB fits a Java array and is twenty times MNIST
 * @param entries files in one folder or archive; 2,000,000 is above the 1.3 million of ImageNet, and their names fit in memory
 * @param depth folders inside folders; 32 is more than anyone sorts by hand
 * @param millis time to decode one picture, in ms; 20 s is ten times what 64 Mpx take
 */
public record Limits(long pixels, int side, int ratio, int pictureBytes, int arrayBytes, int entries, int depth, long millis) {
    /** Those of a program that reads what people give it. */
    public static final Limits DEFAULT = new Limits(64L << 20, 16384, 1000, 64 << 20, 1 << 30, 2_000_000, 32, 20_000);

    public Limits {
        positive("pixels", pixels);
        positive("side", side);
        positive("ratio", ratio);
        positive("pictureBytes", pictureBytes);
        positive("arrayBytes", arrayBytes);
        positive("entries", entries);
        positive("depth", depth);
        positive("millis", millis);
    }

    private static void positive(String what, long value) {
        if (value < 1) throw new ArgumentException("illegal " + what + ": " + value + ", must be at least 1");
    }

    /** Refuses a picture whose header claims more than allowed. Called before anything of that size is allocated. */
    public void check(String file, long width, long height, long fileBytes) {
        if (width < 1 || height < 1) throw new FormatException(file, -1, "the header claims " + width + "x" + height + " pixels");
        if (width > side || height > side) {
            throw new FormatException(file, -1, "the header claims " + width + "x" + height + " pixels; a side has at most " + side);
        }
        if (width * height > pixels) {
            throw new FormatException(file, -1, "the header claims " + width + "x" + height + " pixels; at most " + pixels + " are read");
        }
        if (width * height > (1 << 20) && width * height / ratio > fileBytes) {
            throw new FormatException(file, -1, "the header claims " + width + "x" + height + " pixels in " + fileBytes + " bytes");
        }
    }
}
