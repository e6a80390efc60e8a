package io.palitra.nn;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Guard;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Pictures made larger and smaller through a low-pass filter, so that what is between their pixels does not show as steps: zeros
 * between the pixels, padding, the filter, every second, third, ... pixel. Karras et al. 2019, arXiv:1812.04948, appendix C; Zhang 2019,
 * arXiv:1904.11486.
 *
 * <p>All are compositions of differentiable operations, so that slopes have slopes. A filter is [fh,fw], or [f] for rows and then columns.
 * Numbers for both directions are {x, y}; padding is {left, right, above, below}, and crops where it is below 0.
 */
public final class Resampling {
    private static final int[] ONCE = {1, 1};
    private static final int[] NONE = {0, 0, 0, 0};
    private static final int SEPARABLE = 8;

    private Resampling() {}

    /** A filter of sum 1: of fewer than 8 taps their products [n,n], of more the taps themselves [n], which serve for rows and columns. */
    public static Tensor filter(List<Double> taps) {
        double sum = taps.stream().mapToDouble(t -> t).sum();
        if (taps.isEmpty() || sum == 0) throw new ArgumentException("illegal filter: " + taps + ", must have taps of a sum other than 0");
        int n = taps.size();
        boolean rows = n >= SEPARABLE;
        float[] all = new float[rows ? n : n * n];
        for (int i = 0; i < all.length; i++) {
            all[i] = (float) (rows ? taps.get(i) / sum : taps.get(i / n) * taps.get(i % n) / (sum * sum));
        }
        return rows ? Torch.of(all, n) : Torch.of(all, n, n);
    }

    /**
     * {@code up - 1} zeros after each pixel, padding, the filter times gain, and of the result every {@code down}-th pixel from the first.
     * x [B,C,H,W] to [B,C,(H up + above + below - fh) / down + 1,...].
     *
     * @param filter null for a single tap of 1
     * @param flip whether the filter is correlated; else it is turned, which is a convolution
     */
    public static Tensor upfirdn(Tensor x, @Nullable Tensor filter, int[] up, int[] down, int[] padding, boolean flip, double gain) {
        Tensor h = x;
        if (up[0] > 1 || up[1] > 1) {
            h = Torch.pad(h.reshape(x.size(0), x.size(1), x.size(2), 1, x.size(3), 1), 0, up[0] - 1, 0, 0, 0, up[1] - 1)
                .reshape(x.size(0), x.size(1), x.size(2) * up[1], x.size(3) * up[0]);
        }
        h = padded(h, padding);
        if (h.size(2) < extent(filter, 0) || h.size(3) < extent(filter, 1)) {
            throw new ArgumentException("a filter of " + extent(filter, 0) + "x" + extent(filter, 1) + " does not fit pictures of "
                + h.size(2) + "x" + h.size(3));
        }
        if (filter == null) return (down[1] > 1 ? h.every(2, down[1]) : h).every(3, down[0]).mul(gain);
        Tensor f = filter.to(h.dtype()).mul(filter.dims() == 1 ? Math.sqrt(gain) : gain);
        if (!flip) f = filter.dims() == 1 ? f.flip(0) : f.flip(0, 1);
        if (f.dims() == 2) return filtered(h, f, down);
        return filtered(filtered(h, f.reshape(1, -1), new int[] {down[0], 1}), f.reshape(-1, 1), new int[] {1, down[1]});
    }

    /** Every channel by itself. */
    private static Tensor filtered(Tensor x, Tensor f, int[] down) {
        int channels = (int) x.size(1);
        Tensor each = f.reshape(1, 1, f.size(0), f.size(1)).expand(channels, 1, f.size(0), f.size(1)).contiguous();
        return Torch.conv2d(x, each, new long[] {down[1], down[0]}, channels);
    }

    private static Tensor padded(Tensor x, int[] p) {
        return p[0] == 0 && p[1] == 0 && p[2] == 0 && p[3] == 0 ? x : Torch.pad(x, new long[] {p[0], p[1], p[2], p[3]});
    }

    /** Rows (0) or columns (1) of a filter. */
    private static int extent(@Nullable Tensor filter, int dim) {
        return filter == null ? 1 : (int) filter.size(filter.dims() == 1 ? 0 : dim);
    }

    /** Filtered, as large as before if padding is 0. */
    public static Tensor filter(Tensor x, Tensor filter, int[] padding, boolean flip, double gain) {
        int h = extent(filter, 0), w = extent(filter, 1);
        return upfirdn(x, filter, ONCE, ONCE, plus(padding, w / 2, (w - 1) / 2, h / 2, (h - 1) / 2), flip, gain);
    }

    /** {@code up} times as large if padding is 0, as bright as before if gain is 1. */
    public static Tensor upsample(Tensor x, Tensor filter, int[] up, int[] padding, boolean flip, double gain) {
        return upfirdn(x, filter, up, ONCE, aroundUp(padding, filter, up), flip, gain * up[0] * up[1]);
    }

    /** Twice as large. */
    public static Tensor upsample(Tensor x, Tensor filter) { return upsample(x, filter, new int[] {2, 2}, NONE, false, 1); }

    /** A {@code down}-th as large if padding is 0. */
    public static Tensor downsample(Tensor x, Tensor filter, int[] down, int[] padding, boolean flip, double gain) {
        return upfirdn(x, filter, ONCE, down, aroundDown(padding, filter, down), flip, gain);
    }

    /** Half as large. */
    public static Tensor downsample(Tensor x, Tensor filter) { return downsample(x, filter, new int[] {2, 2}, NONE, false, 1); }

    private static int[] aroundUp(int[] padding, @Nullable Tensor filter, int[] up) {
        int h = extent(filter, 0), w = extent(filter, 1);
        return plus(padding, (w + up[0] - 1) / 2, Math.floorDiv(w - up[0], 2), (h + up[1] - 1) / 2, Math.floorDiv(h - up[1], 2));
    }

    private static int[] aroundDown(int[] padding, @Nullable Tensor filter, int[] down) {
        int h = extent(filter, 0), w = extent(filter, 1);
        return plus(padding, Math.floorDiv(w - down[0] + 1, 2), Math.floorDiv(w - down[0], 2), Math.floorDiv(h - down[1] + 1, 2),
            Math.floorDiv(h - down[1], 2));
    }

    private static int[] plus(int[] p, int left, int right, int above, int below) {
        return new int[] {p[0] + left, p[1] + right, p[2] + above, p[3] + below};
    }

    /**
     * A convolution of a picture made {@code up} times as large before, or {@code down} times as small after, through the filter.
     * x [B,I,H,W], w [O,I,kh,kw] to [B,O,H up / down,...] where padding is half the kernel.
     *
     * @param filter null where up and down are 1
     * @param padding of the large picture, {left, right, above, below}
     * @param correlate whether w is correlated, as layers do; else it is turned
     */
    public static Tensor conv(Tensor x, Tensor w, @Nullable Tensor filter, int up, int down, int[] padding, boolean correlate) {
        Tensor kernel = correlate ? w : w.flip(2, 3);
        if (up == 1 && down == 1) {
            boolean even = padding[0] == padding[1] && padding[2] == padding[3] && padding[0] >= 0 && padding[2] >= 0;
            return even ? Torch.conv2d(x, kernel, null, 1, new long[] {padding[2], padding[0]})
                : Torch.conv2d(padded(x, padding), kernel, null, 1, 0);
        }
        int[] p = padding, ups = {up, up}, downs = {down, down};
        if (up > 1) p = aroundUp(p, filter, ups);
        if (down > 1) p = aroundDown(p, filter, downs);
        boolean point = w.size(2) == 1 && w.size(3) == 1;
        if (up == 1) {
            if (point) return Torch.conv2d(upfirdn(x, filter, ONCE, downs, p, false, 1), kernel, null, 1, 0);
            return Torch.conv2d(upfirdn(x, filter, ONCE, ONCE, p, false, 1), kernel, null, down, 0);
        }
        double gain = (double) up * up;
        if (point && down == 1) return upfirdn(Torch.conv2d(x, kernel, null, 1, 0), filter, ups, ONCE, p, false, gain);
        // zeros between the pixels and then the turned kernel are one transposed convolution, which the filter follows
        Tensor turned = (correlate ? w.flip(2, 3) : w).transpose(0, 1);
        int h = (int) w.size(2), k = (int) w.size(3);
        int[] q = {p[0] - (k - 1), p[1] - (k - up), p[2] - (h - 1), p[3] - (h - up)};
        int cutX = Math.max(Math.min(-q[0], -q[1]), 0), cutY = Math.max(Math.min(-q[2], -q[3]), 0);
        Tensor large = Torch.convTranspose2d(x, turned, up, new long[] {cutY, cutX});
        Tensor y = upfirdn(large, filter, ONCE, ONCE, plus(q, cutX, cutX, cutY, cutY), false, gain);
        return down == 1 ? y : upfirdn(y, filter, ONCE, downs, NONE, false, 1);
    }

    /**
     * A convolution whose kernel has a scale of each input channel for each picture, which its style decides; demodulated, outputs have
     * the variance of the inputs whatever the scales are. Karras et al. 2020, arXiv:1912.04958, eqs. 1 and 3. The scales are laid on
     * inputs and outputs, which is the same and needs no kernel for each picture. x [B,I,H,W], w [O,I,kh,kw], styles [B,I].
     *
     * @param noise added to the result, as it broadcasts; null for none
     */
    public static Tensor modulated(Tensor x, Tensor w, Tensor styles, @Nullable Tensor noise, @Nullable Tensor filter, int up, int down,
            int[] padding, boolean demodulate, boolean correlate) {
        Tensor in = x.mul(styles.reshape(x.size(0), x.size(1), 1, 1).to(x.dtype()));
        Tensor y = conv(in, w, filter, up, down, padding, correlate);
        if (demodulate) y = y.mul(demodulation(w, styles).reshape(x.size(0), w.size(0), 1, 1).to(y.dtype()));
        return noise == null ? y : y.add(noise.to(y.dtype()));
    }

    /** 1 / sqrt(sum of (styles w)^2 + 1e-8), [B,O], never in half precision. */
    private static Tensor demodulation(Tensor w, Tensor styles) {
        try (Guard full = Torch.uncast(w.device())) {
            return styles.to(w.dtype()).square().matmul(w.square().sum(false, 2, 3).t()).add(1e-8).rsqrt();
        }
    }
}
