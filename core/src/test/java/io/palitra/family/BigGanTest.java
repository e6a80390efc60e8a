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
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Step;
import io.palitra.model.Update;
import io.palitra.nn.Init;
import io.palitra.nn.Module;
import io.palitra.nn.SpectralFilter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The nets that gan may have beside the plain ones: {@code net=biggan}, and plain ones with attention. */
class BigGanTest {
    private static final ImageSpec SMALL = new ImageSpec(1, 8, 8, 3);

    private static Gan gan(DataSpec data, String... overrides) {
        return (Gan) Gan.FAMILY.build(Config.with(Gan.FAMILY.defaults(), overrides), data, new Rng(1));
    }

    private static Gan small(String... overrides) {
        List<String> all = new ArrayList<>(List.of("width=8", "latent=5", "net=biggan", "net.embed=3"));
        all.addAll(List.of(overrides));
        return gan(SMALL, all.toArray(String[]::new));
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

    @ParameterizedTest
    @ValueSource(strings = {"conditional=true loss=hinge minibatchStddev=true", "r1=3", "loss=wgan-gp conditional=true"})
    void itsGradientsAreThoseOfCentralDifferences(String overrides) {
        try (Gan gan = small(overrides.split(" "))) { assertGradients(gan); }
    }

    @Test void soAreThoseOfPlainNetsWithAttention() {
        try (Gan gan = gan(SMALL, "width=8", "latent=5", "net.attention=1", "loss=wgan-gp", "conditional=true")) { assertGradients(gan); }
    }

    /** In float64, two numbers of each parameter; singular values are followed until they move no more. */
    private static void assertGradients(Gan gan) {
        try (Scope scope = new Scope()) {
            gan.to(DType.F64);
            Rng rng = new Rng(3);   // away from the start, where all singular values of a weight are the same and none is the largest
            gan.parameters().forEach((k, p) -> p.copyFrom(p.detach().add(rng.normal(p.shape()).to(DType.F64).mul(0.3))));
            Batch batch = new Batch(batch(6).x().to(DType.F64), Condition.ofLabels(batch(6).given().labels("test")));
            for (Update update : gan.updates()) {
                gan.trainable(false);
                update.moves().trainable(true);
                update.moves().parameters().values().forEach(Tensor::clearGrad);
                for (int i = 0; i < 300; i++) {
                    for (Module part : gan.modules().values()) if (part instanceof SpectralFilter filter) filter.iterate();
                }
                update.objective().of(batch, new Step(0, new Rng(5))).total().backward();
                update.moves().parameters().forEach((key, p) -> {
                    double[] gradient = p.hasGrad() ? p.grad().doubles() : new double[(int) p.numel()];
                    double[] start = p.detach().doubles();
                    for (int i : new int[] {0, start.length - 1}) {
                        double h = 1e-6;
                        double[] moved = start.clone();
                        moved[i] = start[i] + h;
                        p.copyFrom(Torch.of(moved, p.shape()));
                        double up = loss(gan, update.name(), batch);
                        moved[i] = start[i] - h;
                        p.copyFrom(Torch.of(moved, p.shape()));
                        double down = loss(gan, update.name(), batch);
                        p.copyFrom(Torch.of(start, p.shape()));
                        assertThat(gradient[i]).as("%s of %s[%d]", update.name(), key, i)
                            .isCloseTo((up - down) / (2 * h), within(1e-3 * Math.max(2e-2, Math.abs(gradient[i]))));
                    }
                });
            }
        }
    }

    @Test void attentionChangesNothingAtTheStart() {
        for (String net : List.of("net=biggan", "net=plain")) {
            try (Scope scope = new Scope(); Guard g = Torch.noGrad(); Gan with = gan(SMALL, "width=8", net, "net.attention=1", "latent=5");
                    Gan without = gan(SMALL, "width=8", net, "net.attention=0", "latent=5")) {
                without.state().forEach((k, t) -> Objects.requireNonNull(with.state().get(k)).copyFrom(t));
                assertThat(with.state()).containsKeys("generator.attention.gamma", "discriminator.attention.gamma");
                Tensor code = without.prior(3, new Rng(2));
                assertThat(with.decode(code).floats()).as(net).containsExactly(without.decode(code).floats());
                assertThat(loss(with, "discriminator", batch(4))).isEqualTo(loss(without, "discriminator", batch(4)));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 10, 28, 32, 48, 64})
    void picturesOfASideOf4To7TimesAPowerOfTwoAreMade(int side) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad();
                Gan gan = gan(new ImageSpec(3, side, side, 4), "width=4", "net=biggan", "conditional=true")) {
            Tensor x = gan.sample(gan.samplingDefaults(), Condition.ofLabel(1, 3), 3, new Rng(1));
            assertThat(x.shape()).containsExactly(3, 3, side, side);
            assertThat(x.abs().max().item()).isLessThanOrEqualTo(1);
        }
    }

    /** The last part of noise goes to the last block alone, where it moves every pixel's scale and shift. */
    @Test void everyPartOfTheNoiseAndTheClassReachThePicture() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); Gan gan = small("conditional=true")) {
            gan.training(false);
            float[] code = gan.prior(1, new Rng(2)).floats();
            float[] before = gan.decode(Torch.of(code, 1, 8)).floats();
            for (int i = 0; i < 5; i++) {
                float[] other = code.clone();
                other[i] += 1;
                assertThat(gan.decode(Torch.of(other, 1, 8)).floats()).as("number " + i).isNotEqualTo(before);
            }
            float[] kinds = {code[0], code[1], code[2], code[3], code[4], code[6], code[7], code[5]};
            assertThat(gan.decode(Torch.of(kinds, 1, 8)).floats()).isNotEqualTo(before);
        }
    }

    @Test void everyWeightOfBothNetsBeginsWithALargestSingularValueOfOne() {
        try (Gan gan = small("conditional=true")) {
            Map<String, Tensor> state = gan.state();
            long filters = state.keySet().stream().filter(k -> k.endsWith(".spectral.u")).count();
            assertThat(filters).isGreaterThan(20);
            assertThat(state.keySet()).filteredOn(k -> k.endsWith(".weight") && Objects.requireNonNull(state.get(k)).dims() > 1)
                .allMatch(k -> k.equals("generator.embedding.weight") || state.containsKey(k.replace(".weight", ".spectral.u")));
        }
    }

    @Test void orthogonalRowsHaveNoOverlapWhateverTheirLengths() {
        try (Scope scope = new Scope()) {
            for (long[] shape : new long[][] {{4, 9}, {9, 4}, {4, 3, 3, 3}}) {
                SpectralFilter filter = new SpectralFilter(false, Init.ORTHOGONAL, new Rng(1), shape);
                Tensor weight = Objects.requireNonNull(filter.parameters().get("weight")).detach();
                Tensor flat = weight.flatten(1), rows = flat.size(0) <= flat.size(1) ? flat : flat.t();
                assertThat(rows.matmul(rows.t()).sub(Torch.eye(rows.size(0))).abs().max().item()).isLessThan(1e-5);
                assertThat(filter.overlap().item()).isCloseTo(0, within(1e-5));
                filter.close();
            }
            SpectralFilter filter = new SpectralFilter(false, Init.DEFAULT, new Rng(1), 2, 3);
            Objects.requireNonNull(filter.parameters().get("weight")).copyFrom(Torch.of(new float[] {1, 2, 0, 3, 1, 5}, 2, 3));
            assertThat(filter.overlap().item()).isEqualTo(2 * 25);   // (1 3 + 2 1)^2, twice
            filter.close();
        }
    }

    @Test void theOrthogonalTermIsInTheGeneratorsLossAlone() {
        try (Scope scope = new Scope(); Gan gan = small("net.orthogonal=0.1"); Gan without = small("net.orthogonal=0")) {
            assertThat(update(gan, "generator").objective().of(batch(4), new Step(0, new Rng(5))).parts()).containsKey("orthogonal");
            assertThat(update(without, "generator").objective().of(batch(4), new Step(0, new Rng(5))).parts())
                .doesNotContainKey("orthogonal");
            assertThat(loss(gan, "discriminator", batch(4))).isEqualTo(loss(without, "discriminator", batch(4)));
        }
    }

    @Test void settlingKeepsTheSingularVectorsUnitVectors() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); Gan gan = small()) {
            gan.settle(List.of(), new Rng(1));
            gan.buffers().forEach((k, t) -> {
                if (k.contains("spectral")) assertThat(t.square().sum().item()).as(k).isCloseTo(1, within(1e-4));
            });
            Tensor code = gan.prior(400, new Rng(2));
            Tensor evaluated = gan.decode(code);
            gan.training(true);
            assertThat(evaluated.sub(gan.decode(code)).abs().mean().item()).isLessThan(0.05);
        }
    }

    @Test void whatItCannotLearnIsRefused() {
        assertThatThrownBy(() -> gan(new VectorSpec(2, 3), "net=biggan")).isInstanceOf(IllegalArgumentException.class)
            .hasMessageStartingWith("net=biggan wants pictures, got ");
        assertThatThrownBy(() -> gan(new VectorSpec(2, 3), "net.attention=1")).hasMessage("illegal attention: 1, must be 0 for points");
        assertThatThrownBy(() -> gan(new ImageSpec(1, 30, 30, 0), "net=biggan")).hasMessage("net=biggan wants square pictures of a side "
            + "from 8 that is 4 to 7 times a power of two, got 30x30; data.size=28 or data.size=32 fits");
        assertThatThrownBy(() -> gan(new ImageSpec(1, 7, 7, 0), "net=biggan")).hasMessageContaining("got 7x7; data.size=8 fits");
        assertThatThrownBy(() -> small("net.attention=2"))
            .hasMessage("illegal attention: 2, must be 0 to 1, as often as the side of 8 is halved");
        assertThatThrownBy(() -> gan(SMALL, "net.attention=2"))
            .hasMessage("illegal attention: 2, must be 0 to 1, as often as the side of 8 is halved");
        assertThatThrownBy(() -> gan(SMALL, "net=biggan", "latent=1"))
            .hasMessage("illegal latent: 1, must be at least 2: a part for the start, and one for each block");
        assertThatThrownBy(() -> small("net.orthogonal=-1")).isInstanceOf(ConfigException.class);
        assertThatThrownBy(() -> gan(SMALL, "net=deep")).hasMessage("net=deep of these keys draws pictures of 3x128x128 by class, got "
            + SMALL + " and conditional=false");
    }
}
