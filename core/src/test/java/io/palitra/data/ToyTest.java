package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class ToyTest {
    /** The square [-1.2, 1.2]^2 in cells finer than every deviation, so that sums over midpoints are integrals. */
    private static final int CELLS = 180;
    private static final double EDGE = 1.2, CELL = 2 * EDGE / CELLS;

    private static final Map<Toy.Kind, double[]> LOG_DENSITIES = new ConcurrentHashMap<>();

    private static double[] logDensities(Toy toy) {
        return LOG_DENSITIES.computeIfAbsent(toy.kind(), k -> IntStream.range(0, CELLS * CELLS)
            .mapToDouble(c -> toy.logDensity(middle(c / CELLS), middle(c % CELLS))).toArray());
    }

    private static double middle(int cell) { return -EDGE + (cell + 0.5) * CELL; }

    @ParameterizedTest @EnumSource(Toy.Kind.class)
    void theDensityIntegratesToOne(Toy.Kind kind) {
        double sum = 0;
        for (double log : logDensities(new Toy(kind, Split.TRAIN))) sum += Math.exp(log) * CELL * CELL;
        assertThat(sum).isCloseTo(1, within(1e-6));
    }

    /** The mean of -log p over items estimates the entropy; by quadrature on a grid it is the same number. */
    @ParameterizedTest @EnumSource(Toy.Kind.class)
    void theMeanOfMinusLogDensityOverItemsIsTheEntropy(Toy.Kind kind) {
        Toy toy = new Toy(kind, Split.TEST);
        double entropy = 0, square = 0;
        for (double log : logDensities(toy)) {
            entropy -= Math.exp(log) * log * CELL * CELL;
            square += Math.exp(log) * log * log * CELL * CELL;
        }
        float[] p = new float[2];
        double mean = 0;
        for (int i = 0; i < toy.size(); i++) {
            toy.values(i, p, 0);
            mean -= toy.logDensity(p[0], p[1]) / toy.size();
        }
        assertThat(mean).isCloseTo(entropy, within(4 * Math.sqrt((square - entropy * entropy) / toy.size())));
    }

    /** Pearson's chi square over blocks of 9 cells with at least 10 items expected. */
    @ParameterizedTest @EnumSource(Toy.Kind.class)
    void theHistogramOfItemsAgreesWithTheDensity(Toy.Kind kind) {
        Toy toy = new Toy(kind, Split.TRAIN);
        int blocks = CELLS / 9;
        double[] expected = new double[blocks * blocks], log = logDensities(toy);
        double scale = toy.size() * CELL * CELL;
        for (int c = 0; c < log.length; c++) expected[c / CELLS / 9 * blocks + c % CELLS / 9] += scale * Math.exp(log[c]);
        int[] seen = new int[blocks * blocks];
        float[] p = new float[2];
        for (int i = 0; i < toy.size(); i++) {
            toy.values(i, p, 0);
            seen[(int) ((p[0] + EDGE) / (9 * CELL)) * blocks + (int) ((p[1] + EDGE) / (9 * CELL))]++;
        }
        double chiSquare = 0;
        int free = 0;
        for (int b = 0; b < seen.length; b++) {
            if (expected[b] < 10) continue;
            chiSquare += (seen[b] - expected[b]) * (seen[b] - expected[b]) / expected[b];
            free++;
        }
        assertThat(free).isGreaterThan(20);
        assertThat(chiSquare / free).isBetween(0.4, 1.6);
    }

    /** Against the definition by brute force: on an arc, at its ends, beyond them, in a centre and far away. */
    @ParameterizedTest
    @CsvSource({"0.3,-0.15", "0.3,0.45", "-0.9,-0.15", "-0.9,-0.25", "0.31,-0.3", "-0.3,-0.15", "0.3,0.15", "0,0", "0.6,0.02",
        "1.5,-1.4", "0,2"})
    void theDensityAlongArcsIsExact(double x, double y) {
        int n = 100_000;
        double[] moons = new double[2 * (n + 1)], rings = new double[3 * n];
        for (int k = 0; k <= n; k++) {
            double a = Math.PI * k / n, ends = k == 0 || k == n ? Math.log(0.5) : 0;
            moons[2 * k] = ends - square(x + 0.3 - 0.6 * Math.cos(a), y + 0.15 - 0.6 * Math.sin(a)) / (2 * 0.03 * 0.03);
            moons[2 * k + 1] = ends - square(x - 0.3 - 0.6 * Math.cos(a), y - 0.15 + 0.6 * Math.sin(a)) / (2 * 0.03 * 0.03);
            for (int r = 0; r < 3 && k < n; r++) {
                double radius = 0.3 * (r + 1);
                rings[3 * k + r] = -square(x - radius * Math.cos(2 * a), y - radius * Math.sin(2 * a)) / (2 * 0.02 * 0.02);
            }
        }
        assertThat(new Toy(Toy.Kind.MOONS, Split.TEST).logDensity(x, y))
            .isCloseTo(logSum(moons) - Math.log(2.0 * n * 2 * Math.PI * 0.03 * 0.03), within(1e-6));
        assertThat(new Toy(Toy.Kind.RINGS, Split.TEST).logDensity(x, y))
            .isCloseTo(logSum(rings) - Math.log(3.0 * n * 2 * Math.PI * 0.02 * 0.02), within(1e-6));
    }

    private static double square(double dx, double dy) { return dx * dx + dy * dy; }

    private static double logSum(double[] logs) {
        double best = Double.NEGATIVE_INFINITY, sum = 0;
        for (double l : logs) best = Math.max(best, l);
        for (double l : logs) sum += Math.exp(l - best);
        return best + Math.log(sum);
    }

    @ParameterizedTest @EnumSource(Toy.Kind.class)
    void anItemIsAFunctionOfItsKindNumberAndSplit(Toy.Kind kind) {
        float[] a = new float[2], b = new float[2], other = new float[2];
        Toy train = new Toy(kind, Split.TRAIN), test = new Toy(kind, Split.TEST);
        for (int i = 0; i < 500; i++) {
            train.values(i, a, 0);
            new Toy(kind, Split.TRAIN).values(i, b, 0);
            test.values(i, other, 0);
            assertThat(a).isEqualTo(b).isNotEqualTo(other);
        }
    }

    /** In rings of 0.3 apart the nearest one is that of the label; Gaussians lie 20 deviations apart. */
    @Test void labelsNameTheNearestPart() {
        Toy rings = new Toy(Toy.Kind.RINGS, Split.TEST), gaussians = new Toy(Toy.Kind.GAUSSIANS, Split.TEST);
        float[] p = new float[2];
        int[] counts = new int[25];
        for (int i = 0; i < 10_000; i++) {
            rings.values(i, p, 0);
            assertThat(Math.round(Math.hypot(p[0], p[1]) / 0.3) - 1).isEqualTo(rings.label(i));
            gaussians.values(i, p, 0);
            double[] centre = Toy.centres()[gaussians.label(i)];
            assertThat(Math.hypot(p[0] - centre[0], p[1] - centre[1])).isLessThan(7 * Toy.Kind.GAUSSIANS.deviation());
            counts[gaussians.label(i)]++;
        }
        assertThat(counts).containsOnly(400);
    }

    @Test void itemsOutsideAreRefused() {
        assertThatThrownBy(() -> new Toy(Toy.Kind.RINGS, Split.TEST).values(10_000, new float[2], 0)).hasMessageContaining("0..9999");
    }
}
