package io.palitra.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.net.UnetCondition2d.Given;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class UnetCondition2dTest {
    private static final String SMALL = "'block_out_channels': [8, 16], 'down_block_types': ['CrossAttnDownBlock2D', 'DownBlock2D'],"
        + "'up_block_types': ['UpBlock2D', 'CrossAttnUpBlock2D'], 'layers_per_block': 1, 'norm_num_groups': 4,"
        + "'cross_attention_dim': 6, 'attention_head_dim': 2";

    /** As DeepFloyd IF has it. */
    private static final String IF = ", 'down_block_types': ['ResnetDownsampleBlock2D', 'SimpleCrossAttnDownBlock2D'],"
        + "'up_block_types': ['SimpleCrossAttnUpBlock2D', 'ResnetUpsampleBlock2D'], 'mid_block_type': 'UNetMidBlock2DSimpleCrossAttn',"
        + "'cross_attention_dim': 32, 'cross_attention_norm': 'group_norm', 'attention_head_dim': 4, 'act_fn': 'gelu',"
        + "'resnet_out_scale_factor': 1.4, 'encoder_hid_dim': 6";

    private static UnetCondition2d.Config small(String more) {
        ObjectNode config = (ObjectNode) json("{" + SMALL + "}");
        config.setAll((ObjectNode) json("{'_': 0" + more + "}"));
        return UnetCondition2d.Config.fromJson(config);
    }

    /** As {@link #IF}, and more. */
    private static UnetCondition2d.Config deep(String more) {
        ObjectNode config = (ObjectNode) json("{" + SMALL + "}");
        for (String keys : new String[] {IF, more}) config.setAll((ObjectNode) json("{'_': 0" + keys + "}"));
        return UnetCondition2d.Config.fromJson(config);
    }

    private static JsonNode json(String text) { return Json.read("test", text.replace('\'', '"')); }

    private static Tensor times() { return Torch.of(new long[] {1, 700}, 2); }

    @Test void anEmptyConfigurationIsThatOfThePublicClass() {
        UnetCondition2d.Config config = UnetCondition2d.Config.fromJson(json("{}"));
        assertThat(config.blockOutChannels()).containsExactly(320, 640, 1280, 1280);
        assertThat(config.embedding()).isEqualTo(1280);
        assertThat(config.textWidth()).isEqualTo(1280);
        assertThat(config.attendsToText()).isTrue();
    }

    @Test void aConfigurationReadsBackAsItWasWritten() {
        UnetCondition2d.Config config = small(", 'only_cross_attention': [true, false], 'transformer_layers_per_block': [1, 2],"
            + "'reverse_transformer_layers_per_block': [[1, 2], 3], 'class_embed_type': 'projection', 'encoder_hid_dim': 5,"
            + "'projection_class_embeddings_input_dim': 7, 'time_embedding_type': 'fourier', 'timestep_post_act': 'swish',"
            + "'addition_embed_type': 'text_time', 'addition_time_embed_dim': 4, 'mid_block_type': null, 'sample_size': [8, 4],"
            + "'freq_shift': 0.5");
        assertThat(config.midBlockType()).isEqualTo(UnetCondition2d.MidBlock.NONE);
        assertThat(config.timestepPostAct()).isEqualTo(Activation.SILU);
        assertThat(UnetCondition2d.Config.fromJson(config.toJson())).isEqualTo(config);
    }

    @Test void whatTheNetworkDoesNotHaveIsRefusedByKey() {
        assertThatThrownBy(() -> small(", 'down_block_types': ['KDownBlock2D', 'DownBlock2D']"))
            .isInstanceOf(ConfigException.class).hasMessage("illegal down_block_types: \"KDownBlock2D\", must be one of "
                + "DownBlock2D, CrossAttnDownBlock2D, ResnetDownsampleBlock2D, SimpleCrossAttnDownBlock2D");
        assertThatThrownBy(() -> small(", 'attention_type': 'gated'")).hasMessage("illegal attention_type: \"gated\", must be \"default\"");
        assertThatThrownBy(() -> small(", 'dual_cross_attention': true")).hasMessageContaining("must be false");
        assertThatThrownBy(() -> small(", 'num_attention_heads': 4")).hasMessage("illegal num_attention_heads: 4, must be null");
        assertThatThrownBy(() -> small(", 'addition_embed_type': 'image'")).hasMessageContaining("illegal encoder_hid_dim: 0");
        assertThatThrownBy(() -> small(", 'addition_embed_type': 'text_image'")).hasMessageContaining("one of text, text_time, image");
        assertThatThrownBy(() -> small(", 'encoder_hid_dim': 4, 'encoder_hid_dim_type': 'text_image_proj'"))
            .hasMessage("illegal encoder_hid_dim_type: \"text_image_proj\", must be one of text_proj, image_proj");
        assertThatThrownBy(() -> small(", 'colour': 1")).hasMessage("UNet2DConditionModel has no key 'colour'");
        assertThatThrownBy(() -> small(", '_class_name': 'UNet2DModel'")).hasMessageContaining("must be UNet2DConditionModel");
    }

    @Test void whatDoesNotFitTogetherIsRefusedByKey() {
        assertThatThrownBy(() -> small(", 'attention_head_dim': 12")).hasMessageContaining("it is the number of heads");
        assertThatThrownBy(() -> small(", 'attention_head_dim': [2, 2, 2]")).hasMessageContaining("one for each of block_out_channels");
        assertThatThrownBy(() -> small(", 'transformer_layers_per_block': [1, [2, 1]], 'layers_per_block': [1, 2]"))
            .hasMessageContaining("reverse_transformer_layers_per_block");
        assertThatThrownBy(() -> small(", 'cross_attention_dim': [6, 8]")).hasMessageContaining("the same at all levels");
        assertThatThrownBy(() -> small(", 'conv_in_kernel': 4")).hasMessage("illegal conv_in_kernel: 4, must be odd");
        assertThatThrownBy(() -> small(", 'class_embed_type': 'projection'"))
            .hasMessageContaining("illegal projection_class_embeddings_input_dim: 0");
        assertThatThrownBy(() -> small(", 'addition_embed_type': 'text', 'addition_embed_type_num_heads': 4"))
            .hasMessageContaining("a divisor of the text's width 6");
        assertThatThrownBy(() -> small(", 'class_embeddings_concat': true")).hasMessageContaining("false without classes");
    }

    @Test void ofSimpleAttentionTheTextsNormIsCheckedAndAllReadsBack() {
        for (String more : new String[] {"", ", 'resnet_skip_time_act': true, 'mid_block_only_cross_attention': true",
            ", 'encoder_hid_dim_type': 'image_proj', 'addition_embed_type': 'image'"}) {
            assertThat(UnetCondition2d.Config.fromJson(deep(more).toJson())).isEqualTo(deep(more));
        }
        assertThatThrownBy(() -> deep(", 'cross_attention_dim': 24")).hasMessageContaining("a multiple of the 32 groups");
        assertThatThrownBy(() -> deep(", 'cross_attention_norm': 'layer_norm'")).hasMessageContaining("not the level's 16 channels");
        assertThatThrownBy(() -> deep(", 'attention_head_dim': [17, 4]")).hasMessageContaining("it is the width of a head");
        assertThatThrownBy(() -> deep(", 'resnet_out_scale_factor': 0")).hasMessageContaining("a number other than 0");
        assertThatThrownBy(() -> deep(", 'encoder_hid_dim_type': 'image_proj', 'addition_embed_type': 'text'"))
            .hasMessageContaining("illegal addition_embed_type: text, must be image or null");
    }

    @Test void simpleAttentionHidesTokensTakesMultiplesOfItsFactorAndLearnsWhole() {
        for (String more : new String[] {"", ", 'only_cross_attention': true", ", 'resnet_skip_time_act': true"}) {
            try (Scope scope = new Scope(); UnetCondition2d unet = new UnetCondition2d(deep(more), new Rng(1))) {
                Tensor x = new Rng(2).normal(2, 4, 8, 8), text = new Rng(3).normal(2, 3, 6);
                unet.forward(x, times(), Given.text(text)).square().mean().backward();
                unet.parameters().forEach((k, p) -> assertThat(p.hasGrad()).as(k).isTrue());
                assertThatThrownBy(() -> unet.forward(Torch.zeros(2, 4, 7, 8), times(), Given.text(text)))
                    .hasMessageContaining("multiples of 2, got 2×4×7×8");
            }
        }
        try (Scope scope = new Scope(); Guard g = Torch.noGrad();
                UnetCondition2d unet = new UnetCondition2d(deep(", 'cross_attention_norm': null"), new Rng(1))) {
            Tensor x = new Rng(2).normal(2, 4, 8, 8), text = new Rng(3).normal(2, 3, 6), other = text.copy();
            other.narrow(1, 2, 1).fill(5);
            Tensor mask = Torch.of(new float[] {1, 1, 0, 1, 1, 0}, 2, 3);
            assertThat(unet.forward(x, times(), Given.text(other).masked(mask)).floats())
                .isEqualTo(unet.forward(x, times(), Given.text(text).masked(mask)).floats());
        }
    }

    @Test void theVectorOfAPictureStandsInForATextAndInTheTime() {
        String picture = ", 'encoder_hid_dim_type': 'image_proj', 'addition_embed_type': 'image'";
        try (Scope scope = new Scope(); UnetCondition2d unet = new UnetCondition2d(deep(picture), new Rng(1))) {
            assertThat(unet.config().attendsToText()).isFalse();
            assertThat(unet.state().get("encoder_hid_proj.image_embeds.weight").shape()).containsExactly(32 * 32, 6);
            assertThat(unet.state().get("add_embedding.image_proj.weight").shape()).containsExactly(32, 6);
            Tensor x = new Rng(2).normal(2, 4, 8, 8), vector = new Rng(3).normal(2, 6);
            unet.forward(x, times(), Given.text(null).adding(vector, null)).square().mean().backward();
            unet.parameters().forEach((k, p) -> assertThat(p.hasGrad()).as(k).isTrue());
            assertThatThrownBy(() -> unet.forward(x, times(), Given.text(null)))
                .hasMessage("UnetCondition2d wants a picture's vector, got none");
            assertThatThrownBy(() -> unet.forward(x, times(), Given.text(null).adding(Torch.zeros(2, 7), null)))
                .hasMessage("UnetCondition2d wants a picture's vector [2,6], got 2×7");
        }
    }

    @Test void whatIsGivenMustBeWhatTheNetworkWants() {
        try (Scope scope = new Scope(); UnetCondition2d unet = new UnetCondition2d(small(""), new Rng(1)); Guard g = Torch.noGrad()) {
            Tensor x = Torch.zeros(2, 4, 8, 8), text = Torch.zeros(2, 3, 6);
            assertThatThrownBy(() -> unet.forward(x, times(), Given.text(null))).hasMessage("UnetCondition2d wants a text, got none");
            assertThatThrownBy(() -> unet.forward(x, times(), Given.text(Torch.zeros(2, 3, 8)))).hasMessageContaining("text of [2,S,6]");
            assertThatThrownBy(() -> unet.forward(x, times(), Given.text(text).of(times()))).hasMessageContaining("wants no class labels");
            assertThatThrownBy(() -> unet.forward(x, times(), Given.text(text).masked(Torch.ones(2, 4)))).hasMessageContaining("mask");
            assertThatThrownBy(() -> unet.forward(x, times(), Given.text(text).adding(text, null))).hasMessageContaining("pooled text");
            assertThatThrownBy(() -> unet.forward(Torch.zeros(2, 3, 8, 8), times(), Given.text(text))).hasMessageContaining("[B,4,H,W]");
            assertThatThrownBy(() -> unet.forward(Torch.zeros(3, 4, 8, 8), times(), Given.text(text)))
                .hasMessageContaining("one time for each of 3 items");
        }
    }

    @Test void hiddenTokensOfATextChangeNothingAndOthersDo() {
        try (Scope scope = new Scope(); UnetCondition2d unet = new UnetCondition2d(small(""), new Rng(1)); Guard g = Torch.noGrad()) {
            Rng rng = new Rng(2);
            Tensor x = rng.normal(2, 4, 8, 8), text = rng.normal(2, 3, 6), other = text.copy();
            other.narrow(1, 2, 1).fill(5);   // the last token
            Tensor mask = Torch.of(new float[] {1, 1, 0, 1, 1, 0}, 2, 3);
            float[] once = unet.forward(x, times(), Given.text(text).masked(mask)).floats();
            assertThat(unet.forward(x, times(), Given.text(other).masked(mask)).floats()).isEqualTo(once);
            float[] whole = unet.forward(x, times(), Given.text(text)).floats();
            assertThat(unet.forward(x, times(), Given.text(other)).floats()).isNotEqualTo(whole);
        }
    }

    @Test void aTransformerWhoseLastLayerIsZeroIsTheIdentity() {
        SpatialTransformer.Style style = new SpatialTransformer.Style(4, true);
        try (Scope scope = new Scope(); Guard g = Torch.noGrad();
                SpatialTransformer transformer = new SpatialTransformer(8, 3, 2, 6, false, style, new Rng(1))) {
            Tensor x = new Rng(2).normal(2, 8, 3, 5);
            PictureAttention.Text text = new PictureAttention.Text(new Rng(3).normal(2, 4, 6), null);
            assertThat(transformer.forward(x, null, text).floats()).isNotEqualTo(x.floats());
            transformer.parameters().forEach((key, p) -> {
                if (key.startsWith("proj_out")) p.fill(0);
            });
            assertThat(transformer.forward(x, null, text).floats()).isEqualTo(x.floats());
        }
    }

    @Test void anySizeComesOutAsItWentIn() {
        try (Scope scope = new Scope(); UnetCondition2d unet = new UnetCondition2d(small(""), new Rng(1)); Guard g = Torch.noGrad()) {
            Tensor y = unet.forward(Torch.ones(2, 4, 7, 5), times(), Given.text(Torch.ones(2, 3, 6)));
            assertThat(y.shape()).containsExactly(2, 4, 7, 5);
        }
    }

    @Test void everyParameterGetsAGradient() {
        String all = ", 'num_class_embeds': 3, 'time_cond_proj_dim': 5, 'addition_embed_type': 'text_time', 'addition_time_embed_dim': 4,"
            + "'projection_class_embeddings_input_dim': 15, 'encoder_hid_dim': 9, 'resnet_time_scale_shift': 'scale_shift'";
        try (Scope scope = new Scope(); UnetCondition2d unet = new UnetCondition2d(small(all), new Rng(1))) {
            Rng rng = new Rng(2);
            Given given = Given.text(rng.normal(2, 3, 9)).of(Torch.of(new long[] {0, 2}, 2)).with(rng.normal(2, 5))
                .adding(rng.normal(2, 7), Torch.of(new long[] {8, 9, 10, 11}, 2, 2));
            unet.forward(rng.normal(2, 4, 8, 8), times(), given).square().mean().backward();
            unet.parameters().forEach((k, p) -> assertThat(p.hasGrad()).as(k).isTrue());
        }
    }

    @Test void weightsThatDoNotFitAreRefusedByName() {
        try (Scope scope = new Scope(); UnetCondition2d unet = new UnetCondition2d(small(""), new Rng(1))) {
            Map<String, Tensor> weights = new LinkedHashMap<>(unet.state());
            Tensor toK = weights.remove("mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight");
            assertThat(toK.shape()).containsExactly(16, 6);
            assertThatThrownBy(() -> unet.load(weights)).hasMessageContaining("missing mid_block.attentions.0.")
                .hasMessageContaining("attn2.to_k.weight");
            weights.put("mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight", Torch.zeros(16, 7));
            weights.put("more", Torch.zeros(1));
            assertThatThrownBy(() -> unet.load(weights)).hasMessageContaining("has the shape 16×7, wanted is 16×6")
                .hasMessageContaining("unexpected more");
        }
    }

    @Test void aForwardPassLeavesNothingBehind() {
        try (Scope scope = new Scope(); UnetCondition2d unet = new UnetCondition2d(small(""), new Rng(1)); Guard g = Torch.noGrad()) {
            Tensor x = Torch.ones(2, 4, 8, 8), t = times();
            Given given = Given.text(Torch.ones(2, 3, 6));
            Scope.run(() -> unet.forward(x, t, given)).free();
            long before = Scope.livePointers();
            for (int i = 0; i < 3; i++) {
                try (Scope turn = new Scope()) { unet.forward(x, t, given); }
            }
            assertThat(Scope.livePointers()).isLessThanOrEqualTo(before);
        }
    }
}
