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
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class IdeficsTest {
    private static final String RESAMPLED = ", 'use_resampler': true, 'perceiver_config': {'resampler_depth': 1, 'resampler_n_heads': 2,"
        + "'resampler_head_dim': 4, 'resampler_n_latents': 3, 'qk_layer_norms_perceiver': true}";

    private static JsonNode json(String text) { return Json.read("test", text.replace('\'', '"')); }

    private static Idefics.Config config(String more) {
        ObjectNode config = (ObjectNode) json("{'vocab_size': 20, 'additional_vocab_size': 2, 'hidden_size': 16, 'intermediate_size': 24,"
            + "'num_hidden_layers': 4, 'num_attention_heads': 2, 'cross_layer_interval': 2, 'vision_config': {'embed_dim': 12,"
            + "'intermediate_size': 20, 'num_hidden_layers': 1, 'num_attention_heads': 3, 'image_size': 8, 'patch_size': 4}}");
        config.setAll((ObjectNode) json("{'_': 0" + more + "}"));
        return Idefics.Config.fromJson(config);
    }

    private static Tensor ids(long... ids) { return Torch.of(ids, 1, ids.length); }

    private static void open(Idefics net) {
        net.parameters().forEach((key, p) -> {
            if (key.contains("alpha_")) p.fill(0.7);
        });
    }

    @Test void aFreshNetworkIsTheLanguageModelBitForBit() {
        for (String more : new String[] {"", RESAMPLED, ", 'alpha_type': 'vector', 'qk_layer_norms': true"}) {
            try (Scope scope = new Scope(); Idefics net = new Idefics(config(more), new Rng(1)); Guard g = Torch.noGrad()) {
                Tensor text = ids(1, 5, 21, 7), sees = Torch.ones(1, 4, 2);
                Tensor one = net.pictures(new Rng(2).normal(1, 2, 3, 8, 8)), other = net.pictures(new Rng(3).normal(1, 2, 3, 8, 8));
                assertThat(net.forward(text, null, one, sees).floats()).isEqualTo(net.forward(text, null, other, sees).floats());
                assertThat(net.forward(text, null, one, sees).shape()).containsExactly(1, 4, 22);
                open(net);
                assertThat(net.forward(text, null, one, sees).floats()).isNotEqualTo(net.forward(text, null, other, sees).floats());
            }
        }
    }

    @Test void aTokenSeesThePicturesOfItsRowAlone() {
        try (Scope scope = new Scope(); Idefics net = new Idefics(config(RESAMPLED), new Rng(1)); Guard g = Torch.noGrad()) {
            open(net);
            Tensor text = ids(1, 5, 6, 7), x = new Rng(2).normal(1, 2, 3, 8, 8), changed = x.copy();
            changed.narrow(1, 1, 1).fill(2);
            Tensor sees = Torch.of(new long[] {0, 0, 1, 0, 1, 0, 0, 1}, 1, 4, 2);
            Tensor moved = net.forward(text, null, net.pictures(x), sees).sub(net.forward(text, null, net.pictures(changed), sees)).abs();
            assertThat(moved.narrow(1, 0, 3).max().item()).isZero();
            assertThat(moved.narrow(1, 3, 1).max().item()).isPositive();
        }
    }

    @Test void tiedTablesAreTheLastLayerAndOldFilesHoldPositions() {
        try (Scope scope = new Scope(); Idefics net = new Idefics(config(", 'tie_word_embeddings': true"),
            new Rng(1)); Guard g = Torch.noGrad()) {
            Map<String, Tensor> file = new LinkedHashMap<>(net.state());
            assertThat(file).doesNotContainKey("lm_head.weight");
            file.put("lm_head.weight", Torch.zeros(20, 16));
            file.put("model.vision_model.embeddings.position_ids", Torch.zeros(1, 5));
            file.put("model.layers.0.self_attn.rotary_emb.inv_freq", Torch.zeros(4));
            net.loadPublic(file);
            file.remove("model.norm.weight");
            assertThatThrownBy(() -> net.loadPublic(file)).hasMessageContaining("missing model.norm.weight");
        }
    }

    @Test void whatDoesNotFitIsRefused() {
        assertThat(Idefics.Config.fromJson(config(RESAMPLED).toJson())).isEqualTo(config(RESAMPLED));
        assertThatThrownBy(() -> config(", 'cross_layer_interval': 3"))
            .hasMessage("illegal cross_layer_interval: 3, must be a divisor of the "
            + "4 layers");
        assertThatThrownBy(() -> config(", 'alpha_type': 'matrix'")).hasMessage("illegal alpha_type: matrix, must be float or vector");
        assertThatThrownBy(() -> config(", 'rope_parameters': {'rope_theta': 5000}")).hasMessageContaining("illegal rope_theta: 5000");
        assertThatThrownBy(() -> config(", 'architectures': ['Idefics2ForConditionalGeneration']")).hasMessageContaining("architectures");
        try (Scope scope = new Scope(); Idefics net = new Idefics(config(""), new Rng(1)); Guard g = Torch.noGrad()) {
            assertThatThrownBy(() -> net.pictures(Torch.zeros(1, 3, 8, 8))).hasMessage("IDEFICS wants pictures [B,N,3,8,8], got 1×3×8×8");
            Tensor pictures = net.pictures(Torch.zeros(1, 1, 3, 8, 8));
            assertThatThrownBy(() -> net.forward(ids(1, 2), null, pictures, Torch.ones(1, 3, 1))).hasMessageContaining("[1,2,N]");
        }
    }

    @Test void everyParameterGetsAGradient() {
        try (Scope scope = new Scope(); Idefics net = new Idefics(config(RESAMPLED + ", 'qk_layer_norms': true"), new Rng(1))) {
            open(net);
            net.forward(ids(1, 5, 21, 7), null, net.pictures(new Rng(2).normal(1, 1, 3, 8, 8)), Torch.ones(1, 4, 1)).square().mean()
                .backward();
            net.parameters().forEach((k, p) -> {
                if (!k.contains("vision_model.post_layernorm")) assertThat(p.hasGrad()).as(k).isTrue();   // it stands in the files, unused
            });
        }
    }
}
