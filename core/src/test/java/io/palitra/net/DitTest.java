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

class DitTest {
    private static final String SMALL = "'num_attention_heads': 2, 'attention_head_dim': 8, 'num_layers': 2, 'sample_size': 8,"
        + "'num_embeds_ada_norm': 3";

    private static Dit.Config small(String more) {
        ObjectNode config = (ObjectNode) json("{" + SMALL + "}");
        config.setAll((ObjectNode) json("{'_': 0" + more + "}"));
        return Dit.Config.fromJson(config);
    }

    private static JsonNode json(String text) { return Json.read("test", text.replace('\'', '"')); }

    private static Tensor longs(long... values) { return Torch.of(values, values.length); }

    /** Fresh networks answer 0: their last layers and gates get weights here. */
    private static Dit lively(Dit dit) {
        dit.parameters().forEach((key, p) -> p.copyFrom(new Rng(key.hashCode()).normalLike(p).mul(0.2)));
        return dit;
    }

    @Test void aPictureOfTwoSidesHasPositionsOfItsOwnInEachDirection() {
        Dit.Config flat = small(", 'sample_size': [8, 4]");
        assertThat(flat.sampleSize()).containsExactly(8, 4);
        assertThat(Dit.Config.fromJson(flat.toJson())).isEqualTo(flat);
        assertThat(small(", 'sample_size': [8, 8]").sampleHeight()).isEqualTo(8);
        try (Scope scope = new Scope(); Dit dit = new Dit(flat, new Rng(1))) {
            assertThat(dit.forward(Torch.zeros(1, 4, 8, 4), longs(1), longs(1)).shape()).containsExactly(1, 4, 8, 4);
            assertThat(dit.forward(Torch.zeros(1, 4, 16, 8), longs(1), longs(1)).shape()).containsExactly(1, 4, 16, 8);
            assertThatThrownBy(() -> dit.forward(Torch.zeros(1, 4, 4, 8), longs(1), longs(1))).hasMessageContaining("of the shape 8:4");
        }
        assertThatThrownBy(() -> small(", 'sample_size': [8, 4, 2]")).hasMessageContaining("one number or two");
    }

    @Test void aConfigurationReadsBackAsItWasWritten() {
        Dit.Config config = small(", 'activation_fn': 'linear-silu', 'norm_elementwise_affine': true, 'out_channels': 8,"
            + "'norm_eps': 0.001");
        assertThat(config.activationFn()).isEqualTo(FeedForward.Kind.LINEAR_SILU);
        assertThat(Dit.Config.fromJson(config.toJson())).isEqualTo(config);
    }

    @Test void theAuthorsFilesNameAnOlderClass() {
        String old = ", '_class_name': 'Transformer2DModel', 'cross_attention_dim': null, 'only_cross_attention': false,"
            + "'num_vector_embeds': null, 'use_linear_projection': false, 'norm_type': 'ada_norm_zero'";
        assertThat(small(old)).isEqualTo(small(""));
        assertThatThrownBy(() -> small(old.replace("'cross_attention_dim': null", "'cross_attention_dim': 8")))
            .hasMessage("illegal cross_attention_dim: 8, must be null");
    }

    @Test void whatDoesNotFitIsRefusedByKey() {
        assertThatThrownBy(() -> small(", 'norm_type': 'layer_norm'"))
            .hasMessage("illegal norm_type: \"layer_norm\", must be \"ada_norm_zero\"");
        assertThatThrownBy(() -> small(", 'activation_fn': 'relu'")).hasMessageContaining("gelu-approximate");
        assertThatThrownBy(() -> small(", 'attention_head_dim': 3")).hasMessageContaining("a multiple of 4");
        try (Scope scope = new Scope(); Dit dit = new Dit(small(""), new Rng(1))) {
            assertThatThrownBy(() -> dit.forward(Torch.zeros(1, 4, 8, 6), longs(1), longs(1))).hasMessageContaining("squares [B,4,S,S]");
            assertThatThrownBy(() -> dit.forward(Torch.zeros(1, 4, 7, 7), longs(1), longs(1))).hasMessageContaining("multiples of 2");
            assertThatThrownBy(() -> dit.forward(Torch.zeros(2, 4, 8, 8), longs(1, 2), longs(1))).hasMessageContaining("each of 2 items");
        }
    }

    @Test void aFreshNetworkAnswersZero() {
        try (Scope scope = new Scope(); Dit dit = new Dit(small(", 'out_channels': 8"), new Rng(1)); Guard g = Torch.noGrad()) {
            Tensor y = dit.forward(new Rng(2).normal(2, 4, 8, 8), longs(1, 900), longs(0, dit.noClass()));
            assertThat(y.shape()).containsExactly(2, 8, 8, 8);
            assertThat(y.floats()).containsOnly(0);
        }
    }

    @Test void patchesReturnToTheirPlaces() {
        try (Scope scope = new Scope(); Dit dit = lively(new Dit(small(""), new Rng(1))); Guard g = Torch.noGrad()) {
            // with gates shut a patch of the result is a function of its own patch alone
            dit.parameters().forEach((key, p) -> {
                if (key.contains("norm1.linear")) p.fill(0);
            });
            Tensor x = new Rng(2).normal(1, 4, 8, 8), changed = x.copy();
            changed.narrow(2, 2, 2).narrow(3, 6, 2).fill(3);
            Tensor moved = dit.forward(x, longs(5), longs(1)).sub(dit.forward(changed, longs(5), longs(1))).abs();
            assertThat(moved.narrow(2, 2, 2).narrow(3, 6, 2).min().item()).isPositive();
            moved.narrow(2, 2, 2).narrow(3, 6, 2).fill(0);
            assertThat(moved.max().item()).isZero();
        }
    }

    @Test void oneLabelInTenIsDroppedInTrainingOnly() {
        try (Scope scope = new Scope(); Dit dit = lively(new Dit(small(""), new Rng(1))); Guard g = Torch.noGrad()) {
            int n = 400;
            Tensor x = Torch.ones(n, 4, 2, 2), t = Torch.of(new long[n], n), labels = Torch.of(new long[n], n);
            Tensor kept = dit.forward(x.rows(0, 1), longs(0), longs(0)).reshape(1, -1);
            Tensor none = dit.forward(x.rows(0, 1), longs(0), longs(dit.noClass())).reshape(1, -1);
            Tensor y = dit.forward(x, t, labels, new Rng(2)).reshape(n, -1);
            long dropped = 0;
            for (long i = 0; i < n; i++) {
                double fromKept = y.rows(i, 1).sub(kept).abs().max().item(), fromNone = y.rows(i, 1).sub(none).abs().max().item();
                assertThat(Math.min(fromKept, fromNone)).isLessThan(1e-4);
                if (fromNone < fromKept) dropped++;
            }
            assertThat(dropped).isBetween(16L, 64L);   // 40, standard deviation 6
            dit.training(false);
            assertThat(dit.forward(x, t, labels, new Rng(2)).reshape(n, -1).sub(kept).abs().max().item()).isLessThan(1e-4);
        }
    }

    @Test void everyParameterGetsAGradient() {
        try (Scope scope = new Scope(); Dit dit = lively(new Dit(small(", 'norm_elementwise_affine': true"), new Rng(1)))) {
            dit.forward(new Rng(2).normal(2, 4, 8, 8), longs(1, 900), longs(0, 3)).square().mean().backward();
            dit.parameters().forEach((k, p) -> assertThat(p.hasGrad()).as(k).isTrue());
        }
    }
}
