package io.palitra.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.junit.jupiter.api.Test;

class Unet2dTest {
    private static final String SMALL = "'block_out_channels': [8, 16], 'down_block_types': ['DownBlock2D', 'AttnDownBlock2D'],"
        + "'up_block_types': ['AttnUpBlock2D', 'UpBlock2D'], 'layers_per_block': 1, 'norm_num_groups': 4,"
        + "'in_channels': 1, 'out_channels': 1";

    private static Unet2d.Config small(String more) { return Unet2d.Config.fromJson(json("{" + SMALL + more + "}")); }

    private static JsonNode json(String text) { return Json.read("test", text.replace('\'', '"')); }

    @Test void aConfigurationReadsBackAsItWasWritten() {
        Unet2d.Config config = small(", 'sample_size': [32, 16], 'mid_block_type': null, 'freq_shift': 1, 'act_fn': 'mish', 'dropout': 0.1,"
            + "'attention_head_dim': null, 'class_embed_type': 'identity', 'resnet_time_scale_shift': 'scale_shift', '_name_or_path': 'x'");
        assertThat(config.midBlock()).isFalse();
        assertThat(config.attentionHeadDim()).isZero();
        assertThat(Unet2d.Config.fromJson(config.toJson())).isEqualTo(config);
    }

    @Test void anEmptyConfigurationHasTheDefaultsOfThePublicOne() {
        Unet2d.Config config = Unet2d.Config.fromJson(json("{}"));
        assertThat(config.blockOutChannels()).containsExactly(224, 448, 672, 896);
        assertThat(config.attentionHeadDim()).isEqualTo(8);
        assertThat(config.embedding()).isEqualTo(896);
    }

    @Test void whatTheNetworkDoesNotHaveIsRefusedByName() {
        assertThatThrownBy(() -> Unet2d.Config.fromJson(json("{'down_block_types': ['SkipDownBlock2D']}")))
            .isInstanceOf(ConfigException.class)
            .hasMessage("illegal down_block_types: \"SkipDownBlock2D\", must be one of "
                + "DownBlock2D, AttnDownBlock2D, ResnetDownsampleBlock2D");
        assertThatThrownBy(() -> small(", 'cross_attention_dim': 8")).hasMessage("UNet2DModel has no key 'cross_attention_dim'");
        assertThatThrownBy(() -> small(", 'mid_block_type': 'UNetMidBlock2DCrossAttn'")).hasMessageContaining("UNetMidBlock2D or null");
        assertThatThrownBy(() -> small(", 'resnet_time_scale_shift': 'spatial'")).hasMessageContaining("one of default, scale_shift");
        assertThatThrownBy(() -> small(", '_class_name': 'UNet2DConditionModel'")).hasMessageContaining("must be UNet2DModel");
        assertThatThrownBy(() -> small(", 'downsample_padding': 2")).hasMessage("illegal downsample_padding: 2, must be 0 or 1");
        assertThatThrownBy(() -> small(", 'attention_head_dim': 32")).hasMessageContaining("at most the 16 channels");
        assertThatThrownBy(() -> small(", 'time_embedding_type': 'learned'")).hasMessageContaining("num_train_timesteps");
        assertThatThrownBy(() -> Unet2d.Config.fromJson(json("{'norm_num_groups': 5}")))
            .hasMessageContaining("multiples of norm_num_groups 5");
        assertThatThrownBy(() -> Unet2d.Config.fromJson(json("[]"))).isInstanceOf(ConfigException.class);
    }

    @Test void inputsThatDoNotFitAreRefused() {
        try (Scope scope = new Scope(); Unet2d unet = new Unet2d(small(""), new Rng(1)); Guard g = Torch.noGrad()) {
            Tensor t = Torch.of(new long[] {1, 2}, 2);
            assertThatThrownBy(() -> unet.forward(Torch.zeros(2, 1, 7, 8), t, null)).hasMessageContaining("multiples of 2");
            assertThatThrownBy(() -> unet.forward(Torch.zeros(2, 3, 8, 8), t, null)).hasMessageContaining("[B,1,H,W]");
            assertThatThrownBy(() -> unet.forward(Torch.zeros(3, 1, 8, 8), t, null)).hasMessageContaining("one time for each of 3 items");
            assertThatThrownBy(() -> unet.forward(Torch.zeros(2, 1, 8, 8), t, t)).hasMessage("Unet2d has no classes, got labels");
        }
        try (Scope scope = new Scope(); Unet2d unet = new Unet2d(small(", 'num_class_embeds': 3"), new Rng(1))) {
            assertThatThrownBy(() -> unet.forward(Torch.zeros(2, 1, 8, 8), Torch.of(new long[] {1, 2}, 2), null))
                .hasMessage("Unet2d wants class labels, got none");
        }
    }

    @Test void dropoutFollowsItsRngInTrainingAndIsOffInEvaluation() {
        try (Scope scope = new Scope(); Unet2d unet = new Unet2d(small(", 'dropout': 0.5"), new Rng(1)); Guard g = Torch.noGrad()) {
            Tensor x = new Rng(2).normal(2, 1, 8, 8), t = Torch.of(new long[] {1, 200}, 2);
            float[] once = unet.forward(x, t, null, new Rng(5)).floats();
            assertThat(unet.forward(x, t, null, new Rng(5)).floats()).isEqualTo(once);
            assertThat(unet.forward(x, t, null, new Rng(6)).floats()).isNotEqualTo(once);
            assertThatThrownBy(() -> unet.forward(x, t, null)).hasMessageContaining("wants an Rng");
            unet.training(false);
            float[] whole = unet.forward(x, t, null).floats();
            assertThat(unet.forward(x, t, null, new Rng(5)).floats()).isEqualTo(whole).isNotEqualTo(once);
        }
    }

    @Test void dropoutKeepsTheMean() {
        try (Scope scope = new Scope()) {
            Tensor y = Torch.dropout(Torch.ones(400, 250), 0.2, new Rng(1));
            assertThat(y.mean().item()).isBetween(0.99, 1.01);   // standard error 0.0016
            assertThat(y.eq(0).to(DType.F32).mean().item()).isBetween(0.19, 0.21);
        }
    }

    @Test void everyParameterGetsAGradient() {
        try (Scope scope = new Scope(); Unet2d unet = new Unet2d(small(", 'num_class_embeds': 3"), new Rng(1))) {
            Tensor y = unet.forward(new Rng(2).normal(2, 1, 8, 8), Torch.of(new long[] {1, 200}, 2), Torch.of(new long[] {0, 2}, 2));
            y.square().mean().backward();
            unet.parameters().forEach((k, p) -> assertThat(p.hasGrad()).as(k).isTrue());
        }
    }

    @Test void aForwardPassLeavesNothingBehind() {
        try (Scope scope = new Scope(); Unet2d unet = new Unet2d(small(""), new Rng(1)); Guard g = Torch.noGrad()) {
            Tensor x = new Rng(2).normal(2, 1, 8, 8), t = Torch.of(new long[] {1, 200}, 2);
            Scope.run(() -> unet.forward(x, t, null)).free();
            long before = Scope.livePointers();
            for (int i = 0; i < 5; i++) {
                try (Scope turn = new Scope()) { unet.forward(x, t, null); }
            }
            assertThat(Scope.livePointers()).isLessThanOrEqualTo(before);
        }
    }
}
