package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.palitra.net.UnetCondition2d.Addition;
import io.palitra.net.UnetCondition2d.Block;
import io.palitra.net.UnetCondition2d.ClassEmbedding;
import io.palitra.net.UnetCondition2d.Config;
import io.palitra.net.UnetCondition2d.CrossNorm;
import io.palitra.net.UnetCondition2d.HidProj;
import io.palitra.net.UnetCondition2d.MidBlock;
import io.palitra.net.UnetCondition2d.TimeEmbeddingType;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A {@link UnetCondition2d.Config} as diffusers writes it into {@code config.json}. */
final class UnetConditionJson {
    private static final String CLASS = "UNet2DConditionModel";

    private UnetConditionJson() {}

    static Config read(JsonNode json, @Nullable Consumer<String> warn) {
        DiffusersConfigReader keys = new DiffusersConfigReader(json, CLASS, warn);
        keys.only("num_attention_heads", NullNode.instance);   // diffusers refuses it, too: attention_head_dim is the number of heads
        keys.only("dual_cross_attention", BooleanNode.FALSE);
        keys.only("attention_type", TextNode.valueOf("default"));
        int encoderHidDim = keys.wholeOr0("encoder_hid_dim", 0);
        Addition addition = keys.choiceOrNull("addition_embed_type", Addition.NONE);
        HidProj typed = keys.choiceOrNull("encoder_hid_dim_type", HidProj.NONE);
        HidProj hidProj = typed == HidProj.NONE && encoderHidDim > 0 ? HidProj.TEXT_PROJ : typed;   // diffusers' older files
        List<MidBlock> middles = List.of(MidBlock.CROSS, MidBlock.PLAIN, MidBlock.SIMPLE);
        String middle = keys.middle("mid_block_type", MidBlock.CROSS.key, middles.stream().map(m -> m.key).toList());
        Config read = new Config(keys.size("sample_size", List.of()), keys.whole("in_channels", 4), keys.whole("out_channels", 4),
            keys.yes("center_input_sample", false), keys.yes("flip_sin_to_cos", true), keys.number("freq_shift", 0),
            keys.choices("down_block_types", List.of(Block.CROSS, Block.CROSS, Block.CROSS, Block.PLAIN), Block.values(), b -> b.down),
            middles.stream().filter(m -> Objects.equals(m.key, middle)).findFirst().orElse(MidBlock.NONE),
            keys.choices("up_block_types", List.of(Block.PLAIN, Block.CROSS, Block.CROSS, Block.CROSS), Block.values(), b -> b.up),
            keys.yesses("only_cross_attention", false), keys.wholes("block_out_channels", List.of(320, 640, 1280, 1280)),
            keys.oneOrEach("layers_per_block", 2), keys.whole("downsample_padding", 1), keys.number("mid_block_scale_factor", 1),
            keys.number("dropout", 0), keys.activation("act_fn"), keys.whole("norm_num_groups", 32), keys.number("norm_eps", 1e-5),
            keys.oneOrEach("cross_attention_dim", 1280), keys.nested("transformer_layers_per_block", List.of(List.of(1))),
            keys.nested("reverse_transformer_layers_per_block", List.of()), encoderHidDim, keys.oneOrEach("attention_head_dim", 8),
            keys.yes("use_linear_projection", false), keys.choiceOrNull("class_embed_type", ClassEmbedding.LOOKUP),
            addition, keys.wholeOr0("addition_time_embed_dim", 0),
            keys.wholeOr0("num_class_embeds", 0), keys.yes("upcast_attention", false),
            keys.choice("resnet_time_scale_shift", Unet2d.TimeShift.DEFAULT),
            keys.choice("time_embedding_type", TimeEmbeddingType.POSITIONAL), keys.wholeOr0("time_embedding_dim", 0),
            keys.activationOrNull("time_embedding_act_fn"), keys.activationOrNull("timestep_post_act"),
            keys.wholeOr0("time_cond_proj_dim", 0), keys.whole("conv_in_kernel", 3), keys.whole("conv_out_kernel", 3),
            keys.wholeOr0("projection_class_embeddings_input_dim", 0), keys.yes("class_embeddings_concat", false),
            keys.whole("addition_embed_type_num_heads", 64), hidProj, keys.choiceOrNull("cross_attention_norm", CrossNorm.NONE),
            keys.yes("resnet_skip_time_act", false), keys.number("resnet_out_scale_factor", 1),
            keys.yesOrNull("mid_block_only_cross_attention"));
        keys.others();
        return read;
    }

    static ObjectNode write(Config c) {
        ObjectNode json = DiffusersConfigReader.object(CLASS);
        json.set("sample_size", DiffusersConfigReader.oneOrList(c.sampleSize()));
        json.put("in_channels", c.inChannels()).put("out_channels", c.outChannels()).put("center_input_sample", c.centerInputSample());
        json.put("flip_sin_to_cos", c.flipSinToCos());
        json.set("freq_shift", DiffusersConfigReader.wholeIfItIs(c.freqShift()));
        ArrayNode down = json.putArray("down_block_types");
        c.downBlockTypes().forEach(b -> down.add(b.down));
        json.put("mid_block_type", c.midBlockType().key);
        ArrayNode up = json.putArray("up_block_types");
        c.upBlockTypes().forEach(b -> up.add(b.up));
        if (c.onlyCrossAttention().size() == 1) json.put("only_cross_attention", c.onlyCrossAttention().get(0));
        else c.onlyCrossAttention().forEach(json.putArray("only_cross_attention")::add);
        c.blockOutChannels().forEach(json.putArray("block_out_channels")::add);
        json.set("layers_per_block", DiffusersConfigReader.oneOrList(c.layersPerBlock()));
        json.put("downsample_padding", c.downsamplePadding()).put("mid_block_scale_factor", c.midBlockScaleFactor())
            .put("dropout", c.dropout());
        json.put("act_fn", DiffusersConfigReader.lower(c.actFn())).put("norm_num_groups", c.normNumGroups()).put("norm_eps", c.normEps());
        json.set("cross_attention_dim", DiffusersConfigReader.oneOrList(c.crossAttentionDim()));
        json.set("transformer_layers_per_block", nested(c.transformerLayersPerBlock(), true));
        json.set("reverse_transformer_layers_per_block", nested(c.reverseTransformerLayersPerBlock(), false));
        json.put("encoder_hid_dim", DiffusersConfigReader.orNull(c.encoderHidDim())).put("encoder_hid_dim_type",
            c.encoderHidDimType() == HidProj.NONE ? null : DiffusersConfigReader.lower(c.encoderHidDimType()));
        json.set("attention_head_dim", DiffusersConfigReader.oneOrList(c.attentionHeadDim()));
        json.put("use_linear_projection", c.useLinearProjection());
        json.put("class_embed_type", c.classEmbedType() == ClassEmbedding.LOOKUP ? null : DiffusersConfigReader.lower(c.classEmbedType()));
        json.put("addition_embed_type", c.additionEmbedType() == Addition.NONE ? null : DiffusersConfigReader.lower(c.additionEmbedType()));
        json.put("addition_time_embed_dim", DiffusersConfigReader.orNull(c.additionTimeEmbedDim()))
            .put("num_class_embeds", DiffusersConfigReader.orNull(c.numClassEmbeds()));
        json.put("upcast_attention", c.upcastAttention())
            .put("resnet_time_scale_shift", DiffusersConfigReader.lower(c.resnetTimeScaleShift()));
        json.put("time_embedding_type", DiffusersConfigReader.lower(c.timeEmbeddingType())).put("time_embedding_dim",
            DiffusersConfigReader.orNull(c.timeEmbeddingDim()));
        json.put("time_embedding_act_fn", c.timeEmbeddingActFn() == null ? null : DiffusersConfigReader.lower(c.timeEmbeddingActFn()));
        json.put("timestep_post_act", c.timestepPostAct() == null ? null : DiffusersConfigReader.lower(c.timestepPostAct()));
        json.put("time_cond_proj_dim", DiffusersConfigReader.orNull(c.timeCondProjDim())).put("conv_in_kernel", c.convInKernel());
        json.put("conv_out_kernel", c.convOutKernel());
        json.put("projection_class_embeddings_input_dim", DiffusersConfigReader.orNull(c.projectionClassEmbeddingsInputDim()));
        json.put("class_embeddings_concat", c.classEmbeddingsConcat()).put("addition_embed_type_num_heads", c.additionEmbedTypeNumHeads());
        json.put("cross_attention_norm", c.crossAttentionNorm() == CrossNorm.NONE ? null
            : DiffusersConfigReader.lower(c.crossAttentionNorm()));
        json.put("resnet_skip_time_act", c.resnetSkipTimeAct()).put("resnet_out_scale_factor", c.resnetOutScaleFactor());
        return json.put("mid_block_only_cross_attention", c.midBlockOnlyCrossAttention());
    }

    private static JsonNode nested(List<List<Integer>> levels, boolean oneForAll) {
        if (levels.isEmpty()) return NullNode.instance;
        if (oneForAll && levels.size() == 1) return DiffusersConfigReader.oneOrList(levels.get(0));
        ArrayNode array = JsonNodeFactory.instance.arrayNode();
        levels.forEach(level -> array.add(DiffusersConfigReader.oneOrList(level)));
        return array;
    }
}
