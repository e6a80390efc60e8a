package io.palitra.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.Map;
import org.junit.jupiter.api.Test;

class AutoencoderTinyTest {
    private static final String SMALL = "'encoder_block_out_channels': [8, 8], 'decoder_block_out_channels': [8, 8],"
        + "'num_encoder_blocks': [1, 2], 'num_decoder_blocks': [2, 1]";

    private static AutoencoderTiny.Config small(String more) { return AutoencoderTiny.Config.fromJson(json("{" + SMALL + more + "}")); }

    private static JsonNode json(String text) { return Json.read("test", text.replace('\'', '"')); }

    @Test void aConfigurationReadsBackAsItWasWritten() {
        AutoencoderTiny.Config config = small(", 'latent_channels': 16, 'act_fn': 'silu', 'use_midblock_gn': true, 'shift_factor': 0.1,"
            + "'block_out_channels': [8, 8], 'force_upcast': false, '_class_name': 'AutoencoderTiny', 'upsample_fn': 'nearest'");
        assertThat(config.useMidblockGn()).isTrue();
        assertThat(AutoencoderTiny.Config.fromJson(config.toJson())).isEqualTo(config);
        assertThat(small("").toJson().has("use_midblock_gn")).isFalse();
    }

    @Test void whatTheNetworkDoesNotHaveIsRefusedByName() {
        assertThatThrownBy(() -> small(", 'norm_num_groups': 8")).isInstanceOf(ConfigException.class)
            .hasMessage("AutoencoderTiny has no key 'norm_num_groups'");
        assertThatThrownBy(() -> small(", '_class_name': 'AutoencoderKL'")).hasMessageContaining("must be AutoencoderTiny");
        assertThatThrownBy(() -> small(", 'upsample_fn': 'bilinear'")).hasMessageContaining("must be nearest");
        assertThatThrownBy(() -> small(", 'act_fn': 'elu'")).hasMessageContaining("one of silu, swish, mish, gelu, relu");
        assertThatThrownBy(() -> AutoencoderTiny.Config.fromJson(json("{'encoder_block_out_channels': [32, 64, 64, 64]}")))
            .hasMessageContaining("1 to 12 times the same number");
        assertThatThrownBy(() -> AutoencoderTiny.Config.fromJson(json("{'num_encoder_blocks': [1]}")))
            .hasMessageContaining("one for each of encoder_block_out_channels");
        assertThatThrownBy(() -> small(", 'latent_channels': 0")).hasMessage("illegal latent_channels: 0, must be 1 to 16384");
    }

    @Test void tensorsHaveTheNamesOfThePublicNetwork() {
        try (Scope scope = new Scope(); AutoencoderTiny plain = new AutoencoderTiny(small(""), new Rng(1));
                AutoencoderTiny pooled = new AutoencoderTiny(small(", 'use_midblock_gn': true"), new Rng(1))) {
            // conv, block; conv, 2 blocks; conv - conv, act, 2 blocks; upsample, conv, block; conv
            assertThat(plain.state()).hasSize(2 + 6 + 1 + 12 + 2 + 2 + 12 + 1 + 6 + 2).containsKeys("encoder.layers.0.bias",
                "encoder.layers.1.conv.0.weight", "encoder.layers.2.weight", "encoder.layers.4.conv.4.bias", "encoder.layers.5.weight",
                "decoder.layers.0.weight", "decoder.layers.2.conv.0.weight", "decoder.layers.5.weight", "decoder.layers.6.conv.2.bias",
                "decoder.layers.7.bias").doesNotContainKeys("encoder.layers.2.bias", "decoder.layers.5.bias");
            assertThat(pooled.state()).hasSize(46 + 4 * 4).containsKeys("encoder.layers.3.pool.0.weight", "encoder.layers.4.pool.1.bias",
                "decoder.layers.2.pool.3.weight", "decoder.layers.3.pool.1.weight").doesNotContainKeys("encoder.layers.1.pool.0.weight");
        }
    }

    @Test void latentsAreSmallerByTheFactorAndPicturesComeBackAsLarge() {
        try (Scope scope = new Scope(); AutoencoderTiny net = new AutoencoderTiny(small(""), new Rng(1)); Guard g = Torch.noGrad()) {
            Tensor x = new Rng(2).normal(2, 3, 8, 12);
            Tensor z = net.encode(x);
            assertThat(z.shape()).containsExactly(2, 4, 4, 6);
            assertThat(net.decode(z).shape()).containsExactly(2, 3, 8, 12);
            long before = Scope.livePointers();
            net.decode(net.encode(x));
            assertThat(Scope.livePointers() - before).isLessThanOrEqualTo(2);
            assertThatThrownBy(() -> net.encode(Torch.zeros(2, 3, 8, 9))).hasMessage(
                "the picture coder wants [B,3,H,W] with multiples of 2, got 2×3×8×9");
            assertThatThrownBy(() -> net.decode(x)).hasMessageStartingWith("the picture coder wants latents [B,4,h,w], got");
        }
    }

    @Test void weightsOfAnotherShapeAreRefusedByName() {
        try (Scope scope = new Scope(); AutoencoderTiny net = new AutoencoderTiny(small(""), new Rng(1))) {
            Map<String, Tensor> wrong = new java.util.LinkedHashMap<>(net.state());
            wrong.put("encoder.layers.0.weight", Torch.zeros(8, 4, 3, 3));
            assertThatThrownBy(() -> net.load(wrong)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'encoder.layers.0.weight' has the shape 8×4×3×3, wanted is 8×3×3×3");
            assertThatThrownBy(() -> AutoencoderTiny.named(Map.of("weight", Torch.zeros(1)), Map.of()))
                .hasMessage("illegal name of a tensor: 'weight', must be like '3.weight'");
        }
    }
}
