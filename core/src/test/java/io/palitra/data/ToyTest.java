package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ToyTest {
    @ParameterizedTest @EnumSource(Toy.Kind.class)
    void theDensityIntegratesToOne(Toy.Kind kind) {
        Toy toy = new Toy(kind, Split.TRAIN);
        int n = kind == Toy.Kind.GAUSSIANS ? 700 : 160;
        double lim = 1.1, h = 2 * lim / n, sum = 0;
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) sum += Math.exp(toy.logDensity(-lim + (i + 0.5) * h, -lim + (j + 0.5) * h)) * h * h;
        }
        assertThat(sum).isCloseTo(1, within(2e-3));
    }

    /** The mean of -log p over items estimates the entropy; by quadrature on a grid it is the same number. */
    @ParameterizedTest @EnumSource(Toy.Kind.class)
    void itemsComeFromTheDensity(Toy.Kind kind) {
        Toy toy = new Toy(kind, Split.TEST);
        float[] p = new float[2];
        int items = 2000;
        double mean = 0;
        for (int i = 0; i < items; i++) {
            toy.values(i, p, 0);
            mean -= toy.logDensity(p[0], p[1]) / items;
        }
        int n = kind == Toy.Kind.GAUSSIANS ? 700 : 160;
        double lim = 1.1, h = 2 * lim / n, entropy = 0;
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                double log = toy.logDensity(-lim + (i + 0.5) * h, -lim + (j + 0.5) * h);
                if (log > -40) entropy -= Math.exp(log) * log * h * h;
            }
        }
        assertThat(mean).isCloseTo(entropy, within(0.08));   // 3 deviations of a mean of 2,000
    }

    @ParameterizedTest @EnumSource(Toy.Kind.class)
    void anItemIsAFunctionOfItsNumberAndSplit(Toy.Kind kind) {
        float[] a = new float[2], b = new float[2], other = new float[2];
        new Toy(kind, Split.TRAIN).values(17, a, 0);
        new Toy(kind, Split.TRAIN).values(17, b, 0);
        new Toy(kind, Split.TEST).values(17, other, 0);
        assertThat(a).isEqualTo(b).isNotEqualTo(other);
    }
}
