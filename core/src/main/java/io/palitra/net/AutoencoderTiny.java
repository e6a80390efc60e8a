package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.config.InWords;
import io.palitra.config.Ordered;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Conv2d;
import io.palitra.nn.Init;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A small autoencoder distilled from that of a latent diffusion model: pictures to its latents and back, in a fraction of the time.
 * Configuration and names of tensors are those of diffusers' {@code AutoencoderTiny}, so that each side reads the other's checkpoints.
 */
public final class AutoencoderTiny extends Module {
    /**
     * diffusers' keys in camel case. The decoder's input is 3 tanh(z / 3), whatever {@code latentMagnitude} is.
     *
     * @param encoderBlockOutChannels channels of each level, all the same; each level but the first halves the picture
     * @param decoderBlockOutChannels likewise; each level but the last enlarges the picture
     * @param numEncoderBlocks residual blocks of each level
     * @param latentMagnitude latents lie about in [-latentMagnitude,latentMagnitude] around 0, for {@code latentShift} 0.5
     * @param latentShift where 0 lies when that range is mapped to [0,1]
     * @param scalingFactor of latents on their way to a diffusion model, which is trained on (z - shiftFactor) scalingFactor
     * @param useMidblockGn whether blocks at the lowest resolution mix channels through a group norm over the whole picture, as weights of
     *     2025 do; diffusers does not have it
     */
    public record Config(int inChannels, int outChannels, List<Integer> encoderBlockOutChannels, List<Integer> decoderBlockOutChannels,
            Activation actFn, int latentChannels, int upsamplingScalingFactor, List<Integer> numEncoderBlocks,
            List<Integer> numDecoderBlocks, double latentMagnitude, double latentShift, double scalingFactor, double shiftFactor,
            boolean useMidblockGn) {
        private static final String CLASS = "AutoencoderTiny";
        private static final int WIDEST = 1 << 14;
        private static final Set<String> KEYS = Ordered.set("in_channels", "out_channels", "encoder_block_out_channels",
            "decoder_block_out_channels", "act_fn", "upsample_fn", "latent_channels", "upsampling_scaling_factor", "num_encoder_blocks",
            "num_decoder_blocks", "latent_magnitude", "latent_shift", "force_upcast", "scaling_factor", "shift_factor",
            "block_out_channels", "use_midblock_gn");

        public Config {
            encoderBlockOutChannels = List.copyOf(encoderBlockOutChannels);
            decoderBlockOutChannels = List.copyOf(decoderBlockOutChannels);
            numEncoderBlocks = List.copyOf(numEncoderBlocks);
            numDecoderBlocks = List.copyOf(numDecoderBlocks);
            between("in_channels", inChannels, 1, WIDEST);
            between("out_channels", outChannels, 1, WIDEST);
            between("latent_channels", latentChannels, 1, WIDEST);
            between("upsampling_scaling_factor", upsamplingScalingFactor, 1, 16);
            levels("encoder_block_out_channels", encoderBlockOutChannels, "num_encoder_blocks", numEncoderBlocks);
            levels("decoder_block_out_channels", decoderBlockOutChannels, "num_decoder_blocks", numDecoderBlocks);
            check(latentMagnitude > 0 && Double.isFinite(latentMagnitude), "latent_magnitude", latentMagnitude, "above 0");
            check(Double.isFinite(latentShift), "latent_shift", latentShift, "a finite number");
            check(scalingFactor != 0 && Double.isFinite(scalingFactor), "scaling_factor", scalingFactor, "a number other than 0");
            check(Double.isFinite(shiftFactor), "shift_factor", shiftFactor, "a finite number");
        }

        private static void levels(String key, List<Integer> channels, String blocksKey, List<Integer> blocks) {
            // the convolutions between levels keep the number of channels
            check(!channels.isEmpty() && channels.size() <= 12 && channels.stream().distinct().count() == 1, key, channels,
                "1 to 12 times the same number");
            between(key, channels.get(0), 1, WIDEST);
            check(blocks.size() == channels.size(), blocksKey, blocks, "one for each of " + key);
            for (int n : blocks) check(n >= 0 && n <= 64, blocksKey, blocks, "0 to 64 each");
        }

        private static void between(String key, int n, int least, int most) {
            check(n >= least && n <= most, key, n, least + " to " + most);
        }

        private static void check(boolean holds, String key, Object value, String allowed) {
            if (!holds) throw new ConfigException(key, "illegal " + key + ": " + value + ", must be " + allowed);
        }

        /** Pixels of a picture, in one direction, to one latent. */
        public int factor() { return 1 << encoderBlockOutChannels.size() - 1; }

        /**
         * From a {@code config.json} of diffusers; keys that are missing have its defaults, keys that begin with _ do not describe the
         * network, and neither do {@code force_upcast} and {@code block_out_channels}.
         *
         * @throws ConfigException for another class of model, an unknown key, and a value that is wrong or that this network does not have
         */
        public static Config fromJson(JsonNode json) { return read(json, null); }

        /** As {@link #fromJson(JsonNode)}, but unknown keys are reported and ignored, as in diffusers. */
        public static Config fromJson(JsonNode json, Consumer<String> warn) { return read(json, warn); }

        private static Config read(JsonNode json, @Nullable Consumer<String> warn) {
            if (!json.isObject()) throw new ConfigException("", "a network's configuration wants an object, got " + InWords.json(json));
            check(json.path("_class_name").asText(CLASS).equals(CLASS), "_class_name", json.path("_class_name"), CLASS);
            DiffusersConfigReader.others(json, CLASS, KEYS, warn);
            check(json.path("upsample_fn").asText("nearest").equals("nearest"), "upsample_fn", json.path("upsample_fn"), "nearest");
            List<Integer> wide = List.of(64, 64, 64, 64);
            return new Config(whole(json, "in_channels", 3), whole(json, "out_channels", 3),
                wholes(json, "encoder_block_out_channels", wide), wholes(json, "decoder_block_out_channels", wide), activation(json),
                whole(json, "latent_channels", 4), whole(json, "upsampling_scaling_factor", 2),
                wholes(json, "num_encoder_blocks", List.of(1, 3, 3, 3)), wholes(json, "num_decoder_blocks", List.of(3, 3, 3, 1)),
                number(json, "latent_magnitude", 3), number(json, "latent_shift", 0.5), number(json, "scaling_factor", 1),
                number(json, "shift_factor", 0), yes(json, "use_midblock_gn"));
        }

        /** What {@link #fromJson} reads, and diffusers' {@code AutoencoderTiny.from_config}. */
        public ObjectNode toJson() {
            ObjectNode json = JsonNodeFactory.instance.objectNode();
            json.put("_class_name", CLASS).put("in_channels", inChannels).put("out_channels", outChannels);
            encoderBlockOutChannels.forEach(json.putArray("encoder_block_out_channels")::add);
            decoderBlockOutChannels.forEach(json.putArray("decoder_block_out_channels")::add);
            json.put("act_fn", actFn.name().toLowerCase(Locale.ROOT)).put("upsample_fn", "nearest");
            json.put("latent_channels", latentChannels).put("upsampling_scaling_factor", upsamplingScalingFactor);
            numEncoderBlocks.forEach(json.putArray("num_encoder_blocks")::add);
            numDecoderBlocks.forEach(json.putArray("num_decoder_blocks")::add);
            json.put("latent_magnitude", latentMagnitude).put("latent_shift", latentShift).put("force_upcast", false);
            json.put("scaling_factor", scalingFactor).put("shift_factor", shiftFactor);
            if (useMidblockGn) json.put("use_midblock_gn", true);   // a key that diffusers does not know
            return json;
        }

        private static int whole(JsonNode json, String key, int missing) { return json.has(key) ? whole(key, json.get(key)) : missing; }

        private static int whole(String key, JsonNode v) {
            check(v.isIntegralNumber() && v.canConvertToInt(), key, v, "a whole number");
            return v.intValue();
        }

        private static double number(JsonNode json, String key, double missing) {
            if (!json.has(key)) return missing;
            check(json.get(key).isNumber(), key, json.get(key), "a number");
            return json.get(key).doubleValue();
        }

        private static boolean yes(JsonNode json, String key) {
            check(!json.has(key) || json.get(key).isBoolean(), key, json.path(key), "true or false");
            return json.path(key).booleanValue();
        }

        private static List<Integer> wholes(JsonNode json, String key, List<Integer> missing) {
            if (!json.has(key)) return missing;
            check(json.get(key).isArray(), key, json.get(key), "a list of whole numbers");
            List<Integer> list = new ArrayList<>();
            json.get(key).forEach(n -> list.add(whole(key, n)));
            return list;
        }

        private static Activation activation(JsonNode json) {
            String asked = json.path("act_fn").asText("relu");
            for (Activation a : Activation.values()) if (a.name().toLowerCase(Locale.ROOT).equals(asked)) return a;
            if (asked.equals("swish")) return Activation.SILU;
            throw new ConfigException("act_fn", "illegal act_fn: " + json.get("act_fn")
                + ", must be one of silu, swish, mish, gelu, relu");
        }
    }

    /** relu(f(x) + x), f = conv act conv act conv; with a pool x is x + pool(x) first. x [B,C,H,W]. */
    private static final class Block extends Module {
        private final List<Conv2d> convs = new ArrayList<>();
        private final @Nullable Pool pool;
        private final Activation act;

        Block(int channels, boolean pooled, Activation act, Rng rng) {
            for (int i = 0; i < 3; i++) convs.add(child("conv." + 2 * i, new Conv2d(channels, channels, 3, 1, 1, rng)));
            pool = pooled ? child("pool", new Pool(channels, rng)) : null;
            this.act = act;
        }

        Tensor forward(Tensor in) {
            return Scope.run(() -> {
                Tensor x = pool == null ? in : in.add(pool.forward(in));
                Tensor h = act.of(convs.get(0).forward(x));
                h = act.of(convs.get(1).forward(h));
                return convs.get(2).forward(h).addOver(x).reluOver();
            });
        }
    }

    /** The only part that depends on the whole picture at once: 4 times the channels, normed in 4 groups, and back. x [B,C,H,W]. */
    private static final class Pool extends Module {
        private final Conv2d widen;
        private final Norm.Group norm;
        private final Conv2d narrow;

        Pool(int channels, Rng rng) {
            widen = child("0", new Conv2d(channels, 4 * channels, 1, 1, 0, Init.DEFAULT, false, rng));
            norm = child("1", new Norm.Group(4, 4 * channels, 1e-5));
            narrow = child("3", new Conv2d(4 * channels, channels, 1, 1, 0, Init.DEFAULT, false, rng));
        }

        Tensor forward(Tensor x) { return narrow.forward(norm.forward(widen.forward(x)).reluOver()); }
    }

    /** Layers one after another; their numbers are their names. */
    private static final class Stack extends Module {
        private final List<UnaryOperator<Tensor>> layers = new ArrayList<>();

        void conv(int in, int out, int stride, boolean bias, Rng rng) {
            layers.add(child("layers." + layers.size(), new Conv2d(in, out, 3, stride, 1, Init.DEFAULT, bias, rng))::forward);
        }

        void blocks(int n, int channels, boolean pooled, Activation act, Rng rng) {
            for (int i = 0; i < n; i++) layers.add(child("layers." + layers.size(), new Block(channels, pooled, act, rng))::forward);
        }

        Tensor forward(Tensor x) {
            Tensor h = x;
            for (UnaryOperator<Tensor> layer : layers) {
                Tensor before = h;
                h = Scope.run(() -> layer.apply(before));
                if (before != x) before.free();   // pictures are large and layers many
            }
            return h;
        }
    }

    private final Config config;
    private final Stack encoder = child("encoder", new Stack());
    private final Stack decoder = child("decoder", new Stack());

    /** A network of fresh weights. */
    public AutoencoderTiny(Config config, Rng rng) {
        this.config = config;
        int levels = config.numEncoderBlocks().size();
        int c = config.encoderBlockOutChannels().get(0);
        for (int i = 0; i < levels; i++) {
            encoder.conv(i == 0 ? config.inChannels() : c, c, i == 0 ? 1 : 2, i == 0, rng);
            encoder.blocks(config.numEncoderBlocks().get(i), c, config.useMidblockGn() && i == levels - 1, config.actFn(), rng);
        }
        encoder.conv(c, config.latentChannels(), 1, true, rng);
        levels = config.numDecoderBlocks().size();
        c = config.decoderBlockOutChannels().get(0);
        decoder.conv(config.latentChannels(), c, 1, true, rng);
        decoder.layers.add(config.actFn()::of);
        for (int i = 0; i < levels; i++) {
            boolean last = i == levels - 1;
            decoder.blocks(config.numDecoderBlocks().get(i), c, config.useMidblockGn() && i == 0, config.actFn(), rng);
            if (!last) decoder.layers.add(x -> Torch.upsampleNearest(x, config.upsamplingScalingFactor()));
            decoder.conv(c, last ? config.outChannels() : c, 1, last, rng);
        }
    }

    public Config config() { return config; }

    /**
     * A picture's latents. x [B,in,H,W] in [-1,1], with H and W multiples of {@link Config#factor}; result [B,latent,H/factor,W/factor],
     * roughly in [-3,3].
     *
     * @throws IllegalArgumentException for other shapes
     */
    public Tensor encode(Tensor x) {
        int f = config.factor();
        if (x.dims() != 4 || x.size(1) != config.inChannels() || x.size(2) % f != 0 || x.size(3) % f != 0) {
            throw new ArgumentException("the picture coder wants [B," + config.inChannels() + ",H,W] with multiples of " + f
                + ", got " + x);
        }
        return Scope.run(() -> encoder.forward(x.add(1).div(2)));
    }

    /**
     * The picture of latents. z [B,latent,h,w]; result [B,out,H,W], about in [-1,1], not clamped.
     *
     * @throws IllegalArgumentException for other shapes
     */
    public Tensor decode(Tensor z) {
        if (z.dims() != 4 || z.size(1) != config.latentChannels()) {
            throw new ArgumentException("the picture coder wants latents [B," + config.latentChannels() + ",h,w], got " + z);
        }
        return Scope.run(() -> decoder.forward(z.div(3).tanh().mul(3)).mul(2).sub(1));
    }

    /**
     * What {@link #load} takes, from the two files of the network's authors: they number layers without a prefix, and in the decoder
     * count the tanh before the first convolution, which diffusers does not.
     *
     * @throws IllegalArgumentException for a name that does not begin with a number
     */
    public static Map<String, Tensor> named(Map<String, Tensor> encoder, Map<String, Tensor> decoder) {
        Map<String, Tensor> all = new LinkedHashMap<>();
        encoder.forEach((name, t) -> all.put("encoder.layers." + renumbered(name, 0), t));
        decoder.forEach((name, t) -> all.put("decoder.layers." + renumbered(name, -1), t));
        return all;
    }

    private static String renumbered(String name, int by) {
        int dot = name.indexOf('.');
        if (!name.matches("[0-9]{1,4}\\..+")) {
            throw new ArgumentException("illegal name of a tensor: '" + name + "', must be like '3.weight'");
        }
        return Integer.parseInt(name.substring(0, dot)) + by + name.substring(dot);
    }
}
