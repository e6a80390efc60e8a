package io.palitra.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

class ResamplingTest {
    private static final int[] NONE = {0, 0, 0, 0}, ONE = {1, 1, 1, 1};

    private static Tensor low() { return Resampling.filter(List.of(1.0, 3.0, 3.0, 1.0)).to(DType.F64); }

    private static Tensor normal(long seed, long... shape) { return new Rng(seed).normal(shape).to(DType.F64); }

    @Test void anEvenPictureStaysEvenInsideWhenItIsMadeLargerAndSmaller() {
        try (Scope scope = new Scope()) {
            Tensor x = Torch.ones(1, 2, 8, 8).to(DType.F64);
            Tensor large = Resampling.upsample(x, low()), small = Resampling.downsample(x, low());
            assertThat(large.shape()).containsExactly(1, 2, 16, 16);
            assertThat(small.shape()).containsExactly(1, 2, 4, 4);
            assertThat(large.narrow(2, 2, 12).narrow(3, 2, 12).sub(1).abs().max().item()).isLessThan(1e-12);
            assertThat(small.narrow(2, 1, 2).narrow(3, 1, 2).sub(1).abs().max().item()).isLessThan(1e-12);
        }
    }

    @Test void aFilterOfManyTapsServesRowsAndThenColumns() {
        try (Scope scope = new Scope()) {
            List<Double> taps = List.of(1.0, 2.0, 3.0, 4.0, 4.0, 3.0, 2.0, 0.5);
            Tensor f = Resampling.filter(taps).to(DType.F64), x = normal(1, 2, 3, 12, 12);
            assertThat(f.shape()).containsExactly(8);
            Tensor whole = f.reshape(8, 1).mul(f.reshape(1, 8));
            for (boolean flip : new boolean[] {false, true}) {
                Tensor a = Resampling.upsample(x, f, new int[] {2, 2}, NONE, flip, 1), b = Resampling.upsample(x, whole, new int[] {2, 2},
                    NONE, flip, 1);
                assertThat(a.sub(b).abs().max().item()).isLessThan(1e-12);
            }
        }
    }

    @Test void aConvolutionThroughTheFilterIsTheSameAsItsStepsOneByOne() {
        try (Scope scope = new Scope()) {
            Tensor x = normal(2, 2, 3, 8, 8), f = low();
            for (int kernel : new int[] {1, 3, 5}) {
                Tensor w = normal(kernel, 4, 3, kernel, kernel);
                int k = kernel / 2;
                int[] p = {k, k, k, k};
                for (boolean correlate : new boolean[] {true, false}) {
                    Tensor plain = correlate ? w : w.flip(2, 3);
                    Tensor large = Resampling.upfirdn(x, f, new int[] {2, 2}, new int[] {1, 1}, new int[] {2 + k, 1 + k, 2 + k, 1 + k},
                        false, 4);
                    same(Resampling.conv(x, w, f, 2, 1, p, correlate), Torch.conv2d(large, plain, null, 1, 0));
                    Tensor smooth = Resampling.upfirdn(x, f, new int[] {1, 1}, new int[] {1, 1}, new int[] {1 + k, 1 + k, 1 + k, 1 + k},
                        false, 1);
                    same(Resampling.conv(x, w, f, 1, 2, p, correlate), Torch.conv2d(smooth, plain, null, 2, 0));
                }
            }
        }
    }

    private static void same(Tensor a, Tensor b) {
        assertThat(a.shape()).isEqualTo(b.shape());
        assertThat(a.sub(b).abs().max().item()).isLessThan(1e-10);
    }

    @Test void demodulatedOutputsHaveUnitVarianceWhateverTheStylesAre() {
        try (Scope scope = new Scope()) {
            Tensor x = normal(3, 64, 16, 8, 8), w = normal(4, 12, 16, 3, 3);
            Tensor styles = normal(5, 64, 16).mul(3).add(1);
            Tensor y = Resampling.modulated(x, w, styles, null, null, 1, 1, NONE, true, true);
            assertThat(y.var(true, false, 0, 1, 2, 3).item()).isCloseTo(1, within(0.02));
            Tensor twice = Resampling.modulated(x, w, styles.mul(7), null, null, 1, 1, NONE, true, true);
            assertThat(y.sub(twice).abs().max().item()).isLessThan(1e-6);
        }
    }

    /** The slope of |df/dx|^2 against differences of it, at places here and there. */
    private static void secondSlopes(UnaryOperator<Tensor> f, Tensor at) {
        Tensor x = at.copy().requiresGrad(true);
        Tensor slope = Torch.grad(f.apply(x), x, true).square().sum();
        double[] got = Torch.grad(slope, x, false).reshape(-1).doubles();
        double h = 1e-5;
        for (int i = 0; i < got.length; i += Math.max(1, got.length / 7)) {
            double[] sides = new double[2];
            for (int side = 0; side < 2; side++) {
                double[] moved = at.reshape(-1).doubles();
                moved[i] += side == 0 ? h : -h;
                Tensor there = Torch.of(moved, at.shape()).requiresGrad(true);
                sides[side] = Torch.grad(f.apply(there), there, true).square().sum().item();
            }
            assertThat(got[i]).isCloseTo((sides[0] - sides[1]) / (2 * h), within(1e-5 * Math.max(1, Math.abs(got[i]))));
        }
    }

    @Test void theSlopesOfEveryLayerHaveRightSlopes() {
        try (Scope scope = new Scope()) {
            Tensor x = normal(6, 2, 4, 6, 6), w = normal(7, 3, 4, 3, 3), s = normal(8, 2, 4).add(1), f = low();
            secondSlopes(t -> Resampling.upsample(t, f).square().mul(0.5).tanh().sum(), x);
            secondSlopes(t -> Resampling.downsample(t, f).tanh().sum(), x);
            for (int up : new int[] {1, 2}) {
                secondSlopes(t -> Resampling.modulated(t, w, s, null, f, up, 1, ONE, true, up == 1).tanh().sum(), x);
                secondSlopes(t -> Resampling.modulated(x, t, s, null, f, up, 1, ONE, true, up == 1).tanh().sum(), w);
                secondSlopes(t -> Resampling.modulated(x, w, t, null, f, up, 1, ONE, true, up == 1).tanh().sum(), s);
            }
            secondSlopes(t -> Resampling.modulated(x, w, t, null, f, 1, 2, ONE, false, true).tanh().sum(), s);
            secondSlopes(t -> GanLoss.withDeviation(t, 2, 2).tanh().sum(), normal(9, 4, 4, 2, 2));
            for (Gained a : Gained.values()) secondSlopes(t -> a.of(t, 1, 0.9).square().mul(0.3).tanh().sum(), normal(10, 3, 5));
            try (EqualLinear linear = new EqualLinear(5, 3, true, 0.01, 1, new Rng(1));
                EqualConv2d conv = new EqualConv2d(4, 3, 3, true, 1, 2, List.of(1.0, 3.0, 3.0, 1.0), new Rng(2))) {
                linear.to(DType.F64);
                conv.to(DType.F64);
                secondSlopes(t -> linear.forward(t).tanh().sum(), normal(11, 2, 5));
                secondSlopes(t -> conv.forward(t).tanh().sum(), x);
            }
        }
    }

    @Test void weightsOfEqualisedRateAreOfDeviationOneAndScaledInUse() {
        try (Scope scope = new Scope(); EqualLinear slow = new EqualLinear(400, 300, true, 0.01, 2, new Rng(3));
            EqualConv2d conv = new EqualConv2d(64, 64, 3, new Rng(4))) {
            Tensor w = slow.parameters().get("weight");
            assertThat(w.square().mean().sqrt().item()).isCloseTo(100, within(1.0));
            Tensor y = slow.forward(new Rng(5).normal(200, 400));
            assertThat(y.mean().item()).isCloseTo(0.02, within(0.05));
            assertThat(y.square().mean().item()).isCloseTo(1, within(0.05));
            assertThat(conv.parameters().get("weight").square().mean().item()).isCloseTo(1, within(0.03));
            Tensor z = conv.forward(new Rng(6).normal(4, 64, 16, 16)).narrow(2, 1, 14).narrow(3, 1, 14);
            assertThat(z.square().mean().item()).isCloseTo(1, within(0.05));
        }
    }

    @Test void theDeviationIsThatOfAGroup() {
        try (Scope scope = new Scope()) {
            Tensor h = normal(12, 8, 6, 2, 2);
            Tensor y = GanLoss.withDeviation(h, 4, 2);
            assertThat(y.shape()).containsExactly(8, 8, 2, 2);
            double[] x = h.reshape(-1).doubles(), got = y.narrow(1, 6, 2).reshape(-1).doubles();
            for (int item = 0; item < 8; item++) {
                for (int share = 0; share < 2; share++) {
                    double sum = 0;
                    for (int c = 3 * share; c < 3 * share + 3; c++) {
                        for (int place = 0; place < 4; place++) {
                            double[] of = new double[4];
                            for (int k = 0; k < 4; k++) of[k] = x[((item % 2 + 2 * k) * 6 + c) * 4 + place];
                            double mean = Arrays.stream(of).average().orElseThrow();
                            sum += Math.sqrt(Arrays.stream(of).map(v -> (v - mean) * (v - mean)).average().orElseThrow() + 1e-8);
                        }
                    }
                    assertThat(got[(item * 2 + share) * 4]).isCloseTo(sum / 12, within(1e-10));
                    assertThat(got[(item * 2 + share) * 4 + 3]).isCloseTo(sum / 12, within(1e-10));
                }
            }
            assertThat(GanLoss.withDeviation(normal(13, 7, 3), 4, 1).shape()).containsExactly(7, 4);   // a batch that 4 does not divide
        }
    }

    @Test void aPictureThatIsSmallerThanTheFilterIsRefusedWithBothSizes() {
        try (Scope scope = new Scope()) {
            assertThatThrownBy(() -> Resampling.upfirdn(normal(1, 1, 1, 2, 2), low(), new int[] {1, 1}, new int[] {1, 1}, NONE, false, 1))
                .isInstanceOf(IllegalArgumentException.class).hasMessage("a filter of 4x4 does not fit pictures of 2x2");
        }
    }
}
