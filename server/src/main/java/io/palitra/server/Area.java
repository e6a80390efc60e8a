package io.palitra.server;

import io.palitra.data.Picture;

/** Another size by what of the old pixels lies below each new one: exact repetition for multiples, the mean for parts. */
final class Area {
    private Area() {}

    static Picture resize(Picture in, int height, int width) {
        float[] rows = along(in.pixels(), in.channels(), in.height(), height, in.width());
        float[] all = new float[in.channels() * height * width];
        for (int r = 0; r < in.channels() * height; r++) line(rows, r * in.width(), 1, in.width(), all, r * width, 1, width);
        byte[] pixels = new byte[all.length];
        for (int i = 0; i < all.length; i++) pixels[i] = (byte) Math.round(all[i]);
        return new Picture(in.channels(), height, width, pixels);
    }

    private static float[] along(byte[] pixels, int channels, int from, int to, int width) {
        float[] in = new float[pixels.length], out = new float[channels * to * width];
        for (int i = 0; i < in.length; i++) in[i] = pixels[i] & 0xff;
        for (int c = 0; c < channels; c++) {
            for (int x = 0; x < width; x++) line(in, c * from * width + x, width, from, out, c * to * width + x, width, to);
        }
        return out;
    }

    private static void line(float[] in, int at, int step, int from, float[] out, int put, int next, int to) {
        double ratio = (double) from / to;
        for (int o = 0; o < to; o++) {
            double begin = o * ratio, end = Math.min(from, (o + 1) * ratio), sum = 0;
            for (int i = (int) begin; i < from && i < end; i++) {
                sum += in[at + i * step] * (Math.min(end, i + 1) - Math.max(begin, i));
            }
            out[put + o * next] = (float) (sum / (end - begin));
        }
    }
}
