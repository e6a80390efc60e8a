package io.palitra.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.junit.jupiter.api.Test;

/** Laws of the distances and of the neighbour measures. */
class DistanceTest {
    private static Tensor matrix(int n, double... v) { return Torch.of(v, n, v.length / n); }

    private static double frechet(Tensor x, Tensor y) {
        try (Moments a = new Moments(); Moments b = new Moments()) {
            a.add(x);
            b.add(y);
            return Frechet.distance(a, b);
        }
    }

    @Test void theFrechetDistanceOfTwoSmallNormalsHasItsKnownValue() {
        try (Scope scope = new Scope()) {
            Tensor a = matrix(2, 2, 0.5, 0.5, 1), b = matrix(2, 1, -0.3, -0.3, 3);
            Tensor zero = Torch.of(new double[] {0, 0}, 2), apart = Torch.of(new double[] {1, 2}, 2);
            assertThat(Frechet.distance(zero, a, apart, b)).isCloseTo(5.929312, within(1e-6));
            assertThat(Frechet.distance(apart, b, zero, a)).isCloseTo(5.929312, within(1e-6));
        }
    }

    @Test void theFrechetDistanceFromZerosToOnesUnderTheIdentityIsTheNumberOfDims() {
        try (Scope scope = new Scope()) {
            int d = 512;
            double[] ones = new double[d], identity = new double[d * d];
            for (int i = 0; i < d; i++) {
                ones[i] = 1;
                identity[i * d + i] = 1;
            }
            Tensor eye = Torch.of(identity, d, d);
            assertThat(Frechet.distance(Torch.zeros(DType.F64, d), eye, Torch.of(ones, d), eye)).isCloseTo(d, within(1e-6));
        }
    }

    @Test void theFrechetDistanceOfASetFromItselfIsZeroEvenWithFewerItemsThanDims() {
        try (Scope scope = new Scope()) {
            Tensor x = new Rng(3).normal(10, 40);
            assertThat(frechet(x, x)).isBetween(0.0, 1e-5);
            assertThat(frechet(x, x.add(1))).isCloseTo(40, within(1e-4));
        }
    }

    @Test void theKernelDistanceHasNoBias() {
        try (Scope scope = new Scope()) {
            Rng rng = new Rng(4);
            double sum = 0, squares = 0;
            for (int i = 0; i < 200; i++) {
                try (Scope turn = new Scope()) {
                    double d = KernelDistance.squared(rng.normal(20, 5), rng.normal(30, 5));
                    sum += d;
                    squares += d * d;
                }
            }
            double mean = sum / 200, error = Math.sqrt((squares / 200 - mean * mean) / 200);
            assertThat(mean).isCloseTo(0, within(4 * error));
            assertThat(error).isLessThan(0.05);   // the biased form is 0.7 above
            assertThat(KernelDistance.squared(rng.normal(200, 5), rng.normal(200, 5).add(1))).isGreaterThan(1);
        }
    }

    @Test void theKernelDistanceOfFourPointsIsTheHandComputedOne() {
        try (Scope scope = new Scope()) {   // k(1,2) = 27, k(3,0) = 1; across: k(1,3) = 64, k(1,0) = 1, k(2,3) = 343, k(2,0) = 1
            assertThat(KernelDistance.squared(matrix(2, 1, 2), matrix(2, 3, 0))).isCloseTo(27 + 1 - 2 * 409 / 4.0, within(1e-12));
            assertThatThrownBy(() -> KernelDistance.squared(matrix(1, 1), matrix(2, 3, 0)))
                .hasMessage("the kernel distance wants features [N,D] and [M,D] of at least 2 rows, got 1×1 and 2×1");
        }
    }

    @Test void samplesOfHalfTheDataArePreciseButRecallHalf() {
        try (Scope scope = new Scope()) {
            Tensor left = new Rng(5).normal(1500, 2), right = new Rng(6).normal(1500, 2).add(100), fake = new Rng(7).normal(1500, 2);
            PrecisionRecall p = PrecisionRecall.of(Torch.cat(0, left, right), fake, 3);
            assertThat(p.precision()).isGreaterThan(0.9);
            assertThat(p.recall()).isCloseTo(0.48, within(0.03));
            assertThat(p.coverage()).isCloseTo(0.46, within(0.04));
            PrecisionRecall reverse = PrecisionRecall.of(fake, Torch.cat(0, left, right), 3);
            assertThat(reverse.recall()).isEqualTo(p.precision());
            assertThat(reverse.precision()).isEqualTo(p.recall());
        }
    }

    @Test void oneOutlierInTheDataRaisesPrecisionButHardlyDensity() {
        try (Scope scope = new Scope()) {   // the outlier's ball holds all samples: why density was made
            Tensor real = new Rng(8).normal(500, 2), far = new Rng(9).normal(500, 2).add(20);
            Tensor outlier = Torch.cat(0, real, Torch.full(60, 1, 2));
            assertThat(PrecisionRecall.of(real, far, 3).precision()).isEqualTo(0);
            assertThat(PrecisionRecall.of(outlier, far, 3).precision()).isEqualTo(1);
            assertThat(PrecisionRecall.of(outlier, far, 3).density()).isCloseTo(1 / 3.0, within(1e-9));
        }
    }

    @Test void equalFeaturesAreWithinEachOthersBallsHoweverANetworkRoundsThem() {
        try (Scope scope = new Scope()) {
            Tensor one = new Rng(20).normal(1, 64).mul(30), real = one.expand(40, 64), fake = one.expand(30, 64);
            for (double rounding : new double[] {0, 1e-7}) {
                Tensor noisy = fake.mul(new Rng(21).normal(30, 64).mul(rounding).add(1));
                PrecisionRecall p = PrecisionRecall.of(real, noisy, 3);
                assertThat(p).isEqualTo(new PrecisionRecall(1, 1, 40 / 3.0, 1));   // every sample is in all 40 balls
            }
            assertThat(PrecisionRecall.of(real, fake.add(1), 3)).isEqualTo(new PrecisionRecall(0, 0, 0, 0));
            Tensor zeros = Torch.zeros(9, 4);
            assertThat(PrecisionRecall.of(zeros, zeros, 3)).isEqualTo(new PrecisionRecall(1, 1, 3, 1));
        }
    }

    /** Kynkaanniemi et al., equations 1 and 2; Naeem et al., equations 5 and 6; balls are closed. */
    private static PrecisionRecall byDefinition(double[][] real, double[][] fake, int k) {
        double precision = 0, recall = 0, density = 0, coverage = 0;
        for (double[] y : fake) {
            int in = 0;
            for (double[] x : real) if (distance(x, y) <= radius(x, real, k)) in++;
            precision += in > 0 ? 1 : 0;
            density += in;
        }
        for (double[] x : real) {
            boolean held = false, holds = false;
            for (double[] y : fake) {
                held |= distance(x, y) <= radius(y, fake, k);
                holds |= distance(x, y) <= radius(x, real, k);
            }
            recall += held ? 1 : 0;
            coverage += holds ? 1 : 0;
        }
        return new PrecisionRecall(precision / fake.length, recall / real.length, density / fake.length / k, coverage / real.length);
    }

    private static double distance(double[] a, double[] b) { return Math.hypot(a[0] - b[0], a[1] - b[1]); }

    /** The smallest of all distances is that of the point itself. */
    private static double radius(double[] of, double[][] set, int k) {
        return java.util.Arrays.stream(set).mapToDouble(p -> distance(of, p)).sorted().toArray()[k];
    }

    @Test void pointsThatLieOnOneAnotherAreMeasuredByTheDefinitions() {
        java.util.Random random = new java.util.Random(22);
        for (int trial = 0; trial < 20; trial++) {
            double[][][] sets = new double[2][60][2];
            for (double[][] set : sets) for (double[] p : set) for (int c = 0; c < 2; c++) p[c] = random.nextInt(2 + trial / 4);
            try (Scope scope = new Scope()) {
                Tensor[] t = new Tensor[2];
                for (int s = 0; s < 2; s++) {
                    t[s] = Torch.of(java.util.Arrays.stream(sets[s]).flatMapToDouble(java.util.Arrays::stream).toArray(), 60, 2);
                }
                PrecisionRecall p = PrecisionRecall.of(t[0], t[1], 3), want = byDefinition(sets[0], sets[1], 3);
                assertThat(new double[] {p.precision(), p.recall(), p.density(), p.coverage()}).as("trial " + trial)
                    .containsExactly(new double[] {want.precision(), want.recall(), want.density(), want.coverage()}, within(1e-9));
            }
        }
    }

    @Test void theInceptionScoreRunsFromOneToTheNumberOfClasses() {
        try (Scope scope = new Scope()) {
            double[] certain = new double[25];
            for (int i = 0; i < 5; i++) certain[i * 6] = 1000;
            assertThat(InceptionScore.of(Torch.of(certain, 5, 5))).isCloseTo(5, within(1e-9));
            assertThat(InceptionScore.of(Torch.of(certain, 5, 5).rows(2, 1).expand(7, 5))).isCloseTo(1, within(1e-9));
            assertThat(InceptionScore.of(Torch.zeros(6, 3))).isCloseTo(1, within(1e-9));
        }
    }

    @Test void halvingTheErrorGainsSixDecibels() {
        try (Scope scope = new Scope()) {
            Tensor x = new Rng(10).uniform(2, 1, 4, 4), e = Torch.full(0.2, 2, 1, 4, 4);
            double[] once = Psnr.decibels(x, x.add(e), 2).doubles(), half = Psnr.decibels(x, x.add(e.mul(0.5)), 2).doubles();
            assertThat(once[0]).isCloseTo(20, within(1e-4));
            assertThat(half[1] - once[1]).isCloseTo(20 * Math.log10(2), within(1e-4));
            assertThat(Psnr.decibels(x, x, 2).doubles()).containsOnly(Double.POSITIVE_INFINITY);
            assertThatThrownBy(() -> Psnr.decibels(x, x.rows(0, 1), 2))
                .hasMessage("PSNR wants equal shapes, got 2×1×4×4, 1×1×4×4");
        }
    }

    @Test void subsetsOfTheKernelDistanceMeetItsMeanAndRepeat() {
        try (Scope scope = new Scope()) {
            Tensor x = new Rng(11).normal(1500, 4), y = new Rng(12).normal(1300, 4).add(0.5);
            KernelDistance.Subsets k = KernelDistance.subsets(x, y, 40, new Rng(1));
            assertThat(k.size()).isEqualTo(1000);
            assertThat(k.mean()).isCloseTo(KernelDistance.squared(x, y), within(4 * k.deviation()));
            assertThat(k.deviation()).isPositive();
            assertThat(KernelDistance.subsets(x, y, 40, new Rng(1))).isEqualTo(k);
            // of as few rows as there are, every subset is the whole set
            KernelDistance.Subsets few = KernelDistance.subsets(x.rows(0, 30), y.rows(0, 30), 5, new Rng(1));
            assertThat(few.mean()).isCloseTo(KernelDistance.squared(x.rows(0, 30), y.rows(0, 30)), within(1e-9));
        }
    }

    @Test void onALineTheSlicedDistanceIsThatOfTheSortedValues() {
        try (Scope scope = new Scope()) {
            double distance = SlicedWasserstein.distance(matrix(3, 5, 1, 2), matrix(3, 2, 3, 9), 7, new Rng(2));
            assertThat(distance).isCloseTo(Math.sqrt((1 + 1 + 16) / 3.0), within(1e-12));   // 1-2, 2-3, 5-9
        }
    }

    @Test void aShiftMovesTheSlicedDistanceByItsLengthOverTheRootOfTheDims() {
        try (Scope scope = new Scope()) {
            Tensor x = new Rng(13).normal(400, 8), shuffled = x.flip(0);
            assertThat(SlicedWasserstein.distance(x, shuffled, 64, new Rng(3))).isCloseTo(0, within(1e-12));
            assertThat(SlicedWasserstein.distance(x, x.add(2), 20_000, new Rng(3))).isCloseTo(2, within(0.03));   // |2 ... 2| / sqrt(8)
            assertThatThrownBy(() -> SlicedWasserstein.distance(x, x.rows(0, 3), 4, new Rng(3)))
                .hasMessage("the sliced distance wants features [N,D], twice, got 400×8 and 3×8");
        }
    }

    @Test void structuralSimilarityOfFlatPicturesIsThatOfTheirGreys() {
        try (Scope scope = new Scope()) {
            Tensor a = Torch.full(0.4, 2, 3, 12, 15), b = Torch.full(0.6, 2, 3, 12, 15);
            double c1 = 1e-4;
            for (double v : Ssim.of(a, b, 1).doubles()) {
                assertThat(v).isCloseTo((2 * 0.4 * 0.6 + c1) / (0.4 * 0.4 + 0.6 * 0.6 + c1), within(1e-6));
            }
        }
    }

    @Test void structuralSimilarityIsOneForTheSameAndLessTheMoreNoise() {
        try (Scope scope = new Scope()) {
            Tensor x = new Rng(14).uniform(3, 1, 20, 20), noise = new Rng(15).normal(3, 1, 20, 20);
            assertThat(Ssim.of(x, x, 1).doubles()).containsOnly(1.0);
            double little = Ssim.of(x, x.add(noise.mul(0.1)), 1).mean().item(), much = Ssim.of(x, x.add(noise), 1).mean().item();
            assertThat(little).isBetween(much + 0.2, 0.99);
            assertThat(Ssim.of(x, x.neg().add(1), 1).mean().item()).isNegative();
            assertThat(Ssim.of(x, noise, 1).doubles()).isEqualTo(Ssim.of(noise, x, 1).doubles());
            assertThatThrownBy(() -> Ssim.of(x.narrow(2, 0, 10), x.narrow(2, 0, 10), 1)).hasMessage("SSIM wants pictures [B,C,H,W], twice, "
                + "of at least 11x11 pixels, got 3×1×10×20 and 3×1×10×20");
        }
    }

    @Test void theInceptionScoreOfAStreamIsThatOfTheWhole() {
        try (Scope scope = new Scope()) {
            Tensor logits = new Rng(16).normal(50, 6).mul(3);
            InceptionScore parts = new InceptionScore(), again = new InceptionScore();
            parts.add(logits.rows(0, 20));
            again.restore(parts.state());
            again.add(logits.rows(20, 30));
            assertThat(again.score()).isCloseTo(InceptionScore.of(logits), within(1e-12));
        }
    }
}
