package io.palitra.hub;

import io.palitra.config.Ordered;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Names of modules in the U-Net of the original code of latent diffusion, which kohya-ss keeps for SDXL, as diffusers calls them. Dots are
 * underscores on both sides. Every level has two residual blocks on the way down and three on the way up, as in Stable Diffusion 1, 2
 * and XL.
 */
final class LdmNames {
    private static final Pattern DOWN = Pattern.compile("input_blocks_(\\d{1,2})_([01])_(.+)");
    private static final Pattern MIDDLE = Pattern.compile("middle_block_([012])_(.+)");
    private static final Pattern UP = Pattern.compile("output_blocks_(\\d{1,2})_([012])_(.+)");

    private static final Map<String, String> WHOLE = Ordered.map(Map.entry("input_blocks_0_0", "conv_in"),
        Map.entry("time_embed_0", "time_embedding_linear_1"), Map.entry("time_embed_2", "time_embedding_linear_2"),
        Map.entry("label_emb_0_0", "add_embedding_linear_1"), Map.entry("label_emb_0_2", "add_embedding_linear_2"),
        Map.entry("out_0", "conv_norm_out"), Map.entry("out_2", "conv_out"));

    private static final Map<String, String> IN_RESNET = Ordered.map(Map.entry("in_layers_0", "norm1"), Map.entry("in_layers_2", "conv1"),
        Map.entry("emb_layers_1", "time_emb_proj"), Map.entry("out_layers_0", "norm2"), Map.entry("out_layers_3", "conv2"),
        Map.entry("skip_connection", "conv_shortcut"));

    private LdmNames() {}

    /** A name of diffusers is its own. */
    static String renewed(String name) {
        Matcher down = DOWN.matcher(name), middle = MIDDLE.matcher(name), up = UP.matcher(name);
        if (WHOLE.containsKey(name)) return WHOLE.get(name);
        if (down.matches()) {
            int i = Integer.parseInt(down.group(1)) - 1;   // the first is conv_in
            String level = "down_blocks_" + i / 3 + "_", part = down.group(3);
            if (part.equals("op")) return level + "downsamplers_0_conv";
            return level + part(down.group(2).equals("0"), i % 3, part);
        }
        if (middle.matches()) {
            int i = Integer.parseInt(middle.group(1));
            return "mid_block_" + part(i != 1, i / 2, middle.group(2));
        }
        if (up.matches()) {
            int i = Integer.parseInt(up.group(1));
            String level = "up_blocks_" + i / 3 + "_", part = up.group(3);
            if (part.equals("conv")) return level + "upsamplers_0_conv";   // after the attention, or in its place
            return level + part(up.group(2).equals("0"), i % 3, part);
        }
        return name;
    }

    private static String part(boolean resnet, int layer, String part) {
        return resnet ? "resnets_" + layer + "_" + IN_RESNET.getOrDefault(part, part) : "attentions_" + layer + "_" + part;
    }
}
