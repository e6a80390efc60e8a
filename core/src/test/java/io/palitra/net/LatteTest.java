package io.palitra.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Json;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.junit.jupiter.api.Test;

class LatteTest {
    private static JsonNode json(String text) { return Json.read("test", text.replace('\'', '"')); }

    private static Latte.Config config(String more) {
        ObjectNode config = (ObjectNode) json("{'num_attention_heads': 2, 'attention_head_dim': 8, 'in_channels': 3, 'num_layers': 2,"
            + "'cross_attention_dim': 16, 'sample_size': 8, 'patch_size': 2, 'norm_type': 'ada_norm_single', 'caption_channels': 6,"
            + "'video_length': 4}");
        config.setAll((ObjectNode) json("{'_': 0" + more + "}"));
        return Latte.Config.fromJson(config);
    }

    /** Fresh networks answer 0: their last layers and gates get weights here. */
    private static Latte lively(String more) {
        Latte latte = new Latte(config(more), new Rng(1));
        latte.parameters().forEach((key, p) -> p.copyFrom(new Rng(key.hashCode()).normalLike(p).mul(0.2)));
        return latte;
    }

    private static Tensor times(long... t) { return Torch.of(t, t.length); }

    @Test void aFreshNetworkAnswersZero() {
        try (Scope scope = new Scope(); Latte latte = new Latte(config(", 'out_channels': 6"), new Rng(1)); Guard g = Torch.noGrad()) {
            Tensor y = latte.forward(new Rng(2).normal(2, 3, 4, 8, 8), times(1, 900), new Rng(3).normal(2, 5, 6), true);
            assertThat(y.shape()).containsExactly(2, 6, 4, 8, 8);
            assertThat(y.floats()).containsOnly(0);
        }
    }

    @Test void withoutTemporalLayersFramesAreIndependentBitForBit() {
        try (Scope scope = new Scope(); Latte latte = lively(""); Guard g = Torch.noGrad()) {
            Tensor x = new Rng(2).normal(1, 3, 4, 8, 8), changed = x.copy(), text = new Rng(3).normal(1, 5, 6);
            changed.narrow(2, 2, 1).fill(3);
            Tensor apart = latte.forward(x, times(5), text, false).sub(latte.forward(changed, times(5), text, false)).abs();
            assertThat(apart.narrow(2, 2, 1).max().item()).isPositive();
            apart.narrow(2, 2, 1).fill(0);
            assertThat(apart.max().item()).isZero();
            Tensor together = latte.forward(x, times(5), text, true).sub(latte.forward(changed, times(5), text, true)).abs();
            assertThat(together.narrow(2, 0, 1).max().item()).isPositive();
        }
    }

    @Test void oneFrameIsAPictureAndOtherNumbersAreRefused() {
        try (Scope scope = new Scope(); Latte latte = lively(""); Guard g = Torch.noGrad()) {
            Tensor text = Torch.zeros(1, 5, 6);
            assertThat(latte.forward(Torch.zeros(1, 3, 1, 8, 4), times(1), text, true).shape()).containsExactly(1, 3, 1, 8, 4);
            assertThat(latte.forward(Torch.zeros(1, 3, 7, 8, 8), times(1), text, false).shape()).containsExactly(1, 3, 7, 8, 8);
            assertThatThrownBy(() -> latte.forward(Torch.zeros(1, 3, 3, 8, 8), times(1), text, true))
                .hasMessage("the video transformer wants 4 frames, or 1, got 3");
            assertThatThrownBy(() -> latte.forward(Torch.zeros(1, 3, 4, 7, 8), times(1), text, true))
                .hasMessageContaining("multiples of 2");
            assertThatThrownBy(() -> latte.forward(Torch.zeros(1, 3, 4, 8, 8), times(1), null, true))
                .hasMessage("the video transformer wants a text [1,S,6], got none");
            assertThatThrownBy(() -> latte.forward(Torch.zeros(1, 3, 4, 8, 8), times(1, 2), text, true)).hasMessageContaining("each of 1");
        }
    }

    @Test void paddingOfTheTextIsNotAttendedTo() {
        try (Scope scope = new Scope(); Latte latte = lively(""); Guard g = Torch.noGrad()) {
            Tensor x = new Rng(2).normal(1, 3, 4, 8, 8), text = new Rng(3).normal(1, 5, 6), mask = Torch.of(new long[] {1, 1, 1, 0, 0}, 1,
                5);
            Tensor alone = latte.forward(x, times(5), text.narrow(1, 0, 3), true);
            assertThat(latte.forward(x, times(5), text, mask, true, null).sub(alone).abs().max().item()).isLessThan(1e-5);
        }
    }

    @Test void aConfigurationReadsBackAsItWasWrittenAndWhatDoesNotFitIsRefusedByKey() {
        for (String more : new String[] {"", ", 'norm_type': 'layer_norm', 'cross_attention_dim': null, 'activation_fn': 'geglu'"}) {
            assertThat(Latte.Config.fromJson(config(more).toJson())).isEqualTo(config(more));
        }
        assertThatThrownBy(() -> config(", 'norm_type': 'ada_norm'")).hasMessageContaining("one of ada_norm_single");
        assertThatThrownBy(() -> config(", 'cross_attention_dim': 8"))
            .hasMessage("illegal cross_attention_dim: 8, must be null or the width of all heads, 16");
        assertThatThrownBy(() -> config(", 'caption_channels': null")).hasMessageContaining("illegal caption_channels");
        assertThatThrownBy(() -> config(", 'frames': 3")).hasMessage("LatteTransformer3DModel has no key 'frames'");
    }

    @Test void everyParameterGetsAGradient() {
        for (String more : new String[] {", 'norm_elementwise_affine': true", ", 'norm_type': 'layer_norm'"}) {
            try (Scope scope = new Scope(); Latte latte = lively(more)) {
                latte.forward(new Rng(2).normal(1, 3, 4, 8, 8), times(5), new Rng(3).normal(1, 5, 6), true).square().mean().backward();
                latte.parameters().forEach((k, p) -> {
                    // norms without a modulation between do not need the time's layer
                    if (more.contains("affine") || !k.startsWith("adaln_single.linear")) assertThat(p.hasGrad()).as(k).isTrue();
                });
            }
        }
    }
}
