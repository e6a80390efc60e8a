package io.palitra.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.junit.jupiter.api.Test;

class StrokesTest {
    /** A bar of ink on paper of 40 x 40, from row 5 to 34, its left edge at 15 + lean (20 - row). */
    private static Tensor bar(int width, double lean, boolean dark) {
        float[] p = new float[1600];
        for (int i = 0; i < p.length; i++) {
            int y = i / 40, x = i % 40;
            double left = 15 + lean * (20 - y);
            double ink = y < 5 || y > 34 ? 0 : Math.max(0, Math.min(x + 1, left + width) - Math.max(x, left));
            p[i] = (float) (dark ? 1 - 2 * ink : 2 * ink - 1);
        }
        return Torch.of(p, 1, 1, 40, 40);
    }

    @Test void aBarIsAsThickAsItIsWideOnDarkAndOnLightPaper() {
        try (Scope scope = new Scope()) {
            for (boolean dark : new boolean[] {false, true}) {
                double three = Strokes.thickness(bar(3, 0, dark)).item(), six = Strokes.thickness(bar(6, 0, dark)).item();
                assertThat(three).isBetween(2.5, 3.1);
                assertThat(six).isBetween(4.8, 6.1);
            }
        }
    }

    @Test void aBarLeansAsFarAsItWasLeant() {
        try (Scope scope = new Scope()) {
            for (double lean : new double[] {-0.3, 0, 0.4}) {
                assertThat(Strokes.slant(bar(4, lean, false)).item()).isCloseTo(lean, within(0.02));
                assertThat(Strokes.slant(bar(4, lean, true)).item()).isCloseTo(lean, within(0.02));
            }
        }
    }

    @Test void paperAloneHasNeitherAndColoursAreRefused() {
        try (Scope scope = new Scope()) {
            Tensor empty = Torch.full(-1, 2, 1, 8, 8);
            assertThat(Strokes.thickness(empty).abs().floats()).containsOnly(0);
            assertThat(Strokes.slant(empty).abs().floats()).containsOnly(0);
            assertThatThrownBy(() -> Strokes.slant(Torch.zeros(2, 3, 8, 8))).hasMessage("strokes want pictures [B,1,H,W], got 2×3×8×8");
        }
    }
}
