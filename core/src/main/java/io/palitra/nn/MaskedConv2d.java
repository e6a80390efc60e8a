package io.palitra.nn;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.jspecify.annotations.Nullable;

/**
 * Convolution that keeps size and whose output at a pixel depends only on pixels before it in raster order: rows from the top, pixels
 * from the left, channels in turn. The kernel holds only those taps; where channels have an order, a mask zeroes the rest of the pixel's
 * own tap. van den Oord et al. 2016, arXiv:1601.06759 and arXiv:1606.05328. x [B,in,H,W], y [B,out,H,W].
 *
 * <p>{@link PixelConv} computes the same one pixel at a time, from the pixels before it.
 */
public final class MaskedConv2d extends Module {
    /** Where the taps lie. */
    public enum Taps {
        /** In a square: all above, and in the own row those before. */
        SQUARE,
        /** In a rectangle above. With the own pixel: in the whole own row too, so that inputs must not depend on their own row. */
        ABOVE,
        /** In the own row, before. */
        ROW
    }

    private final Tensor weight;
    private final Tensor bias;
    private final @Nullable Tensor mask;
    private final int up;
    private final int down;
    private final int left;
    private final int right;
    private final int dilation;

    /**
     * @param kernel side of the square that the taps are a part of, odd
     * @param own    whether the own pixel is an input (mask B), or only those before it (mask A)
     * @param turns  channels of inputs and outputs belong to turns 0, 1, ..., turns - 1, 0, ...: with mask A the inputs from an output's
     *               own pixel are the earlier turns, with mask B its own turn also. 1 = pixels as wholes
     */
    public MaskedConv2d(int in, int out, Taps taps, int kernel, boolean own, int turns, int dilation, Rng rng) {
        if (kernel < 1 || kernel % 2 == 0) throw new ArgumentException("illegal kernel: " + kernel + ", must be odd");
        int half = kernel / 2;
        boolean seen = own || turns > 1;
        up = taps == Taps.ROW ? 0 : half;
        down = taps == Taps.ABOVE && !own ? -1 : 0;
        left = half;
        right = taps == Taps.ROW ? seen ? 0 : -1 : half;
        this.dilation = dilation;
        int height = up + down + 1, width = left + right + 1;
        if (height < 1 || width < 1) throw new ArgumentException("a kernel of " + kernel + " without the own pixel has no taps");
        long fanIn = (long) in * height * width;
        weight = parameter("weight", Init.DEFAULT.draw(rng.split(0), fanIn, out, in, height, width));
        bias = parameter("bias", Init.DEFAULT.draw(rng.split(1), fanIn, out));
        boolean partly = taps == Taps.SQUARE && (kernel > 1 || turns > 1) || taps == Taps.ROW && turns > 1;
        mask = partly ? buffer("mask", mask(in, out, height, width, taps == Taps.SQUARE ? half : width - 1, own, turns)) : null;
    }

    /** [out,in,height,width]: of the last row, the taps before {@code centre}, and of that what turns allow. */
    private static Tensor mask(int in, int out, int height, int width, int centre, boolean own, int turns) {
        float[] m = new float[out * in * height * width];
        java.util.Arrays.fill(m, 1);
        for (int o = 0; o < out; o++) {
            for (int i = 0; i < in; i++) {
                int row = ((o * in + i) * height + height - 1) * width;
                int from = i % turns, to = o % turns;
                m[row + centre] = from < to || own && from == to ? 1 : 0;
                for (int c = centre + 1; c < width; c++) m[row + c] = 0;
            }
        }
        return Torch.of(m, out, in, height, width);
    }

    private Tensor kernel() { return mask == null ? weight : weight.mul(mask); }

    public Tensor forward(Tensor x) {
        if (weight.size(2) * weight.size(3) == 1) return Torch.conv2d(x, kernel(), bias, 1, 0);
        Tensor padded = Torch.pad(x, left * dilation, right * dilation, up * dilation, down * dilation);
        return Torch.conv2d(padded, kernel(), bias, new long[] {dilation, dilation});
    }

    /** The same, one pixel at a time, with its weights as they are now. */
    public PixelConv pixelByPixel() {
        try (Scope scope = new Scope()) { return new PixelConv(kernel(), bias, up, left, Math.max(0, right), dilation); }
    }
}
