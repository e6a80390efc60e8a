package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StrokesTest {
    private static byte[] item(Strokes s, int i) {
        byte[] out = new byte[(int) s.spec().dims()];
        s.pixels(i, out, 0);
        return out;
    }

    @Test void anItemIsAFunctionOfItsNumberAndSplitInAnyOrderOnAnyThread() {
        Strokes train = new Strokes(Split.TRAIN, 28), test = new Strokes(Split.TEST, 28);
        byte[][] forward = new byte[200][];
        for (int i = 0; i < 200; i++) forward[i] = item(train, i);
        java.util.stream.IntStream.range(0, 200).parallel().map(i -> 199 - i)
            .forEach(i -> assertThat(item(new Strokes(Split.TRAIN, 28), i)).isEqualTo(forward[i]));
        assertThat(item(test, 0)).isNotEqualTo(forward[0]);
    }

    @Test void classesAreBalancedAndNotInOrder() {
        Strokes s = new Strokes(Split.TRAIN, 28);
        int[] counts = new int[10];
        int rising = 0;
        for (int i = 0; i < 10_000; i++) {
            counts[s.label(i)]++;
            if (i > 0 && s.label(i) == (s.label(i - 1) + 1) % 10) rising++;
        }
        assertThat(counts).containsOnly(1000);
        assertThat(rising).isBetween(800, 1300);
    }

    @Test void theInkIsThatOfHandwrittenDigits() {
        Strokes s = new Strokes(Split.TRAIN, 28);
        double sum = 0, squares = 0;
        int n = 3000;
        for (int i = 0; i < n; i++) {
            for (byte b : item(s, i)) {
                double v = (b & 255) / 255.0;
                sum += v;
                squares += v * v;
            }
        }
        double mean = sum / (n * 784), deviation = Math.sqrt(squares / (n * 784) - mean * mean);
        assertThat(mean).isBetween(0.12, 0.142);        // MNIST: 0.1307
        assertThat(deviation).isBetween(0.295, 0.325);  // MNIST: 0.3081
    }

    @Test void notTwoItemsAreAlike() {
        Strokes train = new Strokes(Split.TRAIN, 28), test = new Strokes(Split.TEST, 28);
        Set<Integer> seen = new HashSet<>();
        for (int i = 0; i < 2500; i++) {
            seen.add(Arrays.hashCode(item(train, i)));
            seen.add(Arrays.hashCode(item(test, i)));
        }
        assertThat(seen).hasSize(5000);
    }

    @ParameterizedTest @ValueSource(ints = {28, 32, 64})
    void aDigitFillsItsBoxAndLiesInTheMiddle(int size) {
        Strokes s = new Strokes(Split.TEST, size);
        for (int i = 0; i < 300; i++) {
            byte[] p = item(s, i);
            double mass = 0, x = 0, y = 0;
            for (int k = 0; k < p.length; k++) {
                mass += p[k] & 255;
                x += (p[k] & 255) * (k % size + 0.5);
                y += (p[k] & 255) * (k / size + 0.5);
            }
            assertThat(mass / 255).isGreaterThan(0.02 * size * size);
            assertThat(x / mass / size).isBetween(0.44, 0.56);
            assertThat(y / mass / size).isBetween(0.44, 0.56);
        }
    }

    @Test void itemsAndSizesOutsideAreRefused() {
        assertThatThrownBy(() -> item(new Strokes(Split.TEST, 28), 10_000)).hasMessageContaining("0..9999");
        assertThatThrownBy(() -> new Strokes(Split.TEST, 4)).hasMessageContaining("16 to 256");
    }

    @Test void drawingIsFastEnoughNeverToKeepAModelWaiting() {
        Strokes s = new Strokes(Split.TRAIN, 28);
        byte[] out = new byte[784];
        for (int i = 0; i < 20_000; i++) s.pixels(i, out, 0);
        long best = Long.MAX_VALUE;
        for (int round = 0; round < 5; round++) {
            long started = System.nanoTime();
            for (int i = 0; i < 2000; i++) s.pixels(i, out, 0);
            best = Math.min(best, System.nanoTime() - started);
        }
        assertThat(2000 / (best * 1e-9)).isGreaterThan(3000);   // a floor for busy machines; alone it is several times that
    }
}
