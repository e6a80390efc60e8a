package io.palitra.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AugmentTest {
    @ParameterizedTest @ValueSource(ints = {1, 3})
    void withProbabilityZeroPicturesStayAsTheyAreAndWithOneEachChanges(int channels) {
        try (Scope scope = new Scope()) {
            Tensor x = new Rng(1).uniform(40, channels, 16, 16).mul(2).sub(1);
            Tensor same = Augment.adaptive(x, Torch.zeros(), new Rng(2)), all = Augment.adaptive(x, Torch.full(1), new Rng(2));
            assertThat(same.sub(x).abs().max().item()).isLessThan(1e-4);
            assertThat(all.sub(x).square().meanPerItem().min().item()).isPositive();
            assertThat(all.isFinite().all().item()).isEqualTo(1);
            Tensor few = Augment.adaptive(x, Torch.full(0.02), new Rng(3)).sub(x).square().meanPerItem().gt(1e-6).sum();
            assertThat(few.item()).isBetween(2.0, 24.0);
        }
    }

    @ParameterizedTest @ValueSource(ints = {1, 3})
    void picturesGetSlopesThroughEveryChange(int channels) {
        try (Scope scope = new Scope()) {
            Tensor x = new Rng(1).uniform(6, channels, 16, 16).requiresGrad(true);
            Tensor adaptive = Augment.adaptive(x, Torch.full(0.5), new Rng(2)), always = Augment.differentiable(x, new Rng(2));
            assertThat(Torch.grad(adaptive.square().sum(), x, false).abs().sum().item()).isPositive();
            assertThat(Torch.grad(always.square().sum(), x, false).abs().sum().item()).isPositive();
        }
    }

    @ParameterizedTest @ValueSource(ints = {28, 32})
    void aQuarterOfAPictureIsCutOutAndTheRestMovesByAnEighthAtMost(int side) {
        try (Scope scope = new Scope()) {
            Tensor y = Augment.differentiable(Torch.ones(200, 1, side, side), new Rng(4));
            double zeros = y.eq(0).to(io.palitra.engine.DType.F32).mean().item();
            assertThat(zeros).isBetween(0.15, 0.4);
            assertThatThrownBy(() -> Augment.differentiable(Torch.ones(2, 1, side, side + 1), new Rng(1)))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("wants square pictures");
        }
    }
}
