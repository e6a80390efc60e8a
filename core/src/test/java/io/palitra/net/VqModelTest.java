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

class VqModelTest {
    private static final String SMALL = "'block_out_channels': [8, 8], 'norm_num_groups': 4, 'num_vq_embeddings': 11,"
        + "'down_block_types': ['DownEncoderBlock2D', 'DownEncoderBlock2D'], 'up_block_types': ['UpDecoderBlock2D', 'UpDecoderBlock2D']";

    private static VqModel.Config small(String more) {
        ObjectNode config = (ObjectNode) json("{" + SMALL + "}");
        config.setAll((ObjectNode) json("{'_': 0" + more + "}"));
        return VqModel.Config.fromJson(config);
    }

    private static JsonNode json(String text) { return Json.read("test", text.replace('\'', '"')); }

    @Test void aConfigurationReadsBackAsItWasWritten() {
        VqModel.Config config = small(", 'vq_embed_dim': 5, 'lookup_from_codebook': true, 'scaling_factor': 0.5, 'sample_size': null");
        assertThat(config.width()).isEqualTo(5);
        assertThat(VqModel.Config.fromJson(config.toJson())).isEqualTo(config);
    }

    @Test void whatDoesNotFitIsRefusedByKey() {
        assertThatThrownBy(() -> small(", 'norm_type': 'spatial'")).hasMessageContaining("multiples of 32 with spatial norms");
        assertThatThrownBy(() -> small(", 'norm_type': 'spatial', 'vq_embed_dim': 5")).hasMessageContaining("the 3 latent_channels");
        assertThatThrownBy(() -> small(", 'num_vq_embeddings': 0")).hasMessage("illegal num_vq_embeddings: 0, must be 1 to 2^24");
        try (Scope scope = new Scope(); VqModel vq = new VqModel(small(", 'vq_embed_dim': 5"), new Rng(1))) {
            assertThatThrownBy(() -> vq.decode(Torch.zeros(1, 3, 4, 4))).hasMessageContaining("[B,5,H,W]");
            assertThatThrownBy(() -> vq.encode(Torch.zeros(1, 3, 1, 4))).hasMessageContaining("at least 2 pixels");
        }
    }

    @Test void everyLatentTakesTheNearestCode() {
        try (Scope scope = new Scope(); VqModel vq = new VqModel(small(""), new Rng(1)); Guard g = Torch.noGrad()) {
            Tensor book = vq.parameters().get("quantize.embedding.weight");
            book.copyFrom(new Rng(2).normal(11, 3));
            Tensor latents = new Rng(3).normal(2, 3, 4, 5);
            Tensor codes = vq.codes(latents);
            assertThat(codes.shape()).containsExactly(2, 4, 5);
            Tensor chosen = vq.lookup(codes).sub(latents).square().sum(false, 1);   // [B,h,w]
            for (int k = 0; k < 11; k++) {
                Tensor rival = book.select(0, k).reshape(1, 3, 1, 1).sub(latents).square().sum(false, 1);
                assertThat(rival.sub(chosen).min().item()).isGreaterThan(-1e-5);
            }
            assertThat(vq.codes(vq.lookup(codes)).longs()).isEqualTo(codes.longs());
            assertThat(vq.decodeCodes(codes).sub(vq.decode(latents)).abs().max().item()).isLessThan(1e-5);
        }
    }

    @Test void gradientsPassStraightThroughTheCodebook() {
        try (Scope scope = new Scope(); VqModel vq = new VqModel(small(""), new Rng(1))) {
            Tensor latents = new Rng(2).normal(1, 3, 2, 2).requiresGrad(true);
            vq.quantized(latents).mul(3).sum().backward();
            assertThat(latents.grad().floats()).containsOnly(3);
        }
    }
}
