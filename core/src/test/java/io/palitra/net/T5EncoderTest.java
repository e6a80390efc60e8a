package io.palitra.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Json;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class T5EncoderTest {
    private static T5Encoder.Config config(String more) {
        ObjectNode config = (ObjectNode) Json.read("test", ("{'vocab_size': 20, 'd_model': 12, 'd_kv': 5, 'd_ff': 16, 'num_layers': 2,"
            + "'num_heads': 3, 'relative_attention_num_buckets': 8, 'relative_attention_max_distance': 9}").replace('\'', '"'));
        config.setAll((ObjectNode) Json.read("test", ("{'_': 0" + more + "}").replace('\'', '"')));
        return T5Encoder.Config.fromJson(config);
    }

    private static Tensor ids(long... ids) { return Torch.of(ids, 1, ids.length); }

    @Test void theFormOfTheFeedForwardLayersIsOneKeyAndTheOthersMustAgree() {
        T5Encoder.Config gated = config(", 'feed_forward_proj': 'gated-gelu', 'dense_act_fn': 'gelu_new', 'is_gated_act': true");
        assertThat(gated.act()).isEqualTo(HiddenActivation.GELU_NEW);
        assertThat(gated.gated()).isTrue();
        assertThat(config("").act()).isEqualTo(HiddenActivation.RELU);
        assertThat(config(", 'feed_forward_proj': 'gated-silu'").act()).isEqualTo(HiddenActivation.SILU);
        assertThatThrownBy(() -> config(", 'feed_forward_proj': 'gated-step'")).hasMessageStartingWith("illegal feed_forward_proj: "
            + "'gated-step', must be one of quick_gelu, gelu");
        assertThatThrownBy(() -> config(", 'is_gated_act': true")).hasMessage("illegal is_gated_act: true, must be false, as "
            + "feed_forward_proj says");
        assertThatThrownBy(() -> config(", 'dense_act_fn': 'silu'")).hasMessageContaining("must be relu, as feed_forward_proj says");
        assertThatThrownBy(() -> config(", 'relative_attention_max_distance': 2")).hasMessageContaining("above the 2 distances");
        assertThatThrownBy(() -> config(", 'architectures': ['MT5EncoderModel']")).hasMessageContaining("T5ForConditionalGeneration");
    }

    @Test void distancesBeyondTheLargestAreOne() {
        try (Scope scope = new Scope(); T5Encoder net = new T5Encoder(config(", 'num_layers': 1"), new Rng(1)); Guard g = Torch.noGrad()) {
            // the first token sees the others by their distances alone: those of 9 and more have one bucket
            Tensor a = net.forward(ids(1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 4), null), b = net.forward(ids(1, 2, 2, 2, 2, 2, 2, 2, 2, 4, 3), null);
            assertThat(a.narrow(1, 0, 1).sub(b.narrow(1, 0, 1)).abs().max().item()).isLessThan(1e-6);
            Tensor near = net.forward(ids(1, 3, 4, 2, 2, 2, 2, 2, 2, 2, 2), null), far = net.forward(ids(1, 4, 3, 2, 2, 2, 2, 2, 2, 2, 2),
                null);
            assertThat(near.narrow(1, 0, 1).sub(far.narrow(1, 0, 1)).abs().max().item()).isGreaterThan(1e-4);
        }
    }

    @Test void paddingIsNotAttendedTo() {
        try (Scope scope = new Scope(); T5Encoder net = new T5Encoder(config(", 'feed_forward_proj': 'gated-gelu'"), new Rng(1));
                Guard g = Torch.noGrad()) {
            Tensor mask = ids(1, 1, 1, 0, 0);
            Tensor alone = net.forward(ids(5, 6, 1), null), padded = net.forward(ids(5, 6, 1, 0, 9), mask).narrow(1, 0, 3);
            assertThat(padded.sub(alone).abs().max().item()).isLessThan(1e-5);
            assertThat(net.forward(ids(5, 6), ids(0, 0)).isFinite().all().item()).isEqualTo(1);
            assertThatThrownBy(() -> net.forward(ids(5, 6), mask)).hasMessageContaining("wants a mask [1,2]");
        }
    }

    @Test void ofAWholeT5TheEncoderIsRead() {
        try (Scope scope = new Scope(); T5Encoder net = new T5Encoder(config(""), new Rng(1)); T5Encoder read = new T5Encoder(config(""),
                new Rng(2)); Guard g = Torch.noGrad()) {
            Map<String, Tensor> whole = new LinkedHashMap<>(net.state());
            whole.put("lm_head.weight", Torch.zeros(20, 12));
            whole.put("decoder.final_layer_norm.weight", Torch.zeros(12));
            whole.put("encoder.embed_tokens.weight", Objects.requireNonNull(whole.get("shared.weight")));
            read.loadPublic(whole);
            assertThat(read.forward(ids(5, 6, 1), null).floats()).isEqualTo(net.forward(ids(5, 6, 1), null).floats());
            whole.remove("shared.weight");
            read.loadPublic(whole);
            whole.remove("encoder.final_layer_norm.weight");
            assertThatThrownBy(() -> read.loadPublic(whole)).hasMessageContaining("missing encoder.final_layer_norm.weight");
        }
    }

    @Test void everyParameterGetsAGradient() {
        try (Scope scope = new Scope(); T5Encoder net = new T5Encoder(config(", 'feed_forward_proj': 'gated-gelu'"), new Rng(1))) {
            net.forward(ids(5, 6, 1), null).mul(new Rng(2).normal(1, 3, 12)).sum().backward();
            net.parameters().forEach((k, p) -> assertThat(p.hasGrad()).as(k).isTrue());
        }
    }
}
