package io.palitra.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.palitra.config.ConfigException;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class StyleGan2Test {
    private static JsonNode json(String g, String d) throws Exception {
        String text = "{'_class_name': 'StyleGAN2', 'G': {'z_dim': 8, 'w_dim': 8, 'img_resolution': 16, 'img_channels': 1" + g
            + "}, 'D': {'img_resolution': 16, 'img_channels': 1, 'channel_base': 64" + d + "}}";
        return new ObjectMapper().readTree(text.replace('\'', '"'));
    }

    private static final String SMALL = ", 'synthesis_kwargs': {'channel_base': 64%s}";

    @ParameterizedTest
    @CsvSource({"skip,resnet", "resnet,skip", "orig,orig", "adain,orig"})
    void everyFormDrawsAndScoresPicturesAndItsConfigurationIsReadBack(String g, String d) throws Exception {
        StyleGan2 config = StyleGan2.fromJson(json(", 'c_dim': 3" + SMALL.formatted(", 'architecture': '" + g + "', 'conv_clamp': 256"),
            ", 'c_dim': 3, 'architecture': '" + d + "', 'epilogue_kwargs': {'mbstd_group_size': 2}"));
        assertThat(StyleGan2.fromJson(config.toJson())).isEqualTo(config);
        try (Scope scope = new Scope(); Guard none = Torch.noGrad();
            StyleGenerator net = new StyleGenerator(config.generator(), new Rng(1));
            StyleDiscriminator judge = new StyleDiscriminator(config.discriminator(), new Rng(2))) {
            Tensor c = Torch.oneHot(Torch.of(new long[] {0, 2, 1, 0}, 4), 3);
            Tensor ws = net.styles(new Rng(3).normal(4, 8), c);
            assertThat(ws.shape()).containsExactly(4, net.synthesis().layers(), 8);
            Tensor x = net.draw(ws, net.synthesis().noise());
            assertThat(x.shape()).containsExactly(4, 1, 16, 16);
            assertThat(judge.forward(x, c).shape()).containsExactly(4);
            assertThat(x.isFinite().all().item()).isEqualTo(1);
            assertThat(net.state().keySet()).contains("mapping.embed.weight", "mapping.w_avg", "synthesis.b4.const",
                "synthesis.b16.torgb.bias");
            assertThat(judge.state().keySet()).contains("mapping.embed.bias", "mapping.fc7.weight", "b16.fromrgb.weight", "b4.out.bias")
                .doesNotContain("mapping.w_avg");
        }
    }

    @Test void truncationGoesTowardsTheMeanInTheFirstLayersOnly() throws Exception {
        StyleGan2 config = StyleGan2.fromJson(json(SMALL.formatted(""), ""));
        try (Scope scope = new Scope(); Guard none = Torch.noGrad();
            StyleGenerator net = new StyleGenerator(config.generator(), new Rng(1))) {
            Tensor w = net.mapping().forward(new Rng(4).normal(64, 8), null);
            net.mapping().mean(w.mean(false, 0));
            Tensor mean = java.util.Objects.requireNonNull(net.mapping().mean());
            assertThat(mean.sub(w.mean(false, 0)).abs().max().item()).isLessThan(1e-3);
            Tensor ws = net.styles(new Rng(5).normal(2, 8), null), half = net.truncated(ws, 0.5, 2);
            assertThat(half.narrow(1, 2, 4).sub(ws.narrow(1, 2, 4)).abs().max().item()).isZero();
            double got = half.select(1, 1).sub(mean).square().sum().item(), whole = ws.select(1, 1).sub(mean).square().sum().item();
            assertThat(got).isCloseTo(whole / 4, within(1e-4 * whole));
            assertThat(net.truncated(ws, 0, 0).sub(mean).abs().max().item()).isLessThan(1e-6);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {4, 7, 28, 32, 40, 48, 56, 64})
    void aSideIsHalvedDownToFourToSeven(int side) {
        List<Integer> sides = StylePictures.sides(side);
        assertThat(sides.get(0)).isBetween(4, 7);
        assertThat(sides.get(sides.size() - 1)).isEqualTo(side);
        for (int i = 1; i < sides.size(); i++) assertThat(sides.get(i)).isEqualTo(2 * sides.get(i - 1));
    }

    @Test void whatCannotBeBuiltIsRefusedByName() throws Exception {
        JsonNode unknown = json(", 'synthesis_kwargs': {'fused': true}", ""), side = json(", 'img_resolution': 36", "");
        JsonNode kernel = json(", 'synthesis_kwargs': {'kernel_size': 4}", ""), other = json(", 'c_dim': 4", "");
        assertThatThrownBy(() -> StyleGan2.fromJson(unknown)).isInstanceOf(ConfigException.class)
            .hasMessage("SynthesisNetwork has no key 'fused'");
        assertThatThrownBy(() -> StyleGan2.fromJson(side)).hasMessageContaining("illegal img_resolution: 36");
        assertThatThrownBy(() -> StyleGan2.fromJson(kernel)).hasMessage("illegal kernel_size: 4, must be 1, 3, 5, ... 15");
        assertThatThrownBy(() -> StyleGan2.fromJson(other)).hasMessage("illegal D.c_dim: 0, must be 4, that of G");
        assertThatThrownBy(() -> StylePictures.sides(30)).hasMessage("illegal side: 30, must be 4, 5, 6 or 7 doubled some "
            + "times, such as 28, 32, 40, 48 or 64");
        StyleGan2 config = StyleGan2.fromJson(json(SMALL.formatted(""), ""));
        try (Scope scope = new Scope(); StyleGenerator net = new StyleGenerator(config.generator(), new Rng(1))) {
            Tensor ws = net.styles(new Rng(5).normal(1, 8), null);
            assertThatThrownBy(() -> net.draw(ws, List.of(Torch.zeros(4, 4)))).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("illegal noise: of 1 layers, must be of none or of 5");
        }
    }
}
