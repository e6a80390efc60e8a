package io.palitra.hub;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.data.FormatException;
import io.palitra.engine.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;

/**
 * A network of a checkpoint on its way to the names of another library: its layers are taken in their order, and their shapes give the
 * sizes. A tensor that is wanted and not there is an error; one that nobody takes is left for whoever looks at the whole.
 */
final class LdmPart {
    private static final int HEAD = 64;
    private static final int OPEN_CLIP_H = 24;
    private static final List<String> TRANSFORMER = List.of("norm1", "attn1.to_q", "attn1.to_k", "attn1.to_v", "attn1.to_out.0", "norm2",
        "attn2.to_q", "attn2.to_k", "attn2.to_v", "attn2.to_out.0", "norm3", "ff.net.0.proj", "ff.net.2");
    private static final List<String> CLIP = List.of("layer_norm1", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
        "self_attn.out_proj", "layer_norm2", "mlp.fc1", "mlp.fc2");

    private final String file;
    private final String prefix;
    private final NavigableMap<String, Tensor> left;
    private final Map<String, Tensor> taken = new LinkedHashMap<>();
    private final Map<String, String> origins = new LinkedHashMap<>();

    /** @param prefix of this network's names in the file; @param left of the file, from which this takes */
    LdmPart(String file, String prefix, NavigableMap<String, Tensor> left) {
        this.file = file;
        this.prefix = prefix;
        this.left = left;
    }

    /** What was taken, under the new names. */
    Map<String, Tensor> tensors() { return taken; }

    static boolean any(NavigableMap<String, Tensor> all, String prefix) {
        String first = all.ceilingKey(prefix);
        return first != null && first.startsWith(prefix);
    }

    private boolean any(String start) { return any(left, prefix + start); }

    private Tensor take(String name) {
        Tensor t = left.remove(prefix + name);
        if (t != null) return t;
        throw new FormatException(file, -1, "has no tensor '" + prefix + name + "'");
    }

    private void move(String from, String to) {
        taken.put(to, take(from));
        origins.put(to, prefix + from);
    }

    private void layer(String from, String to) {
        move(from + ".weight", to + ".weight");
        // whether there must be one the network knows
        if (left.containsKey(prefix + from + ".bias")) move(from + ".bias", to + ".bias");
    }

    private FormatException wrong(String name, Tensor got, String wanted) {
        return new FormatException(file, -1, "tensor '" + origins.getOrDefault(name, name) + "' has shape " + got
            + ", wanted is " + wanted);
    }

    private Tensor taken(String name) { return Objects.requireNonNull(taken.get(name), name); }

    /** An extent of what was taken. */
    private int size(String name, int dims, int dim) {
        Tensor t = taken(name);
        if (t.dims() != dims || t.size(dim) < 1 || t.size(dim) > Integer.MAX_VALUE) throw wrong(name, t, dims + " extents, none of them 0");
        return (int) t.size(dim);
    }

    /** Heads of 64 numbers each, as all these networks have them; what is narrower has one. */
    private static int heads(int width) { return Math.max(1, width / HEAD); }

    private static ArrayNode list(List<Integer> values) {
        ArrayNode list = JsonNodeFactory.instance.arrayNode();
        values.forEach(list::add);
        return list;
    }

    /** One number where all are equal. */
    private static void oneOrList(ObjectNode json, String key, List<Integer> values) {
        if (values.stream().distinct().count() == 1) json.put(key, values.get(0));
        else json.set(key, list(values));
    }

    /**
     * The U-Net, and its configuration as far as it follows from the weights.
     *
     * @param eightHeads the attention has eight heads, otherwise heads of 64 numbers
     * @param pooled a pooled text and numbers are added to the time
     */
    ObjectNode unet(boolean eightHeads, boolean pooled) {
        layer("time_embed.0", "time_embedding.linear_1");
        layer("time_embed.2", "time_embedding.linear_2");
        if (pooled) {
            layer("label_emb.0.0", "add_embedding.linear_1");
            layer("label_emb.0.2", "add_embedding.linear_2");
        }
        layer("input_blocks.0.0", "conv_in");
        List<Integer> channels = new ArrayList<>(), layers = new ArrayList<>(), depths = new ArrayList<>();
        int at = 1;
        for (boolean more = true; more; ) {
            String level = "down_blocks." + channels.size();
            int n = 0, depth = 0;
            for (; n == 0 || any("input_blocks." + at + ".0.") && !any("input_blocks." + at + ".0.op."); at++, n++) {
                resnet("input_blocks." + at + ".0", level + ".resnets." + n);
                int own = any("input_blocks." + at + ".1.") ? transformer("input_blocks." + at + ".1", level + ".attentions." + n) : 0;
                depth = equal(n == 0 ? own : depth, own, "input_blocks." + at);
            }
            channels.add(size(level + ".resnets.0.conv1.weight", 4, 0));
            layers.add(n);
            depths.add(depth);
            more = any("input_blocks." + at + ".0.");
            if (more) layer("input_blocks." + at++ + ".0.op", level + ".downsamplers.0.conv");
        }
        resnet("middle_block.0", "mid_block.resnets.0");
        int middle = transformer("middle_block.1", "mid_block.attentions.0");
        resnet("middle_block.2", "mid_block.resnets.1");
        int last = channels.size() - 1;
        for (int level = last, i = 0; level >= 0; level--) {
            String up = "up_blocks." + (last - level);
            int depth = depths.get(level), upsampler = depth > 0 ? 2 : 1;
            for (int layer = 0; layer <= layers.get(level); layer++, i++) {
                String from = "output_blocks." + i;
                resnet(from + ".0", up + ".resnets." + layer);
                if (depth > 0) equal(depth, transformer(from + ".1", up + ".attentions." + layer), from);
            }
            if (level > 0) layer("output_blocks." + (i - 1) + "." + upsampler + ".conv", up + ".upsamplers.0.conv");
        }
        layer("out.0", "conv_norm_out");
        layer("out.2", "conv_out");
        if (depths.get(last) > 0) equal(depths.get(last), middle, "middle_block");
        return unetConfig(channels, layers, depths, middle, eightHeads);
    }

    private int equal(int depth, int got, String where) {
        if (got == depth) return got;
        throw new FormatException(file, -1, prefix + where + " has " + got + " blocks of a transformer, others of its level " + depth);
    }

    private ObjectNode unetConfig(List<Integer> channels, List<Integer> layers, List<Integer> depths, int middle, boolean eightHeads) {
        ObjectNode json = JsonNodeFactory.instance.objectNode().put("_class_name", "UNet2DConditionModel");
        json.put("act_fn", "silu");
        if (eightHeads) json.put("attention_head_dim", 8);
        else json.set("attention_head_dim", list(channels.stream().map(LdmPart::heads).toList()));
        json.set("block_out_channels", list(channels));
        json.put("center_input_sample", false).put("cross_attention_dim",
            size("mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight", 2, 1));
        ArrayNode down = json.putArray("down_block_types");
        depths.forEach(d -> down.add(d > 0 ? "CrossAttnDownBlock2D" : "DownBlock2D"));
        json.put("downsample_padding", 1).put("flip_sin_to_cos", true).put("freq_shift", 0);
        json.put("in_channels", size("conv_in.weight", 4, 1));
        oneOrList(json, "layers_per_block", layers);
        json.put("mid_block_scale_factor", 1).put("mid_block_type", "UNetMidBlock2DCrossAttn").put("norm_eps", 1e-5);
        json.put("norm_num_groups", 32).put("out_channels", size("conv_out.weight", 4, 0));
        // the middle has that of the last level, whether that attends or not
        List<Integer> blocks = new ArrayList<>(depths);
        blocks.set(blocks.size() - 1, middle);
        boolean alike = blocks.stream().allMatch(d -> d == 0 || d == middle);
        if (alike) json.put("transformer_layers_per_block", middle);
        else json.set("transformer_layers_per_block", list(blocks.stream().map(d -> Math.max(1, d)).toList()));
        ArrayNode up = json.putArray("up_block_types");
        for (int i = depths.size() - 1; i >= 0; i--) up.add(depths.get(i) > 0 ? "CrossAttnUpBlock2D" : "UpBlock2D");
        Tensor projection = taken("mid_block.attentions.0.proj_in.weight");
        if (projection.dims() != 2 && projection.dims() != 4) {
            throw wrong("mid_block.attentions.0.proj_in.weight", projection, "[C,C,1,1] or [C,C]");
        }
        return json.put("use_linear_projection", projection.dims() == 2);
    }

    private void resnet(String from, String to) {
        layer(from + ".in_layers.0", to + ".norm1");
        layer(from + ".in_layers.2", to + ".conv1");
        layer(from + ".emb_layers.1", to + ".time_emb_proj");
        layer(from + ".out_layers.0", to + ".norm2");
        layer(from + ".out_layers.3", to + ".conv2");
        if (any(from + ".skip_connection.")) layer(from + ".skip_connection", to + ".conv_shortcut");
    }

    /** @return its blocks, at least 1 */
    private int transformer(String from, String to) {
        layer(from + ".norm", to + ".norm");
        layer(from + ".proj_in", to + ".proj_in");
        int n = 0;
        for (; n == 0 || any(from + ".transformer_blocks." + n + "."); n++) {
            String block = ".transformer_blocks." + n + ".";
            for (String name : TRANSFORMER) layer(from + block + name, to + block + name);
        }
        layer(from + ".proj_out", to + ".proj_out");
        return n;
    }

    /** The autoencoder, and its configuration as far as it follows from the weights. */
    ObjectNode autoencoder() { return autoencoder(false); }

    /** @param attending levels may have attention */
    private ObjectNode autoencoder(boolean attending) {
        layer("encoder.conv_in", "encoder.conv_in");
        List<Integer> channels = new ArrayList<>();
        List<Boolean> attends = new ArrayList<>();
        int layers = 0;
        for (int i = 0; i == 0 || any("encoder.down." + i + "."); i++) {
            String from = "encoder.down." + i, to = "encoder.down_blocks." + i;
            boolean attention = attending && any(from + ".attn.");
            int n = 0;
            for (; n == 0 || any(from + ".block." + n + "."); n++) {
                residual(from + ".block." + n, to + ".resnets." + n);
                if (attention) attention(from + ".attn." + n + ".", to + ".attentions." + n + ".");
            }
            attends.add(attention);
            if (any(from + ".downsample.")) layer(from + ".downsample.conv", to + ".downsamplers.0.conv");
            channels.add(size(to + ".resnets.0.conv1.weight", 4, 0));
            layers = Math.max(layers, n);
        }
        middle("encoder");
        layer("decoder.conv_in", "decoder.conv_in");
        middle("decoder");
        int last = channels.size() - 1;
        for (int level = last; level >= 0; level--) {   // the file counts levels from the picture's, whichever way
            String from = "decoder.up." + level, to = "decoder.up_blocks." + (last - level);
            for (int n = 0; n <= layers; n++) {
                residual(from + ".block." + n, to + ".resnets." + n);
                if (attends.get(level)) attention(from + ".attn." + n + ".", to + ".attentions." + n + ".");
            }
            if (level > 0) layer(from + ".upsample.conv", to + ".upsamplers.0.conv");
        }
        for (String side : List.of("encoder", "decoder")) {
            layer(side + ".norm_out", side + ".conv_norm_out");
            layer(side + ".conv_out", side + ".conv_out");
        }
        layer("quant_conv", "quant_conv");
        layer("post_quant_conv", "post_quant_conv");
        ObjectNode json = JsonNodeFactory.instance.objectNode().put("_class_name", "AutoencoderKL").put("act_fn", "silu");
        json.set("block_out_channels", list(channels));
        ArrayNode down = json.putArray("down_block_types"), up = json.putArray("up_block_types");
        for (int i = 0; i <= last; i++) {
            down.add(attends.get(i) ? "AttnDownEncoderBlock2D" : "DownEncoderBlock2D");
            up.add(attends.get(last - i) ? "AttnUpDecoderBlock2D" : "UpDecoderBlock2D");
        }
        json.put("in_channels", size("encoder.conv_in.weight", 4, 1)).put("latent_channels", size("decoder.conv_in.weight", 4, 1));
        return json.put("layers_per_block", layers).put("norm_num_groups", 32).put("out_channels", size("decoder.conv_out.weight", 4, 0));
    }

    /** An autoencoder of codes, and its configuration, all of which follows from the weights. */
    ObjectNode quantised() {
        ObjectNode json = autoencoder(true).put("_class_name", "VQModel");
        move("quantize.embedding.weight", "quantize.embedding.weight");
        return json.put("num_vq_embeddings", size("quantize.embedding.weight", 2, 0))
            .put("vq_embed_dim", size("quantize.embedding.weight", 2, 1));
    }

    private void middle(String side) {
        residual(side + ".mid.block_1", side + ".mid_block.resnets.0");
        attention(side + ".mid.attn_1.", side + ".mid_block.attentions.0.");
        residual(side + ".mid.block_2", side + ".mid_block.resnets.1");
    }

    private void attention(String from, String to) {
        layer(from + "norm", to + "group_norm");
        for (String name : List.of("q", "k", "v")) linear(from + name, to + "to_" + name);
        linear(from + "proj_out", to + "to_out.0");
    }

    /** A convolution of one pixel [C,C,1,1] as the layer [C,C] that it is; files that have it so already stay. */
    private void linear(String from, String to) {
        layer(from, to);
        Tensor w = taken(to + ".weight");
        boolean pixel = w.dims() == 4 && w.size(2) == 1 && w.size(3) == 1;
        if (w.dims() != 2 && !pixel) throw wrong(to + ".weight", w, "[C,C,1,1] or [C,C]");
        if (pixel) taken.put(to + ".weight", w.reshape(w.size(0), w.size(1)));
    }

    private void residual(String from, String to) {
        for (String name : List.of("norm1", "conv1", "norm2", "conv2")) layer(from + "." + name, to + "." + name);
        if (any(from + ".nin_shortcut.")) layer(from + ".nin_shortcut", to + ".conv_shortcut");
    }

    /** A text encoder under transformers' own names, and its configuration. */
    ObjectNode clip() {
        String from = any("text_model.") ? "text_model." : "", to = "text_model.";
        for (String name : List.of("embeddings.token_embedding", "embeddings.position_embedding")) layer(from + name, to + name);
        int layers = 0;
        for (; layers == 0 || any(from + "encoder.layers." + layers + "."); layers++) {
            for (String name : CLIP) layer(from + "encoder.layers." + layers + "." + name, to + "encoder.layers." + layers + "." + name);
        }
        layer(from + "final_layer_norm", to + "final_layer_norm");
        int width = size("text_model.embeddings.token_embedding.weight", 2, 1);
        return clipConfig("CLIPTextModel", "quick_gelu", width, layers, width);
    }

    /**
     * A text encoder under OpenCLIP's names, and its configuration.
     *
     * @param whole all blocks and the projection are used; otherwise the last block is left out, whose result Stable Diffusion 2 does
     *     not use
     */
    ObjectNode openClip(boolean whole) {
        layer("token_embedding", "text_model.embeddings.token_embedding");
        move("positional_embedding", "text_model.embeddings.position_embedding.weight");
        int blocks = 0;
        while (any("transformer.resblocks." + blocks + ".")) blocks++;
        // files that were made from a converted model lack the last block already
        int used = Math.max(1, whole || blocks == OPEN_CLIP_H - 1 ? blocks : blocks - 1);
        for (int i = 0; i < used; i++) block("transformer.resblocks." + i + ".", "text_model.encoder.layers." + i + ".");
        for (int i = used; i < blocks; i++) {
            String rest = prefix + "transformer.resblocks." + i + ".";
            left.keySet().removeIf(key -> key.startsWith(rest));
        }
        layer("ln_final", "text_model.final_layer_norm");
        int width = size("text_model.embeddings.token_embedding.weight", 2, 1);
        if (!whole) {
            left.remove(prefix + "text_projection");
            return clipConfig("CLIPTextModel", "gelu", width, used, width);
        }
        Tensor projection = take("text_projection");
        if (projection.dims() != 2) throw wrong(prefix + "text_projection", projection, "2 extents");
        taken.put("text_projection.weight", projection.t());   // [D,P], multiplied from the right
        return clipConfig("CLIPTextModelWithProjection", "gelu", width, used, size("text_projection.weight", 2, 0));
    }

    private void block(String from, String to) {
        layer(from + "ln_1", to + "layer_norm1");
        for (String kind : List.of("weight", "bias")) {
            String name = prefix + from + "attn.in_proj_" + kind;
            Tensor fused = take(from + "attn.in_proj_" + kind);   // [3D,D] or [3D]: rows of queries, of keys, of values
            if (fused.dims() != (kind.equals("weight") ? 2 : 1) || fused.size(0) == 0 || fused.size(0) % 3 != 0) {
                throw wrong(name, fused, kind.equals("weight") ? "[3 D,D]" : "[3 D]");
            }
            Tensor[] each = fused.chunk(3, 0);
            for (int i = 0; i < 3; i++) taken.put(to + "self_attn." + "qkv".charAt(i) + "_proj." + kind, each[i]);
        }
        layer(from + "attn.out_proj", to + "self_attn.out_proj");
        layer(from + "ln_2", to + "layer_norm2");
        layer(from + "mlp.c_fc", to + "mlp.fc1");
        layer(from + "mlp.c_proj", to + "mlp.fc2");
    }

    private ObjectNode clipConfig(String architecture, String act, int width, int layers, int projection) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.putArray("architectures").add(architecture);
        // 2 stands for the place of the largest id: all files of these models have it
        json.put("attention_dropout", 0.0).put("bos_token_id", 0).put("eos_token_id", 2).put("hidden_act", act).put("hidden_size", width);
        json.put("initializer_factor", 1.0).put("initializer_range", 0.02);
        json.put("intermediate_size", size("text_model.encoder.layers.0.mlp.fc1.weight", 2, 0)).put("layer_norm_eps", 1e-5);
        json.put("max_position_embeddings", size("text_model.embeddings.position_embedding.weight", 2, 0));
        json.put("model_type", "clip_text_model").put("num_attention_heads", heads(width)).put("num_hidden_layers", layers);
        json.put("pad_token_id", 1).put("projection_dim", projection);
        return json.put("vocab_size", size("text_model.embeddings.token_embedding.weight", 2, 0));
    }
}
