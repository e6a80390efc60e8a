package io.palitra.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Convolutions against the same in double precision, over channels that fill vectors of the processor and that do not. */
class ConvolutionTest {
    private static final int[] CHANNELS = {1, 2, 3, 5, 7, 8, 12, 16, 20, 24, 32, 48, 64, 100};

    private static double distance(Tensor got, Tensor wanted) {
        return got.detach().to(DType.F64).sub(wanted.detach()).abs().max().item() / wanted.detach().abs().max().item();
    }

    private static Tensor layer(Tensor x, Tensor w, boolean transposed, int stride, int padding) {
        return transposed ? Torch.convTranspose2d(x, w, null, stride, padding, 0) : Torch.conv2d(x, w, null, stride, padding);
    }

    private static void compare(DType type, double tolerance) {
        for (int i = 0; i < 120; i++) {
            try (Scope scope = new Scope()) {
                long[] draws = new Rng(i).integers(1 << 20, 8).longs();
                int in = CHANNELS[(int) draws[0] % CHANNELS.length], out = CHANNELS[(int) draws[1] % CHANNELS.length];
                int k = 1 + (int) draws[2] % 4, stride = 1 + (int) draws[3] % 2, padding = k == 1 ? 0 : (int) draws[4] % 2;
                int side = 4 + (int) draws[5] % 9, batch = 1 + (int) draws[6] % 5;
                boolean transposed = draws[7] % 4 == 0;
                String what = (transposed ? "transposed " : "") + in + " to " + out + ", kernel " + k + ", stride " + stride + ", padding "
                    + padding + ", side " + side + ", batch " + batch + ", " + type;
                Tensor x = new Rng(1000 + i).normal(batch, in, side, side).to(type);
                Tensor w = (transposed ? new Rng(2000 + i).normal(in, out, k, k) : new Rng(2000 + i).normal(out, in, k, k)).to(type);
                Tensor x64 = x.to(DType.F64).copy().requiresGrad(true), w64 = w.to(DType.F64).copy().requiresGrad(true);
                x = x.copy().requiresGrad(true);
                w = w.copy().requiresGrad(true);
                Tensor y = layer(x, w, transposed, stride, padding), y64 = layer(x64, w64, transposed, stride, padding);
                y.to(DType.F32).square().sum().backward();
                y64.square().sum().backward();
                assertThat(distance(y, y64)).as(what).isLessThan(tolerance);
                assertThat(distance(x.grad(), x64.grad())).as("gradient of x, " + what).isLessThan(tolerance);
                assertThat(distance(w.grad(), w64.grad())).as("gradient of w, " + what).isLessThan(tolerance);
            }
        }
    }

    @Test void singlePrecisionComputesWhatDoubleDoes() { compare(DType.F32, 1e-3); }

    @Test void halfPrecisionComputesWhatDoubleDoesToItsDigits() { compare(DType.BF16, 5e-2); }
}
