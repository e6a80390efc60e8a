package io.palitra.paint;

import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.engine.DType;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A picture to edit, at the size it will have.
 *
 * @param picture RGB
 * @param mask    how far each pixel is drawn anew, 0 to 255, softened; null = all are
 * @param hard    the same before it was softened
 */
record Canvas(Picture picture, byte @Nullable [] mask, byte @Nullable [] hard) {
    /** @param width 0 = of the picture; @param height likewise */
    static Canvas of(PaintRequest.Edit edit, int width, int height) {
        Picture rgb = Pictures.rgb(edit.picture());
        Picture white = edit.mask() == null ? null : Pictures.grey(edit.mask());
        if (width > 0 || height > 0) {
            int h = height > 0 ? height : rgb.height(), w = width > 0 ? width : rgb.width();
            rgb = Pictures.fit(rgb, h, w);
            if (white != null) white = Pictures.fit(white, h, w);
        }
        if (!edit.inpaints()) return new Canvas(rgb, null, null);
        PaintRequest.Margin m = edit.margin();
        int h = rgb.height() + m.top() + m.bottom(), w = rgb.width() + m.left() + m.right();
        byte[] pixels = new byte[3 * h * w], hard = new byte[h * w];
        for (int y = 0; y < h; y++) {
            int fromY = clamp(y - m.top(), rgb.height());
            for (int x = 0; x < w; x++) {
                int fromX = clamp(x - m.left(), rgb.width());
                boolean inside = fromY == y - m.top() && fromX == x - m.left();
                for (int c = 0; c < 3; c++) pixels[(c * h + y) * w + x] = rgb.pixels()[(c * rgb.height() + fromY) * rgb.width() + fromX];
                byte drawn = white == null ? 0 : white.pixels()[fromY * rgb.width() + fromX];
                hard[y * w + x] = inside ? drawn : (byte) 255;
            }
        }
        return new Canvas(new Picture(3, h, w, pixels), softened(hard, h, w, edit.blur()), hard);
    }

    private static int clamp(int i, int n) { return Math.max(0, Math.min(n - 1, i)); }

    /** Gaussian blur of that standard deviation in pixels: rows then columns, edges repeated. */
    private static byte[] softened(byte[] in, int h, int w, int deviation) {
        if (deviation == 0) return in;
        int reach = 3 * deviation;
        float[] kernel = new float[2 * reach + 1];
        float sum = 0;
        for (int i = -reach; i <= reach; i++) {
            kernel[i + reach] = (float) Math.exp(-0.5 * i * i / ((double) deviation * deviation));
            sum += kernel[i + reach];
        }
        for (int i = 0; i < kernel.length; i++) kernel[i] /= sum;
        float[] x = new float[in.length], y = new float[in.length];
        for (int i = 0; i < in.length; i++) x[i] = in[i] & 0xff;
        blur(x, y, h, w, w, 1, kernel);
        blur(y, x, w, h, 1, w, kernel);
        byte[] out = new byte[in.length];
        for (int i = 0; i < out.length; i++) out[i] = (byte) Math.max(0, Math.min(255, Math.round(x[i])));
        return out;
    }

    /** Along the inner direction of {@code lines} lines of n numbers. */
    private static void blur(float[] in, float[] out, int lines, int n, int line, int next, float[] kernel) {
        int reach = kernel.length / 2;
        for (int l = 0; l < lines; l++) {
            for (int i = 0; i < n; i++) {
                float sum = 0;
                for (int k = -reach; k <= reach; k++) sum += kernel[k + reach] * in[l * line + clamp(i + k, n) * next];
                out[l * line + i * next] = sum;
            }
        }
    }

    int width() { return picture.width(); }

    int height() { return picture.height(); }

    /** [1,3,H,W] in -1 to 1. */
    Tensor pixels() {
        return Torch.of(picture.pixels(), 1, 3, height(), width()).to(DType.F32).div(127.5).sub(1);
    }

    /** Grey, 0, where more than half is drawn anew: what an inpainting model sees. [1,3,H,W]. */
    Tensor seen() {
        byte[] keep = new byte[height() * width()];
        byte[] drawn = hard == null ? new byte[0] : hard;
        for (int i = 0; i < drawn.length; i++) keep[i] = (byte) ((drawn[i] & 0xff) < 128 ? 1 : 0);
        if (hard == null) Arrays.fill(keep, (byte) 1);
        return pixels().mul(Torch.of(keep, 1, 1, height(), width()).to(DType.F32));
    }

    /** Latent pixels, each of factor x factor pixels, of which any is drawn anew: 1, others 0. [1,1,H/f,W/f]. */
    Tensor drawn(int factor) {
        byte[] any = new byte[height() * width()];
        byte[] soft = mask == null ? new byte[0] : mask;
        for (int i = 0; i < soft.length; i++) any[i] = (byte) (soft[i] != 0 ? 1 : 0);
        if (mask == null) Arrays.fill(any, (byte) 1);
        return Torch.maxPool(Torch.of(any, 1, 1, height(), width()).to(DType.F32), factor);
    }

    /** A drawn picture upon this one: what the mask leaves out stays bit for bit. */
    Picture upon(Picture drawn) {
        if (mask == null) return drawn;
        byte[] out = new byte[drawn.pixels().length];
        int area = height() * width();
        for (int i = 0; i < out.length; i++) {
            int m = mask[i % area] & 0xff;
            out[i] = (byte) ((m * (drawn.pixels()[i] & 0xff) + (255 - m) * (picture.pixels()[i] & 0xff) + 127) / 255);
        }
        return new Picture(3, height(), width(), out);
    }
}
