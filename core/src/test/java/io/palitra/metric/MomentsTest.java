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

class MomentsTest {
    @Test void batchesOfAnySizeGiveTheMomentsOfTheWhole() {
        try (Scope scope = new Scope(); Moments one = new Moments(); Moments many = new Moments()) {
            Tensor x = new Rng(1).normal(100, 3).to(DType.F64);
            one.add(x);
            many.add(x.rows(0, 1));
            many.add(x.rows(1, 0));
            many.add(x.rows(1, 60));
            many.add(x.rows(61, 39));
            assertThat(many.count()).isEqualTo(100);
            assertThat(many.mean().doubles()).containsExactly(one.mean().doubles(), within(1e-14));
            assertThat(many.covariance().doubles()).containsExactly(one.covariance().doubles(), within(1e-14));
            assertThat(one.covariance().diagonal().doubles()).containsExactly(x.var(true, false, 0).doubles(), within(1e-14));
        }
    }

    @Test void aLargeMeanDoesNotCancelASmallVariance() {
        try (Scope scope = new Scope(); Moments far = new Moments()) {
            Tensor x = new Rng(2).normal(1000, 1).to(DType.F64);
            for (int at = 0; at < 1000; at += 10) far.add(x.rows(at, 10).mul(1e-3).add(1e6));
            assertThat(far.covariance().item()).isCloseTo(1e-6 * x.var(true, false, 0).item(), within(1e-12));
        }
    }

    @Test void whatCannotBeAFeatureIsRefused() {
        try (Scope scope = new Scope(); Moments m = new Moments()) {
            assertThatThrownBy(m::mean).hasMessage("no items, a mean wants at least 1");
            assertThatThrownBy(() -> m.add(Torch.zeros(3))).hasMessage("moments want features [B,D], got 3");
            m.add(Torch.zeros(1, 3));
            assertThatThrownBy(() -> m.add(Torch.zeros(2, 4))).hasMessage("moments want features [B,3], got 2×4");
            assertThatThrownBy(m::covariance).hasMessage("1 items, a covariance wants at least 2");
            assertThatThrownBy(() -> m.add(Torch.full(Double.NaN, 1, 3))).hasMessage("features 1×3 are not all finite");
            assertThat(m.count()).isEqualTo(1);
        }
    }
}
