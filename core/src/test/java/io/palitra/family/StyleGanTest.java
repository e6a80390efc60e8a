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
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Build;
import io.palitra.model.Drawing;
import io.palitra.model.ModelRef;
import io.palitra.model.Models;
import io.palitra.model.Step;
import io.palitra.model.Update;
import io.palitra.net.StyleGenerator;
import io.palitra.net.StyleMapping;
import io.palitra.net.StyleSynthesis;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StyleGanTest {
    private static final ImageSpec SMALL = new ImageSpec(1, 8, 8, 3);

    private static StyleGan model(DataSpec data, String... overrides) {
        String[] all = Arrays.copyOf(overrides, overrides.length + 4);
        List<String> small = List.of("latent=5", "style=5", "channelBase=24", "channelMax=4");
        for (int i = 0; i < 4; i++) all[overrides.length + i] = small.get(i);
        return (StyleGan) StyleGan.FAMILY.build(Config.with(StyleGan.FAMILY.defaults(), all), data, new Rng(1));
    }

    private static Batch batch(int n) {
        return new Batch(new Rng(9).uniform(n, 1, 8, 8).mul(2).sub(1), Condition.ofLabels(new Rng(8).integers(3, n)));
    }

    private static Update update(StyleGan gan, String name) {
        return gan.updates().stream().filter(u -> u.name().equals(name)).findFirst().orElseThrow();
    }

    /** In float64, two numbers of each parameter. */
    @ParameterizedTest
    @ValueSource(strings = {"path", "r1", "discriminator", "generator", "generator augment=differentiable", "path generator=resnet",
        "path generator=adain", "r1 discriminator=skip", "r1 conditional=true"})
    void theGradientOfEveryLossIsThatOfCentralDifferences(String words) {
        String[] all = words.split(" ");
        String[] overrides = Arrays.copyOfRange(all, 1, all.length);
        try (Scope scope = new Scope(); StyleGan gan = model(SMALL, overrides)) {
            gan.to(DType.F64);
            Batch batch = new Batch(batch(4).x().to(DType.F64), batch(4).given());
            Update update = update(gan, all[0]);
            Tensor mean = Objects.requireNonNull(gan.buffers().get("path_length"));
            gan.trainable(false);
            update.moves().trainable(true);
            update.objective().of(batch, new Step(0, new Rng(5))).total().backward();
            update.moves().parameters().forEach((key, p) -> {
                double[] gradient = p.hasGrad() ? p.grad().reshape(-1).doubles() : new double[(int) p.numel()];
                double[] start = p.detach().reshape(-1).doubles(), sides = new double[2];
                for (int i : new int[] {0, start.length - 1}) {
                    double h = 1e-6 * (key.startsWith("mapping.fc") ? 100 : 1);
                    for (int side = 0; side < 2; side++) {
                        double[] moved = start.clone();
                        moved[i] += side == 0 ? h : -h;
                        p.copyFrom(Torch.of(moved, p.shape()));
                        mean.fill(0);
                        sides[side] = update.objective().of(batch, new Step(0, new Rng(5))).total().item();
                    }
                    p.copyFrom(Torch.of(start, p.shape()));
                    assertThat(gradient[i]).as("%s of %s[%d]", words, key, i)
                        .isCloseTo((sides[0] - sides[1]) / (2 * h), within(1e-4 * Math.max(1e-2, Math.abs(gradient[i]))));
                }
            });
        }
    }

    @Test void theProbabilityOfAugmentationFollowsHowSureTheDiscriminatorIs() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); StyleGan gan = model(SMALL, "augment=adaptive", "augmentItems=80")) {
            Tensor p = Objects.requireNonNull(gan.state().get("augment_probability"));
            Tensor bias = Objects.requireNonNull(gan.state().get("discriminator.b4.out.bias"));
            bias.fill(100);   // every picture is real
            for (int i = 0; i < 20; i++) update(gan, "discriminator").objective().of(batch(8), new Step(i, new Rng(i)));
            double up = p.item();
            assertThat(up).isBetween(0.9, 1.0);
            bias.fill(-100);
            for (int i = 0; i < 40; i++) update(gan, "discriminator").objective().of(batch(8), new Step(i, new Rng(i)));
            assertThat(p.item()).isZero();
        }
    }

    @Test void truncationNoiseAndCodesDoWhatTheirNamesSay() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); StyleGan gan = model(SMALL)) {
            gan.parameters().forEach((k, t) -> {
                if (k.endsWith("noise_strength")) t.fill(0.5);
            });
            gan.settle(List.of(), new Rng(3));
            Tensor one = sample(gan, "truncation=0");
            assertThat(one.rows(0, 1).sub(one.rows(2, 1)).abs().max().item()).isLessThan(1e-6);
            Tensor usual = sample(gan, "truncation=1"), cut = sample(gan, "truncation=0", "cutoff=1");
            assertThat(usual.sub(cut).abs().max().item()).isPositive();
            assertThat(cut.rows(0, 1).sub(cut.rows(2, 1)).abs().max().item()).isPositive();
            assertThat(sample(gan, "noise=random").sub(usual).abs().max().item()).isPositive();
            assertThat(sample(gan, "noise=none").sub(usual).abs().max().item()).isPositive();
            Tensor z = gan.prior(4, new Rng(6));
            Tensor drawn = gan.draw(gan.styles(z, null, 1, 0), gan.noise()).clamp(-1, 1);
            assertThat(drawn.sub(gan.decode(z)).abs().max().item()).isLessThan(1e-6);
            assertThat(gan.styles(z, null, 0.5, 0).shape()).containsExactly(4, gan.layers(), gan.width());
        }
    }

    private static Tensor sample(StyleGan gan, String... how) { return Drawing.of(gan, List.of(how)).sample(3, new Rng(4)); }

    @Test void stylesAreMixedFromALayerOn() {
        try (Scope scope = new Scope(); StyleGan gan = model(SMALL, "mixing=1"); StyleGan pure = model(SMALL, "mixing=0")) {
            double mixed = update(gan, "generator").objective().of(batch(4), new Step(0, new Rng(5))).total().item();
            double own = update(pure, "generator").objective().of(batch(4), new Step(0, new Rng(5))).total().item();
            assertThat(mixed).isNotEqualTo(own);
            assertThat(own).isCloseTo(Math.log(2), within(0.5));
        }
    }

    @Test void whatCannotBeLearnedIsRefusedWithWhatCan() {
        assertThatThrownBy(() -> model(new ImageSpec(1, 28, 30, 0))).isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("stylegan wants square pictures").hasMessageEndingWith("data.size=28 or data.size=32 fits");
        assertThatThrownBy(() -> model(new ImageSpec(3, 36, 36, 0))).hasMessageEndingWith("data.size=32 or data.size=40 fits");
        assertThatThrownBy(() -> model(new ImageSpec(1, 8, 8, 0), "conditional=true")).hasMessageContaining("wants labelled data");
        assertThatThrownBy(() -> model(new ImageSpec(1, 32, 32, 0))).hasMessage("illegal channel_base: 24, must be at least 32, the side "
            + "of the pictures");
    }

    @Test void trainingBeginsWithTheWeightsOfABaseThatHasTheSameNetworks() {
        try (Scope scope = new Scope(); StyleGan base = model(SMALL)) {
            Models models = new Models() {
                @Override public <T> T open(ModelRef ref, Class<T> capability) { return capability.cast(base); }

                @Override public DataSpec items(ModelRef ref) { return SMALL; }
            };
            StyleGan.Config same = Config.with(StyleGan.FAMILY.defaults(), "latent=5", "style=5", "channelBase=24", "channelMax=4",
                "base=somewhere");
            try (StyleGan begun = (StyleGan) StyleGan.FAMILY.build(same, new Build(SMALL, new Rng(7), models))) {
                assertThat(begun.generator().state().get("synthesis.b4.const").floats())
                    .isEqualTo(base.generator().state().get("synthesis.b4.const").floats());
            }
            assertThatThrownBy(() -> StyleGan.FAMILY.build(Config.with(same, "mapping=3"), new Build(SMALL, new Rng(7), models)))
                .isInstanceOf(ConfigException.class).hasMessageContaining("'somewhere' has other networks").hasMessageContaining(
                    "mapping_kwargs.num_layers=2");
        }
    }

    @Test void argumentsThatNoKeyStandsForAreNamed() {
        try (Scope scope = new Scope(); StyleGan gan = model(SMALL)) {
            StyleGenerator.Config g = gan.generator().config();
            assertThat(StyleGan.of(g, gan.discriminator().config()).latent()).isEqualTo(5);
            StyleSynthesis.Config s = g.synthesis();
            StyleGenerator.Config other = new StyleGenerator.Config(5, 0, 5, 8, 1, StyleMapping.Config.of(2), new StyleSynthesis.Config(
                s.channelBase(), s.channelMax(), 4, s.architecture(), List.of(1.0, 2.0, 1.0), 0, false, s.activation(), 3));
            assertThatThrownBy(() -> StyleGan.of(other, gan.discriminator().config())).isInstanceOf(ConfigException.class)
                .hasMessage("stylegan has no key for G.synthesis_kwargs.resample_filter=[1.0,2.0,1.0], G.synthesis_kwargs.use_noise=false");
        }
    }
}
