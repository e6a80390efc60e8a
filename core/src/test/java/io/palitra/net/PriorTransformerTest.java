package io.palitra.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Json;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.junit.jupiter.api.Test;

class PriorTransformerTest {
    private static JsonNode json(String text) { return Json.read("test", text.replace('\'', '"')); }

    private static PriorTransformer.Config config(String more) {
        ObjectNode config = (ObjectNode) json("{'num_attention_heads': 2, 'attention_head_dim': 8, 'num_layers': 2, 'embedding_dim': 6,"
            + "'num_embeddings': 5}");
        config.setAll((ObjectNode) json("{'_': 0" + more + "}"));
        return PriorTransformer.Config.fromJson(config);
    }

    private static Tensor times(long... t) { return Torch.of(t, t.length); }

    @Test void withAMaskNeitherPaddingNorTheTokensAfterAreAttendedTo() {
        try (Scope scope = new Scope(); PriorTransformer prior = new PriorTransformer(config(""), new Rng(1)); Guard g = Torch.noGrad()) {
            Tensor x = new Rng(2).normal(1, 6), text = new Rng(3).normal(1, 6), tokens = new Rng(4).normal(1, 5, 6), other = tokens.copy();
            other.narrow(1, 3, 2).fill(7);
            Tensor mask = Torch.of(new long[] {1, 1, 1, 0, 0}, 1, 5);
            Tensor a = prior.forward(x, times(5), text, tokens, mask), b = prior.forward(x, times(5), text, other, mask);
            assertThat(a.shape()).containsExactly(1, 6);
            assertThat(a.sub(b).abs().max().item()).isZero();
            assertThat(prior.forward(x, times(5), text, tokens, null).sub(prior.forward(x, times(5), text, other, null)).abs().max().item())
                .isPositive();
        }
    }

    @Test void severalNoisyVectorsOfAnItemHaveAnAnswerEach() {   // as Shap-E's prior
        String several = ", 'added_emb_type': null, 'encoder_hid_proj_type': null, 'additional_embeddings': 0, 'norm_in_type': 'layer',"
            + "'embedding_proj_norm_type': 'layer', 'embedding_proj_dim': 7, 'clip_embed_dim': 9, 'time_embed_dim': 20";
        PriorTransformer.Config config = config(several);
        assertThat(PriorTransformer.Config.fromJson(config.toJson())).isEqualTo(config);
        try (Scope scope = new Scope(); PriorTransformer prior = new PriorTransformer(config, new Rng(1)); Guard g = Torch.noGrad()) {
            Tensor y = prior.forward(new Rng(2).normal(2, 5, 6), times(5, 6), new Rng(3).normal(2, 7), null, null);
            assertThat(y.shape()).containsExactly(2, 5, 9);
            assertThatThrownBy(() -> prior.forward(new Rng(2).normal(2, 4, 6), times(5, 6), new Rng(3).normal(2, 7), null, null))
                .hasMessage("the prior has positions for 5 tokens, got 0 of a text and 6 more");
        }
    }

    @Test void whatDoesNotFitIsRefused() {
        assertThatThrownBy(() -> config(", 'added_emb_type': 'last'"))
            .hasMessage("illegal added_emb_type: \"last\", must be \"prd\" or null");
        assertThatThrownBy(() -> config(", 'norm_in_type': 'group'")).hasMessageContaining("illegal norm_in_type");
        assertThatThrownBy(() -> config(", 'width': 3")).hasMessage("PriorTransformer has no key 'width'");
        try (Scope scope = new Scope(); PriorTransformer prior = new PriorTransformer(config(""), new Rng(1)); Guard g = Torch.noGrad()) {
            Tensor x = Torch.zeros(1, 6), tokens = Torch.zeros(1, 5, 6);
            assertThatThrownBy(() -> prior.forward(Torch.zeros(1, 8), times(5), x, tokens, null))
                .hasMessage("the prior wants noisy vectors [B,6], got 1×8");
            assertThatThrownBy(() -> prior.forward(x, times(5), Torch.zeros(1, 7), tokens, null))
                .hasMessageContaining("vectors of texts [1,6]");
            assertThatThrownBy(() -> prior.forward(x, times(5), x, null, null))
                .hasMessage("the prior wants tokens of texts [1,5,6], got none");
            assertThatThrownBy(() -> prior.forward(x, times(5), x, Torch.zeros(1, 3, 6), null))
                .hasMessageContaining("positions for 9 tokens");
        }
    }

    @Test void theStatisticsScaleThereAndBack() {
        try (Scope scope = new Scope(); PriorTransformer prior = new PriorTransformer(config(""), new Rng(1)); Guard g = Torch.noGrad()) {
            Tensor clip = new Rng(2).normal(4, 6);
            prior.statistics(Torch.full(0.5, 6), Torch.full(2, 6));
            assertThat(prior.scaled(clip).mul(2).add(0.5).sub(clip).abs().max().item()).isCloseTo(0, within(1e-6));
            assertThat(prior.unscaled(prior.scaled(clip)).sub(clip).abs().max().item()).isCloseTo(0, within(1e-6));
            assertThat(prior.parameters()).doesNotContainKeys("clip_mean", "clip_std");
        }
    }

    @Test void everyParameterGetsAGradient() {
        try (Scope scope = new Scope(); PriorTransformer prior = new PriorTransformer(config(""), new Rng(1))) {
            Tensor x = new Rng(2).normal(1, 6);
            prior.forward(x, times(5), x, new Rng(4).normal(1, 5, 6), null).square().mean().backward();
            prior.parameters().forEach((k, p) -> assertThat(p.hasGrad()).as(k).isTrue());
        }
    }
}
