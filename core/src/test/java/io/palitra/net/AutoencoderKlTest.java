package io.palitra.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Json;
import io.palitra.engine.Guard;
import io.palitra.engine.LivePointers;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class AutoencoderKlTest {
    private static final String SMALL = "'block_out_channels': [8, 8], 'norm_num_groups': 4, 'sample_size': 16,"
        + "'down_block_types': ['DownEncoderBlock2D', 'DownEncoderBlock2D'], 'up_block_types': ['UpDecoderBlock2D', 'UpDecoderBlock2D']";

    private static AutoencoderKl.Config small(String more) {
        ObjectNode config = (ObjectNode) json("{" + SMALL + "}");
        config.setAll((ObjectNode) json("{'_': 0" + more + "}"));
        return AutoencoderKl.Config.fromJson(config);
    }

    private static JsonNode json(String text) { return Json.read("test", text.replace('\'', '"')); }

    private static double difference(Tensor a, Tensor b) {
        assertThat(a.shape()).isEqualTo(b.shape());
        return a.sub(b).abs().max().item();
    }

    @Test void aConfigurationReadsBackAsItWasWritten() {
        AutoencoderKl.Config config = small(", 'shift_factor': 0.1, 'latents_mean': [1, 2, 3, 4], 'latents_std': [1, 2, 1, 2],"
            + "'use_quant_conv': false, 'act_fn': 'mish', 'force_upcast': false, 'mid_block_add_attention': false");
        assertThat(config.shiftFactor()).isEqualTo(0.1);
        assertThat(AutoencoderKl.Config.fromJson(config.toJson())).isEqualTo(config);
    }

    @Test void whatDoesNotFitIsRefusedByKey() {
        assertThatThrownBy(() -> small(", 'down_block_types': ['DownEncoderBlock2D']")).hasMessageContaining("down_block_types");
        assertThatThrownBy(() -> small(", 'latents_mean': [1, 2], 'latents_std': [1, 2]")).hasMessageContaining("each of 4 channels");
        assertThatThrownBy(() -> small(", 'norm_num_groups': 3")).hasMessageContaining("multiples of norm_num_groups 3");
        assertThatThrownBy(() -> small(", 'up_block_types': ['UpBlock2D', 'UpBlock2D']"))
            .hasMessageContaining("one of UpDecoderBlock2D, AttnUpDecoderBlock2D");
        assertThatThrownBy(() -> small(", 'num_vq_embeddings': 3")).hasMessage("AutoencoderKL has no key 'num_vq_embeddings'");
        try (Scope scope = new Scope(); AutoencoderKl vae = new AutoencoderKl(small(""), new Rng(1))) {
            assertThatThrownBy(() -> vae.encode(Torch.zeros(1, 1, 8, 8))).hasMessageContaining("[B,3,H,W] of at least 2 pixels");
            assertThatThrownBy(() -> vae.decode(Torch.zeros(4, 8, 8))).hasMessageContaining("[B,4,H,W]");
            assertThatThrownBy(() -> vae.encode(Torch.zeros(1, 3, 33, 8), vae.tiling())).hasMessageContaining("multiples of 2");
        }
    }

    @Test void thePosteriorIsClampedAndDrawnFrom() {
        AutoencoderKl.Config config = small(", 'use_quant_conv': false");
        try (Scope scope = new Scope(); AutoencoderKl vae = new AutoencoderKl(config, new Rng(1)); Guard g = Torch.noGrad()) {
            vae.parameters().get("encoder.conv_out.bias").narrow(0, 4, 4).fill(1000);
            AutoencoderKl.Posterior q = vae.encode(new Rng(2).normal(1, 3, 8, 8));
            assertThat(q.logVar().max().item()).isEqualTo(20);
            AutoencoderKl.Posterior narrow = new AutoencoderKl.Posterior(q.mean(), q.logVar().mul(0).add(Math.log(0.25)));
            assertThat(narrow.mode()).isSameAs(q.mean());
            Tensor eps = narrow.sample(new Rng(3)).sub(q.mean()).div(0.5);
            assertThat(difference(eps, new Rng(3).normalLike(q.mean()))).isLessThan(1e-5);
        }
    }

    @Test void scalingAndItsInverseCancel() {
        for (String more : new String[] {", 'shift_factor': 0.3", ", 'latents_mean': [1, 2, 3, 4], 'latents_std': [1, 2, 1, 2]", ""}) {
            try (Scope scope = new Scope(); AutoencoderKl vae = new AutoencoderKl(small(more), new Rng(1))) {
                Tensor z = new Rng(2).normal(2, 4, 3, 3);
                assertThat(difference(vae.unscaled(vae.scaled(z)), z)).isLessThan(1e-5);
            }
        }
        try (Scope scope = new Scope(); AutoencoderKl vae = new AutoencoderKl(small(", 'shift_factor': 0.5"), new Rng(1))) {
            assertThat(vae.scaled(Torch.full(1.5, 1, 4, 1, 1)).max().item()).isCloseTo(0.18215, within(1e-7));
        }
    }

    @Test void aPictureWithinATileIsDecodedAsAWhole() {
        try (Scope scope = new Scope(); AutoencoderKl vae = new AutoencoderKl(small(""), new Rng(1)); Guard g = Torch.noGrad()) {
            assertThat(vae.tiling()).isEqualTo(new Tiling(8, 2));
            Tensor z = new Rng(2).normal(1, 4, 8, 6), x = new Rng(3).normal(1, 3, 16, 12);
            assertThat(vae.decode(z, vae.tiling()).floats()).isEqualTo(vae.decode(z).floats());
            assertThat(vae.encode(x, vae.tiling()).mean().floats()).isEqualTo(vae.encode(x).mean().floats());
            Tensor large = new Rng(4).normal(1, 4, 13, 21);
            assertThat(vae.decode(large, vae.tiling()).shape()).containsExactly(1, 3, 26, 42);
        }
    }

    @Test void tilesOfAFunctionOfSinglePixelsAreTheFunctionOfTheWhole() {
        try (Scope scope = new Scope()) {
            Tensor z = new Rng(1).normal(2, 3, 23, 17);
            Tiling tiling = new Tiling(8, 3);
            assertThat(difference(tiling.map(z, 1, 2, t -> Torch.upsampleNearest(t, 2)), Torch.upsampleNearest(z, 2))).isLessThan(1e-6);
            Tensor x = new Rng(2).normal(1, 1, 46, 34);
            assertThat(difference(tiling.map(x, 2, 1, t -> Torch.avgPool(t, 2)), Torch.avgPool(x, 2))).isLessThan(1e-6);
        }
    }

    @Test void aTilePassesIntoTheNextAlongALine() {
        try (Scope scope = new Scope()) {
            double[] level = {0};
            Tensor y = new Tiling(4, 2).map(Torch.zeros(1, 1, 4, 6), 1, 2, t -> {
                Tensor flat = Torch.full(level[0], 1, 1, t.size(2) * 2, t.size(3) * 2);
                level[0] += 8;
                return flat;
            });
            assertThat(y.select(2, 0).floats()).containsExactly(0, 0, 0, 0, 0, 2, 4, 6, 8, 10, 12, 14);
        }
    }

    @Test void itemsOneByOneAreTheBatch() {
        try (Scope scope = new Scope(); AutoencoderKl vae = new AutoencoderKl(small(""), new Rng(1)); Guard g = Torch.noGrad()) {
            Tensor z = new Rng(2).normal(3, 4, 4, 4);
            assertThat(difference(Tiling.oneByOne(z, vae::decode), vae.decode(z))).isLessThan(1e-5);
        }
    }

    @Test void weightsUnderOldNamesLoad() {
        try (Scope scope = new Scope(); AutoencoderKl vae = new AutoencoderKl(small(""), new Rng(1)); Guard g = Torch.noGrad();
                AutoencoderKl other = new AutoencoderKl(small(""), new Rng(2))) {
            Map<String, Tensor> old = new LinkedHashMap<>();
            vae.state().forEach((key, t) -> old.put(key.replace(".to_q.", ".query.").replace(".to_k.", ".key.")
                .replace(".to_v.", ".value.").replace(".to_out.0.", ".proj_attn."), t));
            assertThat(old).containsKey("encoder.mid_block.attentions.0.proj_attn.bias");
            assertThatThrownBy(() -> other.load(old)).hasMessageContaining("missing encoder.mid_block.attentions.0.to_q.weight");
            other.load(LegacyTensorNames.renewed(old));
            Tensor z = new Rng(3).normal(1, 4, 4, 4);
            assertThat(other.decode(z).floats()).isEqualTo(vae.decode(z).floats());
        }
    }

    @Test void theShapesOfStableDiffusionHaveItsNumberOfParameters() {
        String four = "'DownEncoderBlock2D', 'DownEncoderBlock2D', 'DownEncoderBlock2D', 'DownEncoderBlock2D'";
        JsonNode config = json("{'block_out_channels': [128, 256, 512, 512], 'layers_per_block': 2, 'down_block_types': [" + four
            + "], 'up_block_types': [" + four.replace("DownEncoder", "UpDecoder") + "]}");
        try (Scope scope = new Scope(); AutoencoderKl vae = new AutoencoderKl(AutoencoderKl.Config.fromJson(config), Rng.silent())) {
            assertThat(vae.size()).isEqualTo(83_653_863);
        }
    }

    @Test void decodingLeavesNothingBehind() {
        try (Scope scope = new Scope(); AutoencoderKl vae = new AutoencoderKl(small(""), new Rng(1)); Guard g = Torch.noGrad()) {
            Tensor z = Torch.ones(1, 4, 13, 9);
            Scope.run(() -> vae.decode(z, vae.tiling())).free();
            long before = LivePointers.settled();
            for (int i = 0; i < 3; i++) {
                try (Scope turn = new Scope()) { vae.encode(vae.decode(z, vae.tiling())); }
            }
            assertThat(Scope.livePointers()).isEqualTo(before);
        }
    }
}
