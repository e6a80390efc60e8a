package io.palitra.server;

import io.palitra.data.FormatException;
import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import java.awt.image.BufferedImage;

/** Pictures of other sizes, and masks the way round that they are painted. */
final class OpenAiPictures {
    private OpenAiPictures() {}

    static BufferedImage image(Picture p) {
        boolean grey = p.channels() == 1;
        int n = p.width() * p.height();
        BufferedImage image = new BufferedImage(p.width(), p.height(), grey ? BufferedImage.TYPE_BYTE_GRAY : BufferedImage.TYPE_INT_RGB);
        if (grey) {
            image.getRaster().setDataElements(0, 0, p.width(), p.height(), p.pixels());
            return image;
        }
        byte[] c = p.pixels();
        int[] rgb = new int[n];
        for (int i = 0; i < n; i++) rgb[i] = (c[i] & 0xff) << 16 | (c[n + i] & 0xff) << 8 | c[2 * n + i] & 0xff;
        image.setRGB(0, 0, p.width(), p.height(), rgb, 0, p.width());
        return image;
    }

    /** Of that size: each pixel a block where it grows on both sides, else resampled. */
    static Picture sized(Picture in, int width, int height) {
        if (in.width() == width && in.height() == height) return in;
        if (width < in.width() || height < in.height()) return Pictures.resize(in, height, width);
        byte[] out = new byte[in.channels() * height * width];
        int at = 0;
        for (int c = 0; c < in.channels(); c++) {
            for (int y = 0; y < height; y++) {
                int row = (c * in.height() + (int) ((long) y * in.height() / height)) * in.width();
                for (int x = 0; x < width; x++) out[at++] = in.pixels()[row + (int) ((long) x * in.width() / width)];
            }
        }
        return new Picture(in.channels(), height, width, out);
    }

    /** @param field that it came in. @throws Refused for bytes that are no picture */
    static Picture read(byte[] bytes, String field) {
        try {
            return Pictures.read(bytes, field, Limits.DEFAULT);
        } catch (FormatException e) {
            throw new Refused(422, "bad_picture", field, String.valueOf(e.getMessage()));
        }
    }

    /**
     * How transparent each pixel is, 255 where nothing is seen: white is painted, as a mask of ours has it. Over white a pixel is lighter
     * than over black by just that.
     */
    static Picture transparency(byte[] bytes, String field) {
        Picture white = Pictures.grey(read(bytes, field)), black = Pictures.mask(bytes, field, Limits.DEFAULT);
        byte[] through = new byte[white.pixels().length];
        for (int i = 0; i < through.length; i++) {
            through[i] = (byte) Math.max(0, (white.pixels()[i] & 0xff) - (black.pixels()[i] & 0xff));
        }
        return new Picture(1, white.height(), white.width(), through);
    }

    /** Whether a part of it is white. */
    static boolean paints(Picture mask) {
        for (byte b : mask.pixels()) if ((b & 0xff) == 255) return true;
        return false;
    }
}
