package io.palitra.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.function.LongFunction;
import org.junit.jupiter.api.Test;

/** Twenty seeds each: planted collapses are flagged, healthy samples are not. */
class CollapseTest {
    private static final int N = 256;

    /** Points of {@code modes} of a 5x5 grid of normals with that deviation; which modes is drawn from rng. */
    private static Tensor gaussians(Rng rng, int modes, double deviation) {
        int[] order = rng.permutation(25);
        long[] mode = rng.integers(modes, N, 1).longs();
        float[] centre = new float[2 * N];
        for (int i = 0; i < N; i++) {
            centre[2 * i] = order[(int) mode[i]] % 5 - 2;
            centre[2 * i + 1] = order[(int) mode[i]] / 5 - 2;
        }
        return Torch.of(centre, N, 2).add(rng.normal(N, 2).mul(deviation));
    }

    /** Pictures of one bright stroke each at one of {@code kinds} of ten angles, through a random middle; width is that of the stroke. */
    private static Tensor strokes(Rng rng, int kinds, double width) {
        int side = 16;
        float[] x = new float[N * side * side];
        long[] kind = rng.integers(kinds, N, 1).longs();
        float[] middle = rng.uniform(N, 2).floats();
        for (int i = 0; i < N; i++) {
            double angle = Math.PI * kind[i] / 10, cx = 5 + 6 * middle[2 * i], cy = 5 + 6 * middle[2 * i + 1];
            for (int p = 0; p < side * side; p++) {
                double dx = p % side - cx, dy = p / side - cy;
                double across = dx * Math.sin(angle) - dy * Math.cos(angle), along = dx * Math.cos(angle) + dy * Math.sin(angle);
                double ink = Math.exp(-across * across / (2 * width * width) - along * along / 32);
                x[i * side * side + p] = (float) (2 * ink - 1);
            }
        }
        return Torch.of(x, N, 1, side, side);
    }

    private static int alarms(LongFunction<Tensor> samples, LongFunction<Tensor> real) {
        int alarms = 0;
        for (long seed = 0; seed < 20; seed++) {
            try (Scope scope = new Scope()) {
                if (Collapse.check(samples.apply(seed + 100), real.apply(seed)).alarm()) alarms++;
            }
        }
        return alarms;
    }

    @Test void pointsOfFewModesOfTwentyFiveAreFlagged() {
        for (int modes : new int[] {1, 2, 5}) {
            assertThat(alarms(s -> gaussians(new Rng(s), modes, 0.05), s -> gaussians(new Rng(s), 25, 0.05)))
                .as(modes + " modes").isEqualTo(20);
        }
    }

    @Test void pointsOfAllOrMostModesAreNotFlagged() {
        LongFunction<Tensor> real = s -> gaussians(new Rng(s), 25, 0.05);
        assertThat(alarms(real, real)).as("data").isZero();
        assertThat(alarms(s -> gaussians(new Rng(s), 20, 0.05), real)).as("20 modes").isZero();
        assertThat(alarms(s -> gaussians(new Rng(s), 25, 0.2), real)).as("four times too wide").isZero();
    }

    @Test void picturesOfOneKindOrOfOneImageAreFlagged() {
        LongFunction<Tensor> real = s -> strokes(new Rng(s), 10, 1);
        assertThat(alarms(s -> strokes(new Rng(s), 1, 1), real)).as("one kind").isGreaterThanOrEqualTo(19);
        assertThat(alarms(s -> strokes(new Rng(s), 10, 1).rows(0, 1).add(new Rng(s).normal(N, 1, 16, 16).mul(0.05)), real))
            .as("one image and a little noise").isEqualTo(20);
        assertThat(alarms(s -> new Rng(s).normal(N, 1, 16, 16).mul(0.1), real)).as("grey and a little noise").isEqualTo(20);
    }

    @Test void blurredOrNoisyPicturesOfAllKindsAreNotFlagged() {
        LongFunction<Tensor> real = s -> strokes(new Rng(s), 10, 1);
        assertThat(alarms(real, real)).as("data").isZero();
        assertThat(alarms(s -> strokes(new Rng(s), 10, 2), real)).as("blurred").isZero();
        assertThat(alarms(s -> strokes(new Rng(s), 10, 1).add(new Rng(s + 1).normal(N, 1, 16, 16).mul(0.3)), real)).as("noisy").isZero();
    }

    @Test void dataAgainstDataIsAboutOneInBothNumbers() {
        try (Scope scope = new Scope()) {
            Collapse c = Collapse.check(strokes(new Rng(1), 10, 1), strokes(new Rng(2), 10, 1));
            assertThat(c.coverage()).isBetween(0.8, 1.2);
            assertThat(c.spread()).isBetween(0.9, 1.1);
        }
    }

    @Test void batchesThatCannotBeComparedAreRefused() {
        try (Scope scope = new Scope()) {
            Tensor few = Torch.zeros(63, 2), x = new Rng(1).normal(64, 2);
            assertThatThrownBy(() -> Collapse.check(few, few)).hasMessageContaining("N at least 64, got 63×2 and 63×2");
            assertThatThrownBy(() -> Collapse.check(x.mul(Double.NaN), x)).hasMessage("samples 64×2 are not all finite");
            assertThat(Collapse.check(x, Torch.zeros(64, 2)).spread()).isEqualTo(1);
        }
    }
}
