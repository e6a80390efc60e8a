package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.data.VectorSpec;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.Optimizer;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Drawing;
import io.palitra.model.Step;
import io.palitra.model.Update;
import io.palitra.stage.GanNet;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GanTest {
    private static final ImageSpec SMALL = new ImageSpec(1, 8, 8, 3);

    private static Gan gan(DataSpec data, String... overrides) {
        return (Gan) Gan.FAMILY.build(Config.with(Gan.FAMILY.defaults(), overrides), data, new Rng(1));
    }

    /** Small nets for SMALL. */
    private static Gan small(String... overrides) {
        String[] all = Arrays.copyOf(overrides, overrides.length + 2);
        all[overrides.length] = "width=4";
        all[overrides.length + 1] = "latent=5";
        return gan(SMALL, all);
    }

    private static Batch batch(int n) {
        return new Batch(new Rng(9).uniform(n, 1, 8, 8).mul(2).sub(1), Condition.ofLabels(new Rng(8).integers(3, n)));
    }

    private static Update update(Gan gan, String name) {
        return gan.updates().stream().filter(u -> u.name().equals(name)).findFirst().orElseThrow();
    }

    private static double loss(Gan gan, String update, Batch batch) {
        try (Scope scope = new Scope()) { return update(gan, update).objective().of(batch, new Step(0, new Rng(5))).total().item(); }
    }

    @Test void theGradientOfTheWassersteinLossIsThatOfCentralDifferences() {
        try (Gan gan = small("loss=wgan-gp", "conditional=true")) {
            assertGradient(gan, "discriminator");
            assertGradient(gan, "generator");
        }
    }

    @Test void theGradientOfTheRealSlopeIsThatOfCentralDifferences() {
        try (Gan gan = small("r1=3", "conditional=true", "minibatchStddev=true")) { assertGradient(gan, "r1"); }
    }

    /** In float64, three numbers of each parameter. */
    private static void assertGradient(Gan gan, String name) {
        try (Scope scope = new Scope()) {
            gan.to(DType.F64);
            gan.parameters().forEach((k, p) -> p.copyFrom(p.detach().mul(10)));   // away from the tiny start, where all slopes are near 0
            Batch batch = new Batch(batch(6).x().to(DType.F64), Condition.ofLabels(batch(6).given().labels("test")));
            Update update = update(gan, name);
            gan.trainable(false);
            update.moves().trainable(true);
            update.moves().parameters().values().forEach(Tensor::clearGrad);
            update.objective().of(batch, new Step(0, new Rng(5))).total().backward();
            update.moves().parameters().forEach((key, p) -> {
                double[] gradient = p.hasGrad() ? p.grad().doubles() : new double[(int) p.numel()];
                double[] start = p.detach().doubles();
                for (int i : new int[] {0, start.length / 2, start.length - 1}) {
                    double h = 1e-6;
                    double[] moved = start.clone();
                    moved[i] = start[i] + h;
                    p.copyFrom(Torch.of(moved, p.shape()));
                    double up = loss(gan, name, batch);
                    moved[i] = start[i] - h;
                    p.copyFrom(Torch.of(moved, p.shape()));
                    double down = loss(gan, name, batch);
                    p.copyFrom(Torch.of(start, p.shape()));
                    assertThat(gradient[i]).as("%s of %s[%d]", name, key, i)
                        .isCloseTo((up - down) / (2 * h), within(1e-4 * Math.max(1e-2, Math.abs(gradient[i]))));
                }
            });
        }
    }

    @Test void theFirstStepKnowsNothing() {
        ImageSpec digits = new ImageSpec(1, 28, 28, 10);
        try (Scope scope = new Scope(); Gan gan = gan(digits, "width=8"); Gan hinge = gan(digits, "width=8", "loss=hinge")) {
            Batch batch = new Batch(new Rng(9).uniform(16, 1, 28, 28).mul(2).sub(1));
            assertThat(loss(gan, "discriminator", batch)).isCloseTo(2 * Math.log(2), within(0.01));
            assertThat(loss(gan, "generator", batch)).isCloseTo(Math.log(2), within(0.01));
            assertThat(loss(hinge, "discriminator", batch)).isCloseTo(2, within(0.02));
            assertThat(loss(hinge, "generator", batch)).isCloseTo(0, within(0.01));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"r1=1 spectralNorm=true", "conditional=true spectralNorm=true minibatchStddev=true", "loss=wgan-gp",
        "loss=hinge"})
    void anUpdateMovesItsModuleAloneBuffersToo(String overrides) {
        try (Gan gan = small(overrides.split(" "))) {
            gan.training(true);
            for (Update u : gan.updates()) {
                try (Scope scope = new Scope(); Optimizer optimizer = new Optimizer(new OptimizerSpec.Adam(), u.moves().parameters())) {
                    Map<String, float[]> before = new LinkedHashMap<>();
                    gan.state().forEach((k, t) -> before.put(k, t.floats()));
                    gan.trainable(false);
                    u.moves().trainable(true);
                    optimizer.zeroGrad();
                    u.objective().of(batch(6), new Step(0, new Rng(5))).total().backward();
                    optimizer.step(1e-3);
                    boolean generates = u.name().equals("generator");
                    gan.state().forEach((k, t) -> {
                        boolean own = k.startsWith("generator") == generates;
                        boolean moved = !Arrays.equals(before.get(k), t.floats());
                        if (!own) assertThat(moved).as("%s by %s", k, u.name()).isFalse();
                        // a penalty on slopes does not see what is added to every score
                        if (own && k.endsWith(".weight") && !u.name().equals("r1")) assertThat(moved).as("%s by %s", k, u.name()).isTrue();
                        if (own && k.contains("running")) assertThat(moved).as("%s by %s", k, u.name()).isTrue();
                    });
                }
            }
        }
    }

    @Test void theRealSlopeSharesTheDiscriminatorsModuleAndIsLazy() {
        try (Gan gan = small("r1=1", "coldStart=20")) {
            assertThat(gan.updates()).extracting(Update::name).containsExactly("discriminator", "r1", "generator");
            assertThat(update(gan, "r1").moves()).isSameAs(update(gan, "discriminator").moves());
            assertThat(List.of(0, 1, 15, 16, 32)).extracting(i -> update(gan, "r1").due(i)).containsExactly(true, false, false, true, true);
        }
    }

    @Test void aColdStartHoldsTheGeneratorBack() {
        try (Gan gan = small("coldStart=20"); Gan critic = small("coldStart=20", "loss=wgan-gp")) {
            assertThat(List.of(0, 19, 20, 21)).extracting(i -> update(gan, "generator").due(i)).containsExactly(false, false, true, true);
            assertThat(update(gan, "discriminator").due(0)).isTrue();
            assertThat(List.of(0, 15, 20, 24, 25)).extracting(i -> update(critic, "generator").due(i))
                .containsExactly(false, false, true, false, true);
        }
    }

    @Test void spectralNormIsInTheCheckpointAndEvaluationScoresAsTraining() {
        try (Scope scope = new Scope(); Gan gan = small("spectralNorm=true")) {
            assertThat(gan.buffers()).containsKeys("discriminator.0.spectral.u", "discriminator.head.spectral.v");
            double training = loss(gan, "generator", batch(6));
            assertThat(loss(gan, "generator", batch(6))).isEqualTo(training);
        }
    }

    @Test void aConditionalSampleDependsOnItsLabel() {
        for (DataSpec data : List.of(SMALL, new VectorSpec(2, 3))) {
            try (Scope scope = new Scope(); Guard g = Torch.noGrad(); Gan gan = gan(data, "conditional=true", "width=4", "latent=5")) {
                gan.training(false);
                float[] one = Drawing.of(gan, List.of("label=1")).sample(4, new Rng(3)).floats();
                float[] two = Drawing.of(gan, List.of("label=2")).sample(4, new Rng(3)).floats();
                assertThat(one).isNotEqualTo(two);
                assertThat(Drawing.of(gan, List.of("label=1")).sample(4, new Rng(3)).floats()).isEqualTo(one);
                assertThat(Drawing.of(gan, List.of()).sample(2, new Rng(3).at(1)).floats())
                    .containsExactly(Drawing.of(gan, List.of()).sample(4, new Rng(3)).rows(1, 2).floats(), within(1e-5f));
                assertThatThrownBy(() -> Drawing.of(gan, List.of("label=3")).sample(4, new Rng(3)))
                    .hasMessage("illegal label: 3, must be -1 (any) or a class in 0..2");
                assertThat(gan.prior(4, new Rng(1)).shape()).containsExactly(4, 8);
                assertThat(gan.normalPrior()).isFalse();
            }
        }
    }

    @Test void anUnconditionalModelHasNoLabels() {
        try (Scope scope = new Scope(); Gan gan = small()) {
            assertThatThrownBy(() -> Drawing.of(gan, List.of("label=0")).sample(4, new Rng(3)))
                .hasMessage("illegal label: 0, must be -1 (any): this model was trained without classes");
            assertThatThrownBy(() -> gan.decode(Torch.zeros(2, 4))).hasMessage("Gan.decode wants [B,5], got 2×4");
            assertThat(gan.normalPrior()).isTrue();
        }
    }

    @Test void truncatedNumbersAreOfTheCutNormalDistribution() {
        try (Scope scope = new Scope()) {
            Tensor z = GanNet.truncated(1, 400, 100, new Rng(1));
            assertThat(z.abs().max().item()).isBetween(0.99, 1.0);
            assertThat(z.mean().item()).isCloseTo(0, within(0.015));
            assertThat(z.square().mean().item()).isCloseTo(0.29112, within(0.01));     // 1 - 2 t phi(t) / (2 Phi(t) - 1)
            Tensor wide = GanNet.truncated(100, 400, 100, new Rng(1));
            assertThat(wide.isFinite().all().item()).isEqualTo(1);
            assertThat(wide.square().mean().item()).isCloseTo(1, within(0.1));
        }
    }

    @Test void settlingFitsTheRunningStatisticsToTheWeights() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); Gan gan = small()) {
            gan.training(false);
            Tensor z = gan.prior(500, new Rng(2));
            double before = gapToBatchStatistics(gan, z);
            gan.settle(List.of(), new Rng(1));
            assertThat(gan.training()).isFalse();
            assertThat(gapToBatchStatistics(gan, z)).isLessThan(before / 4);
        }
    }

    /** Between evaluation and batch statistics, on large codes; leaves the running statistics as they were. */
    private static double gapToBatchStatistics(Gan gan, Tensor z) {
        Tensor evaluated = gan.decode(z);
        Map<String, Tensor> statistics = new LinkedHashMap<>();
        gan.buffers().forEach((k, t) -> statistics.put(k, t.copy()));
        gan.training(true);
        Tensor trained = gan.decode(z);
        gan.training(false);
        gan.buffers().forEach((k, t) -> t.copyFrom(statistics.get(k)));
        return evaluated.sub(trained).abs().mean().item();
    }

    @ParameterizedTest
    @ValueSource(ints = {28, 32, 64, 8, 20, 26})
    void picturesOfEverySideFrom8UpAreMade(int side) {
        for (int channels : new int[] {1, 3}) {
            try (Scope scope = new Scope(); Guard g = Torch.noGrad(); Gan gan = gan(new ImageSpec(channels, side, side, 0), "width=2")) {
                Tensor x = gan.sample(gan.samplingDefaults(), Condition.NONE, 3, new Rng(1));
                assertThat(x.shape()).containsExactly(3, channels, side, side);
                assertThat(x.abs().max().item()).isLessThanOrEqualTo(1);
            }
        }
    }

    @Test void whatItCannotLearnOrDoIsRefused() {
        assertThatThrownBy(() -> gan(new ImageSpec(1, 28, 32, 0))).isInstanceOf(IllegalArgumentException.class)
            .hasMessage("gan wants square pictures with a side of 8 or more, got 28x32; data.size=28 or data.size=32 fits");
        assertThatThrownBy(() -> gan(new ImageSpec(1, 4, 4, 0))).hasMessageContaining("got 4x4");
        assertThatThrownBy(() -> gan(new ImageSpec(1, 28, 28, 0), "conditional=true")).hasMessageContaining("wants labelled data");
        assertThatThrownBy(() -> gan(SMALL, "loss=wgan-gp", "r1=1")).isInstanceOf(ConfigException.class)
            .hasMessageContaining("illegal r1: 1.0, must be 0 with loss=wgan_gp");
        for (String wrong : List.of("width=0", "latent=0", "r1=-1", "coldStart=-1", "loss=least-squares")) {
            assertThatThrownBy(() -> gan(SMALL, wrong)).isInstanceOf(ConfigException.class).hasMessageStartingWith(wrong);
        }
        assertThatThrownBy(() -> Config.with(Gan.FAMILY.sampling(), "truncation=-1")).isInstanceOf(ConfigException.class);
        try (Gan gan = small("conditional=true")) {
            Batch unlabelled = new Batch(batch(4).x());
            assertThatThrownBy(() -> loss(gan, "generator", unlabelled)).hasMessageContaining("wants labelled data");
        }
    }
}
