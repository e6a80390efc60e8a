package io.palitra.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.junit.jupiter.api.Test;

class GanLossTest {
    @Test void thePenaltyOfALinearCriticIsExactOverEveryAxis() {
        try (Scope scope = new Scope()) {
            Tensor w = new Rng(1).normal(1, 3, 4, 5).to(DType.F64);
            Tensor x = new Rng(2).normal(7, 3, 4, 5).to(DType.F64);
            double norm = Math.sqrt(w.square().sum().item());
            Tensor penalty = GanLoss.gradientPenalty(m -> m.mul(w).sumPerItem(), x);
            assertThat(penalty.item()).isCloseTo((norm - 1) * (norm - 1), within(1e-10));
            assertThat(GanLoss.squaredSlope(m -> m.mul(w).sumPerItem(), x).sub(norm * norm).abs().max().item()).isLessThan(1e-10);
        }
    }

    @Test void eachItemHasItsOwnPlaceBetweenRealAndMade() {
        try (Scope scope = new Scope()) {
            Tensor mixed = GanLoss.mix(Torch.ones(3, 1, 2, 2), Torch.zeros(3, 1, 2, 2), Torch.of(new float[] {0, 0.25f, 1}, 3));
            assertThat(mixed.floats()).containsExactly(0, 0, 0, 0, 0.25f, 0.25f, 0.25f, 0.25f, 1, 1, 1, 1);
        }
    }

    @Test void theMinibatchDeviationIsAChannelOfOneNumber() {
        try (Scope scope = new Scope()) {
            Tensor h = Torch.of(new float[] {0, 1, 2, 3, 4, 5, 6, 7}, 2, 2, 1, 2);      // each place differs by 4 between the two items
            Tensor out = GanLoss.withDeviation(h);
            assertThat(out.shape()).containsExactly(2, 3, 1, 2);
            assertThat(out.narrow(1, 0, 2).floats()).isEqualTo(h.floats());
            assertThat(out.narrow(1, 2, 1).floats()).containsExactly(new float[] {2, 2, 2, 2}, within(1e-6f));
            Tensor same = GanLoss.withDeviation(Torch.ones(3, 2));
            assertThat(same.shape()).containsExactly(3, 3);
            assertThat(same.narrow(1, 2, 1).max().item()).isCloseTo(1e-4, within(1e-6));
        }
    }
}
