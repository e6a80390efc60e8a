package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.Config;
import io.palitra.data.Batch;
import io.palitra.data.ImageSpec;
import io.palitra.data.VectorSpec;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Step;
import io.palitra.stage.Builds;
import java.util.List;
import org.junit.jupiter.api.Test;

class EbmTest {
    private static final ImageSpec GREY = new ImageSpec(1, 8, 8, 0);

    private static Ebm model(String... overrides) {
        return new Ebm(Config.with(Ebm.FAMILY.defaults(), List.of(overrides)), Builds.of(GREY, new Rng(3)));
    }

    /** E = (x - m)^T P (x - m) / 2 of a correlated normal: 4,000 chains of 1,500 moves of 0.02. */
    @Test void theUnadjustedSamplerFindsMeanAndCovarianceOfANormal() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            double s = 0.5, r = 0.6;                                                       // deviation, correlation
            double p = 1 / (s * s * (1 - r * r));
            Tensor precision = Torch.of(new float[] {(float) p, (float) (-r * p), (float) (-r * p), (float) p}, 2, 2);
            Tensor m = Torch.of(new float[] {0.3f, -0.7f}, 1, 2);
            Tensor x = Ebm.walk(y -> y.sub(m).matmul(precision).mul(y.sub(m)).sum(false, 1).mul(0.5),
                new Ebm.Langevin.Unadjusted(1500, 0.02), new Rng(1).uniform(4000, 2).mul(2).sub(1), new Rng(2), false);
            double[] mean = x.mean(false, 0).doubles();
            Tensor c = x.sub(x.mean(true, 0));
            double[] covariance = c.t().matmul(c).div(4000).doubles();
            assertThat(mean[0]).isCloseTo(0.3, within(0.03));
            assertThat(mean[1]).isCloseTo(-0.7, within(0.03));
            assertThat(covariance[0]).isCloseTo(s * s, within(0.03));
            assertThat(covariance[1]).isCloseTo(r * s * s, within(0.03));
            assertThat(covariance[3]).isCloseTo(s * s, within(0.03));
        }
    }

    @Test void theColdSamplerIsColderThanTheEnergy() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Tensor x = Ebm.walk(y -> y.square().sum(false, 1).mul(2), new Ebm.Langevin.Cold(500, 0.05, 0.005, 1),
                new Rng(1).uniform(1000, 2).mul(2).sub(1), new Rng(2), false);
            assertThat(x.square().mean().item()).isLessThan(0.25 / 20);                    // exp(-E) has variance 1/4
        }
    }

    @Test void aStepMovesItsChainsInTheBufferAndNoOthers() {
        try (Scope scope = new Scope()) {
            Ebm model = model("buffer=32", "steps=2", "width=4", "fresh=0");
            Tensor before = model.buffers().get("replay").copy();
            model.updates().get(0).objective().of(new Batch(new Rng(5).uniform(8, 1, 8, 8)), new Step(0, new Rng(6)));
            Tensor after = model.buffers().get("replay");
            double moved = after.sub(before).abs().sumPerItem().gt(0).to(io.palitra.engine.DType.F32).sum().item();
            assertThat(moved).isEqualTo(8);
            assertThat(after.abs().max().item()).isLessThanOrEqualTo(1);
            assertThat(model.parameters().values().stream().noneMatch(Tensor::hasGrad)).isTrue();
        }
    }

    @Test void whatCannotBeIsRefused() {
        try (Scope scope = new Scope()) {
            Ebm model = model("buffer=4", "steps=1", "width=4");
            assertThatThrownBy(() -> model.updates().get(0).objective().of(new Batch(Torch.zeros(8, 1, 8, 8)), new Step(0, new Rng(1))))
                .hasMessage("illegal buffer: 4, must hold a batch of 8");
        }
        assertThatThrownBy(() -> Config.with(new Ebm.Sampling(new Ebm.Langevin.Cold()), "langevin=unadjusted", "langevin.stepSize=0"))
            .hasMessageContaining("stepSize");
        assertThat(new Ebm(Ebm.FAMILY.defaults(), Builds.of(new VectorSpec(2, 0), new Rng(1))).state()).containsKey("replay");
    }
}
