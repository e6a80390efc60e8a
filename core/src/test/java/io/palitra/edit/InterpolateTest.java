package io.palitra.edit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Encoder;
import java.util.List;
import org.junit.jupiter.api.Test;

class InterpolateTest {
    /** The identity as encoder and decoder. */
    private record Same(boolean normalPrior) implements Encoder {
        @Override public Tensor encode(Tensor x) { return x; }

        @Override public Tensor prior(int n, Rng rng) { return rng.normal(n, 3); }

        @Override public Tensor decode(Tensor z) { return z.mul(1); }
    }

    @Test void slerpKeepsToTheSphereAndMeetsBothEnds() {
        try (Scope scope = new Scope()) {
            Tensor a = Torch.of(new float[] {3, 0, 0, 0, 2, 0}, 2, 3), b = Torch.of(new float[] {0, 3, 0, 0, 0, 2}, 2, 3);
            assertThat(Interpolate.slerp(a, b, 0).sub(a).abs().max().item()).isLessThan(1e-6);
            assertThat(Interpolate.slerp(a, b, 1).sub(b).abs().max().item()).isLessThan(1e-6);
            float[] third = Interpolate.slerp(a, b, 1 / 3.0).floats();
            assertThat(third[0]).isCloseTo((float) (3 * Math.cos(Math.PI / 6)), within(1e-5f));   // 30 of 90 degrees
            assertThat(third[1]).isCloseTo((float) (3 * Math.sin(Math.PI / 6)), within(1e-5f));
        }
    }

    @Test void slerpOfParallelCodesIsStraight() {
        try (Scope scope = new Scope()) {
            Tensor a = Torch.of(new float[] {1, 2, 3}, 1, 3);
            assertThat(Interpolate.slerp(a, a.mul(3), 0.5).sub(a.mul(2)).abs().max().item()).isLessThan(1e-4);
            assertThat(Interpolate.slerp(a, a, 0.3).sub(a).abs().max().item()).isLessThan(1e-5);
        }
    }

    @Test void aPathOfAPlainLatentSpaceIsStraightAndEvenlySpaced() {
        try (Scope scope = new Scope()) {
            Tensor path = Interpolate.path(new Same(false), Torch.zeros(1, 3), Torch.ones(1, 3), 5);
            assertThat(path.select(1, 0).floats()).containsExactly(0, 0.25f, 0.5f, 0.75f, 1);
        }
    }

    @Test void theGridHasItsCornersInItsCorners() {
        try (Scope scope = new Scope()) {
            Tensor corners = new Rng(1).normal(4, 3);
            Tensor grid = Interpolate.grid(new Same(true), corners, 4);
            assertThat(grid.indexSelect(0, Torch.of(new long[] {0, 3, 12, 15}, 4)).sub(corners).abs().max().item()).isLessThan(1e-5);
        }
    }

    @Test void aMapFindsTheTwoDirectionsOfMostVarianceAndDecodesBackOntoThem() {
        try (Scope scope = new Scope()) {
            Tensor x = new Rng(2).normal(2000, 3).mul(Torch.of(new float[] {0.01f, 5, 1}, 1, 3)).add(7);
            LatentMap map = LatentMap.of(new Same(true), List.of(new Batch(x, Condition.ofLabels(new Rng(1).integers(3, 2000)))));
            assertThat(map.share()).isGreaterThan(0.999);
            assertThat(Math.abs(map.axes()[2])).isCloseTo(1, within(0.01));   // first direction is the second coordinate
            assertThat(map.labels()).hasSize(2000).contains(0, 1, 2);
            Tensor grid = map.grid(3);
            assertThat(grid.shape()).containsExactly(9, 3);
            assertThat(grid.rows(4, 1).sub(Torch.of(new float[] {7, 7, 7}, 1, 3)).abs().max().item()).isLessThan(0.4);   // the medians
        }
    }
}
