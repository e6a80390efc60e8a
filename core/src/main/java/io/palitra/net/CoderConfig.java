package io.palitra.net;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/**
 * The shape of a convolutional encoder of pictures and of its decoder, as {@link AutoencoderKl} and {@link VqModel} have them;
 * diffusers' keys in camel case.
 *
 * @param downBlockTypes from the full resolution; each level but the last halves it
 * @param upBlockTypes from the lowest resolution
 * @param latentChannels of the encoder's result (for a Gaussian: of its mean)
 * @param sampleSize height and width in training, or one number for both, or empty; tiles have this size
 * @param scalingFactor what latents are multiplied with for a diffusion model, about the inverse of their deviation
 * @param midBlockAddAttention whether pixels of the lowest resolution attend to each other
 * @param forceUpcast half precision is not enough for the decoder
 */
public record CoderConfig(int inChannels, int outChannels, List<Block> downBlockTypes, List<Block> upBlockTypes,
        List<Integer> blockOutChannels, int layersPerBlock, Activation actFn, int latentChannels, int normNumGroups,
        List<Integer> sampleSize, double scalingFactor, boolean midBlockAddAttention, boolean forceUpcast) {
    /** The blocks of a level: residual blocks, or the same and attention after each. */
    public enum Block {
        PLAIN("DownEncoderBlock2D", "UpDecoderBlock2D"), ATTENTION("AttnDownEncoderBlock2D", "AttnUpDecoderBlock2D");

        final String down;
        private final String up;

        Block(String down, String up) {
            this.down = down;
            this.up = up;
        }
    }

    private static final int WIDEST = 1 << 14;

    public CoderConfig {
        downBlockTypes = List.copyOf(downBlockTypes);
        upBlockTypes = List.copyOf(upBlockTypes);
        blockOutChannels = List.copyOf(blockOutChannels);
        sampleSize = List.copyOf(sampleSize);
        int levels = blockOutChannels.size();
        DiffusersConfigReader.check(levels >= 1 && levels <= 12, "block_out_channels", blockOutChannels, "1 to 12 levels");
        DiffusersConfigReader.check(downBlockTypes.size() == levels, "down_block_types", downBlockTypes,
            "one for each of block_out_channels");
        DiffusersConfigReader.check(upBlockTypes.size() == levels, "up_block_types", upBlockTypes, "one for each of block_out_channels");
        DiffusersConfigReader.check(normNumGroups >= 1, "norm_num_groups", normNumGroups, "at least 1");
        for (int c : blockOutChannels) {
            DiffusersConfigReader.check(c >= 1 && c <= WIDEST && c % normNumGroups == 0, "block_out_channels", blockOutChannels,
                "multiples of norm_num_groups " + normNumGroups + ", at most " + WIDEST);
        }
        DiffusersConfigReader.check(inChannels >= 1 && inChannels <= WIDEST, "in_channels", inChannels, "1 to " + WIDEST);
        DiffusersConfigReader.check(outChannels >= 1 && outChannels <= WIDEST, "out_channels", outChannels, "1 to " + WIDEST);
        DiffusersConfigReader.check(latentChannels >= 1 && latentChannels <= WIDEST, "latent_channels", latentChannels, "1 to " + WIDEST);
        DiffusersConfigReader.check(layersPerBlock >= 1 && layersPerBlock <= 64, "layers_per_block", layersPerBlock, "1 to 64");
        DiffusersConfigReader.check(sampleSize.size() <= 2 && sampleSize.stream().allMatch(s -> s >= 1), "sample_size", sampleSize,
            "one number or two, at least 1");
        DiffusersConfigReader.check(scalingFactor != 0 && Double.isFinite(scalingFactor), "scaling_factor", scalingFactor,
            "a number other than 0");
    }

    /** Pixels of a picture, in one direction, to one of its latents. */
    public int factor() { return 1 << blockOutChannels.size() - 1; }

    static CoderConfig read(DiffusersConfigReader keys, int latentChannels, boolean forceUpcast) {
        return new CoderConfig(keys.whole("in_channels", 3), keys.whole("out_channels", 3),
            keys.choices("down_block_types", List.of(Block.PLAIN), Block.values(), b -> b.down),
            keys.choices("up_block_types", List.of(Block.PLAIN), Block.values(), b -> b.up),
            keys.wholes("block_out_channels", List.of(64)), keys.whole("layers_per_block", 1), keys.activation("act_fn"),
            keys.whole("latent_channels", latentChannels), keys.whole("norm_num_groups", 32),
            keys.size("sample_size", List.of(32)), keys.number("scaling_factor", 0.18215),
            keys.yes("mid_block_add_attention", true), keys.yes("force_upcast", forceUpcast));
    }

    void write(ObjectNode json) {
        json.put("in_channels", inChannels).put("out_channels", outChannels);
        ArrayNode down = json.putArray("down_block_types");
        downBlockTypes.forEach(b -> down.add(b.down));
        ArrayNode up = json.putArray("up_block_types");
        upBlockTypes.forEach(b -> up.add(b.up));
        blockOutChannels.forEach(json.putArray("block_out_channels")::add);
        json.put("layers_per_block", layersPerBlock).put("act_fn", DiffusersConfigReader.lower(actFn))
            .put("latent_channels", latentChannels);
        json.put("norm_num_groups", normNumGroups);
        json.set("sample_size", DiffusersConfigReader.oneOrList(sampleSize));
        json.put("scaling_factor", scalingFactor).put("mid_block_add_attention", midBlockAddAttention).put("force_upcast", forceUpcast);
    }
}
