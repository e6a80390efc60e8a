package io.palitra.nn;

import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A convolution of equalised rate, see {@link EqualLinear}, with zeros around pictures so that they keep their size; where asked it makes
 * them larger or smaller through a low-pass filter, which is in its state. x [B,in,H,W], y [B,out,H up / down,W up / down].
 */
public final class EqualConv2d extends Module {
    private final Tensor weight;
    private final @Nullable Tensor bias;
    private final @Nullable Tensor filter;
    private final int up;
    private final int down;
    private final int[] padding;
    private final double scale;

    /** @param kernel odd @param taps of the low-pass filter; empty where up and down are 1 and the state has none */
    public EqualConv2d(int in, int out, int kernel, boolean withBias, int up, int down, List<Double> taps, Rng rng) {
        weight = parameter("weight", rng.normal(out, in, kernel, kernel));
        bias = withBias ? parameter("bias", Torch.zeros(out)) : null;
        filter = taps.isEmpty() ? null : buffer("resample_filter", Resampling.filter(taps));
        this.up = up;
        this.down = down;
        int p = kernel / 2;
        padding = new int[] {p, p, p, p};
        scale = 1 / Math.sqrt((double) in * kernel * kernel);
    }

    public EqualConv2d(int in, int out, int kernel, Rng rng) { this(in, out, kernel, true, 1, 1, List.of(), rng); }

    public Tensor forward(Tensor x) {
        Tensor y = Resampling.conv(x, weight.mul(scale), filter, up, down, padding, up == 1);
        return bias == null ? y : y.add(bias.reshape(1, -1, 1, 1).to(y.dtype()));
    }
}
