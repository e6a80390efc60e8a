package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ConfigException;
import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Conv2d;
import io.palitra.nn.Embedding;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The residual U-Net of denoising diffusion (Ho et al. 2020, arXiv:2006.11239; Dhariwal and Nichol 2021, arXiv:2105.05233): a picture, its
 * noise level and perhaps its class to a picture. Configuration and names of tensors are those of diffusers' {@code UNet2DModel}, so that
 * each side reads the other's checkpoints.
 */
public final class Unet2d extends Module {
    /** What a level is made of: residual blocks; the same and attention after each; the same with a residual block that resamples. */
    public enum Block {
        PLAIN("DownBlock2D", "UpBlock2D"), ATTENTION("AttnDownBlock2D", "AttnUpBlock2D"),
        RESNET("ResnetDownsampleBlock2D", "ResnetUpsampleBlock2D");

        private final String down;
        private final String up;

        Block(String down, String up) {
            this.down = down;
            this.up = up;
        }
    }

    /** How levels with attention change the resolution: a convolution, or a residual block. */
    public enum Resampling { CONV, RESNET }

    /** How a time becomes numbers: sines of fixed or of random frequencies, or a row of a table. */
    public enum TimeEmbedding { POSITIONAL, FOURIER, LEARNED }

    /** How the embedded time enters a residual block. */
    public enum TimeShift { DEFAULT, SCALE_SHIFT }

    /** What becomes of class labels: a row of a table, the same as of times, or nothing because they are embedded already. */
    public enum ClassEmbedding { LOOKUP, TIMESTEP, IDENTITY }

    /**
     * diffusers' keys in camel case, and what Python calls None is 0 or empty.
     *
     * @param sampleSize height and width in training, or one number for both, or empty; no check of inputs
     * @param centerInputSample inputs lie in [0,1] and the network maps them to [-1,1]
     * @param timeEmbeddingDim 0 = four times the first level's channels
     * @param freqShift of the frequencies' exponent i / (half - freqShift)
     * @param flipSinToCos cosines first
     * @param midBlock whether there is a block at the lowest resolution ({@code mid_block_type} UNetMidBlock2D or null)
     * @param midBlockScaleFactor divisor of the sums in the middle
     * @param downsamplePadding 1 = on all sides, 0 = right and below only
     * @param attentionHeadDim channels in a head, 0 = all in one head
     * @param attnNormNumGroups of the middle's attention, 0 = as elsewhere, or with SCALE_SHIFT no norm there
     * @param addAttention whether the middle has attention
     * @param numClassEmbeds rows of the table of classes, 0 = none
     * @param numTrainTimesteps rows of the table of times, for LEARNED
     */
    public record Config(List<Integer> sampleSize, int inChannels, int outChannels, boolean centerInputSample,
            TimeEmbedding timeEmbeddingType, int timeEmbeddingDim, double freqShift, boolean flipSinToCos, List<Block> downBlockTypes,
            boolean midBlock, List<Block> upBlockTypes, List<Integer> blockOutChannels, int layersPerBlock, double midBlockScaleFactor,
            int downsamplePadding, Resampling downsampleType, Resampling upsampleType, double dropout, Activation actFn,
            int attentionHeadDim, int normNumGroups, int attnNormNumGroups, double normEps, TimeShift resnetTimeScaleShift,
            boolean addAttention, ClassEmbedding classEmbedType, int numClassEmbeds, int numTrainTimesteps) {
        private static final String CLASS = "UNet2DModel";
        private static final int WIDEST = 1 << 14;

        public Config {
            sampleSize = List.copyOf(sampleSize);
            downBlockTypes = List.copyOf(downBlockTypes);
            upBlockTypes = List.copyOf(upBlockTypes);
            blockOutChannels = List.copyOf(blockOutChannels);
            int levels = blockOutChannels.size();
            check(sampleSize.size() <= 2, "sample_size", sampleSize, "one number or two");
            check(levels >= 1 && levels <= 12, "block_out_channels", blockOutChannels, "1 to 12 levels");
            check(downBlockTypes.size() == levels, "down_block_types", downBlockTypes, "one for each of block_out_channels");
            check(upBlockTypes.size() == levels, "up_block_types", upBlockTypes, "one for each of block_out_channels");
            check(inChannels >= 1 && inChannels <= WIDEST, "in_channels", inChannels, "1 to " + WIDEST);
            check(outChannels >= 1 && outChannels <= WIDEST, "out_channels", outChannels, "1 to " + WIDEST);
            check(timeEmbeddingDim >= 0 && timeEmbeddingDim <= 4 * WIDEST, "time_embedding_dim", timeEmbeddingDim,
                "1 to " + 4 * WIDEST + ", or null");
            check(layersPerBlock >= 1 && layersPerBlock <= 64, "layers_per_block", layersPerBlock, "1 to 64");
            check(midBlockScaleFactor != 0 && Double.isFinite(midBlockScaleFactor), "mid_block_scale_factor", midBlockScaleFactor,
                "a number other than 0");
            check(downsamplePadding == 0 || downsamplePadding == 1, "downsample_padding", downsamplePadding, "0 or 1");
            check(dropout >= 0 && dropout < 1, "dropout", dropout, "at least 0 and below 1");
            check(attentionHeadDim >= 0, "attention_head_dim", attentionHeadDim, "at least 1, or null");
            check(normNumGroups >= 1, "norm_num_groups", normNumGroups, "at least 1");
            check(normEps > 0, "norm_eps", normEps, "above 0");
            for (int i = 0; i < levels; i++) {
                int c = blockOutChannels.get(i);
                check(c >= 1 && c <= WIDEST && c % normNumGroups == 0, "block_out_channels", blockOutChannels,
                    "multiples of norm_num_groups " + normNumGroups + ", at most " + WIDEST);
                boolean attends = downBlockTypes.get(i) == Block.ATTENTION || upBlockTypes.get(levels - 1 - i) == Block.ATTENTION
                    || i == levels - 1 && midBlock && addAttention;
                check(!attends || attentionHeadDim <= c, "attention_head_dim", attentionHeadDim, "at most the " + c + " channels");
            }
            int last = blockOutChannels.get(levels - 1);
            check(attnNormNumGroups >= 0 && (attnNormNumGroups == 0 || last % attnNormNumGroups == 0), "attn_norm_num_groups",
                attnNormNumGroups, "a divisor of the " + last + " channels in the middle, or null");
            check(timeEmbeddingType != TimeEmbedding.POSITIONAL || Double.isFinite(freqShift) && freqShift < blockOutChannels.get(0) / 2,
                "freq_shift", freqShift, "below half the first of block_out_channels");
            check(numClassEmbeds >= 0 && numClassEmbeds <= 1 << 24, "num_class_embeds", numClassEmbeds, "1 to 2^24, or null");
            int fewest = timeEmbeddingType == TimeEmbedding.LEARNED ? 1 : 0;
            check(numTrainTimesteps >= fewest && numTrainTimesteps <= 1 << 24, "num_train_timesteps", numTrainTimesteps,
                fewest + " to 2^24");
        }

        private static void check(boolean holds, String key, Object value, String allowed) {
            if (!holds) throw new ConfigException(key, "illegal " + key + ": " + value + ", must be " + allowed);
        }

        /** Width of the embedded time. */
        public int embedding() { return timeEmbeddingDim > 0 ? timeEmbeddingDim : 4 * blockOutChannels.get(0); }

        /** Whether the network wants class labels. */
        public boolean conditional() { return classEmbedType != ClassEmbedding.LOOKUP || numClassEmbeds > 0; }

        /**
         * From a {@code config.json} of diffusers; keys that are missing have its defaults, keys that begin with _ say nothing of the
         * network.
         *
         * @throws ConfigException for another class of model, an unknown key, and a value that is wrong or that this network does not have
         */
        public static Config fromJson(JsonNode json) {
            Keys keys = new Keys(json);
            if (json.has("_class_name") && !json.get("_class_name").asText().equals(CLASS)) {
                throw new ConfigException("_class_name", "illegal _class_name: " + json.get("_class_name") + ", must be " + CLASS);
            }
            Config read = new Config(keys.size("sample_size"), keys.whole("in_channels", 3), keys.whole("out_channels", 3),
                keys.yes("center_input_sample", false), keys.choice("time_embedding_type", TimeEmbedding.POSITIONAL),
                keys.whole("time_embedding_dim", 0), keys.number("freq_shift", 0), keys.yes("flip_sin_to_cos", true),
                keys.blocks("down_block_types", List.of(Block.PLAIN, Block.ATTENTION, Block.ATTENTION, Block.ATTENTION), true),
                keys.middle("mid_block_type"),
                keys.blocks("up_block_types", List.of(Block.ATTENTION, Block.ATTENTION, Block.ATTENTION, Block.PLAIN), false),
                keys.wholes("block_out_channels", List.of(224, 448, 672, 896)), keys.whole("layers_per_block", 2),
                keys.number("mid_block_scale_factor", 1), keys.whole("downsample_padding", 1),
                keys.choice("downsample_type", Resampling.CONV), keys.choice("upsample_type", Resampling.CONV), keys.number("dropout", 0),
                keys.activation("act_fn"), keys.wholeOr0("attention_head_dim", 8), keys.whole("norm_num_groups", 32),
                keys.wholeOr0("attn_norm_num_groups", 0), keys.number("norm_eps", 1e-5),
                keys.choice("resnet_time_scale_shift", TimeShift.DEFAULT), keys.yes("add_attention", true),
                keys.choice("class_embed_type", ClassEmbedding.LOOKUP), keys.wholeOr0("num_class_embeds", 0),
                keys.wholeOr0("num_train_timesteps", 0));
            keys.refuseOthers();
            return read;
        }

        /** What {@link #fromJson} reads, and diffusers' {@code UNet2DModel.from_config}. */
        public ObjectNode toJson() {
            ObjectNode json = JsonNodeFactory.instance.objectNode();
            json.put("_class_name", CLASS);
            if (sampleSize.size() == 1) json.put("sample_size", sampleSize.get(0));
            else if (sampleSize.isEmpty()) json.putNull("sample_size");
            else sampleSize.forEach(json.putArray("sample_size")::add);
            json.put("in_channels", inChannels).put("out_channels", outChannels).put("center_input_sample", centerInputSample);
            json.put("time_embedding_type", lower(timeEmbeddingType)).put("time_embedding_dim", orNull(timeEmbeddingDim));
            if (freqShift == Math.rint(freqShift)) json.put("freq_shift", (long) freqShift);
            else json.put("freq_shift", freqShift);
            json.put("flip_sin_to_cos", flipSinToCos);
            ArrayNode down = json.putArray("down_block_types");
            downBlockTypes.forEach(b -> down.add(b.down));
            json.put("mid_block_type", midBlock ? Keys.MIDDLE : null);
            ArrayNode up = json.putArray("up_block_types");
            upBlockTypes.forEach(b -> up.add(b.up));
            blockOutChannels.forEach(json.putArray("block_out_channels")::add);
            json.put("layers_per_block", layersPerBlock).put("mid_block_scale_factor", midBlockScaleFactor);
            json.put("downsample_padding", downsamplePadding).put("downsample_type", lower(downsampleType));
            json.put("upsample_type", lower(upsampleType)).put("dropout", dropout).put("act_fn", lower(actFn));
            json.put("attention_head_dim", orNull(attentionHeadDim)).put("norm_num_groups", normNumGroups);
            json.put("attn_norm_num_groups", orNull(attnNormNumGroups)).put("norm_eps", normEps);
            json.put("resnet_time_scale_shift", lower(resnetTimeScaleShift)).put("add_attention", addAttention);
            json.put("class_embed_type", classEmbedType == ClassEmbedding.LOOKUP ? null : lower(classEmbedType));
            json.put("num_class_embeds", orNull(numClassEmbeds)).put("num_train_timesteps", orNull(numTrainTimesteps));
            return json;
        }

        private static String lower(Enum<?> e) { return e.name().toLowerCase(Locale.ROOT); }

        private static @Nullable Integer orNull(int n) { return n == 0 ? null : n; }
    }

    /** Reads keys of one JSON object, remembering which. */
    private static final class Keys {
        static final String MIDDLE = "UNetMidBlock2D";

        private final JsonNode json;
        private final Set<String> read = new HashSet<>();

        Keys(JsonNode json) {
            if (!json.isObject()) throw new ConfigException("", "a network's configuration wants an object, got " + json.getNodeType());
            this.json = json;
        }

        /** The value, or null where the key is missing. */
        private @Nullable JsonNode at(String key) {
            read.add(key);
            return json.get(key);
        }

        private static ConfigException refused(String key, JsonNode got, String allowed) {
            return new ConfigException(key, "illegal " + key + ": " + got + ", must be " + allowed);
        }

        private static int whole(String key, JsonNode v) {
            if (v.isIntegralNumber() && v.canConvertToInt()) return v.intValue();
            throw refused(key, v, "a whole number");
        }

        int whole(String key, int missing) {
            JsonNode v = at(key);
            return v == null || v.isNull() && missing == 0 ? missing : whole(key, v);
        }

        /** 0 for null. */
        int wholeOr0(String key, int missing) {
            JsonNode v = at(key);
            if (v == null) return missing;
            int n = v.isNull() ? 0 : whole(key, v);
            if (n == 0 && !v.isNull()) throw refused(key, v, "at least 1, or null");
            return n;
        }

        double number(String key, double missing) {
            JsonNode v = at(key);
            if (v == null) return missing;
            if (v.isNumber() && Double.isFinite(v.doubleValue())) return v.doubleValue();
            throw refused(key, v, "a finite number");
        }

        boolean yes(String key, boolean missing) {
            JsonNode v = at(key);
            if (v == null) return missing;
            if (v.isBoolean()) return v.booleanValue();
            throw refused(key, v, "true or false");
        }

        List<Integer> wholes(String key, List<Integer> missing) {
            JsonNode v = at(key);
            if (v == null) return missing;
            if (!v.isArray()) throw refused(key, v, "a list of whole numbers");
            List<Integer> list = new ArrayList<>();
            v.forEach(n -> list.add(whole(key, n)));
            return list;
        }

        List<Integer> size(String key) {
            JsonNode v = at(key);
            if (v == null || v.isNull()) return List.of();
            return v.isArray() ? wholes(key, List.of()) : List.of(whole(key, v));
        }

        /** Null is the same as missing. */
        <E extends Enum<E>> E choice(String key, E missing) {
            JsonNode v = at(key);
            if (v == null || v.isNull()) return missing;
            List<String> names = new ArrayList<>();
            for (E e : missing.getDeclaringClass().getEnumConstants()) {
                String name = e.name().toLowerCase(Locale.ROOT);
                // the table of classes is what diffusers calls null
                if (e == ClassEmbedding.LOOKUP) continue;
                if (v.isTextual() && v.textValue().equals(name)) return e;
                names.add(name);
            }
            throw refused(key, v, "one of " + names);
        }

        Activation activation(String key) {
            JsonNode v = at(key);
            if (v != null && v.isTextual() && v.textValue().equalsIgnoreCase("swish")) return Activation.SILU;
            return choice(key, Activation.SILU);
        }

        boolean middle(String key) {
            JsonNode v = at(key);
            if (v == null || v.isTextual() && v.textValue().equals(MIDDLE)) return true;
            if (v.isNull()) return false;
            throw refused(key, v, MIDDLE + " or null");
        }

        List<Block> blocks(String key, List<Block> missing, boolean down) {
            JsonNode v = at(key);
            if (v == null) return missing;
            List<String> names = Arrays.stream(Block.values()).map(b -> down ? b.down : b.up).toList();
            if (!v.isArray()) throw refused(key, v, "a list of " + names);
            List<Block> list = new ArrayList<>();
            for (JsonNode name : v) {
                int i = name.isTextual() ? names.indexOf(name.textValue()) : -1;
                if (i < 0) throw refused(key, name, "one of " + names);
                list.add(Block.values()[i]);
            }
            return list;
        }

        void refuseOthers() {
            for (String key : (Iterable<String>) json::fieldNames) {
                if (!key.startsWith("_") && !read.contains(key)) throw new ConfigException(key, Config.CLASS + " has no key '" + key + "'");
            }
        }
    }

    /** A part that changes the resolution. */
    @FunctionalInterface private interface Resampler { Tensor forward(Tensor x, Tensor emb, @Nullable Rng rng); }

    /** The blocks of one resolution, on the way down or up. */
    private static final class Level extends Module {
        private final List<ResnetBlock> resnets = new ArrayList<>();
        private final List<SelfAttention> attentions = new ArrayList<>();
        private @Nullable Resampler resampler;

        /** @param in channels that each residual block gets */
        Level(int[] in, int out, Block kind, Config c, ResnetBlock.Style style, Rng rng) {
            for (int i = 0; i < in.length; i++) {
                resnets.add(child("resnets." + i, new ResnetBlock(in[i], out, ResnetBlock.Resize.NONE, style, rng)));
                if (kind == Block.ATTENTION) {
                    int headDim = c.attentionHeadDim() == 0 ? out : c.attentionHeadDim();
                    attentions.add(child("attentions." + i, new SelfAttention(out, headDim, style.groups(), style.eps(), 1, rng)));
                }
            }
        }

        void down(int channels, boolean resnet, int padding, ResnetBlock.Style style, Rng rng) {
            if (resnet) {
                resampler = child("downsamplers.0", new ResnetBlock(channels, channels, ResnetBlock.Resize.HALF, style, rng))::forward;
            } else {
                Conv2d conv = child("downsamplers.0.conv", new Conv2d(channels, channels, 3, 2, padding, rng));
                resampler = (x, emb, r) -> Scope.run(() -> conv.forward(padding == 0 ? Torch.pad(x, 0, 1, 0, 1) : x));
            }
        }

        void up(int channels, boolean resnet, ResnetBlock.Style style, Rng rng) {
            if (resnet) {
                resampler = child("upsamplers.0", new ResnetBlock(channels, channels, ResnetBlock.Resize.DOUBLE, style, rng))::forward;
            } else {
                Conv2d conv = child("upsamplers.0.conv", new Conv2d(channels, channels, 3, 1, 1, rng));
                resampler = (x, emb, r) -> Scope.run(() -> conv.forward(Torch.upsampleNearest(x, 2)));
            }
        }

        Tensor layer(int i, Tensor x, Tensor emb, @Nullable Rng rng) {
            Tensor h = resnets.get(i).forward(x, emb, rng);
            return attentions.isEmpty() ? h : attentions.get(i).forward(h);
        }
    }

    /** The blocks at the lowest resolution. */
    private static final class Middle extends Module {
        private final ResnetBlock first;
        private final @Nullable SelfAttention attention;
        private final ResnetBlock second;

        Middle(int channels, Config c, ResnetBlock.Style style, Rng rng) {
            first = child("resnets.0", new ResnetBlock(channels, channels, ResnetBlock.Resize.NONE, style, rng));
            int headDim = c.attentionHeadDim() == 0 ? channels : c.attentionHeadDim();
            int groups = c.attnNormNumGroups() > 0 ? c.attnNormNumGroups() : style.scaleShift() ? 0 : style.groups();
            attention = c.addAttention()
                ? child("attentions.0", new SelfAttention(channels, headDim, groups, style.eps(), style.scale(), rng)) : null;
            second = child("resnets.1", new ResnetBlock(channels, channels, ResnetBlock.Resize.NONE, style, rng));
        }

        Tensor forward(Tensor x, Tensor emb, @Nullable Rng rng) {
            Tensor h = first.forward(x, emb, rng);
            return second.forward(attention == null ? h : attention.forward(h), emb, rng);
        }
    }

    /** Frequencies of N(0, 16^2) that are drawn once. Song et al. 2021, arXiv:2011.13456. */
    private static final class Frequencies extends Module {
        private final Tensor weight;

        Frequencies(int n, Rng rng) { weight = buffer("weight", rng.normal(n).mul(16)); }
    }

    /** Two layers with a silu between. */
    private static final class Mlp extends Module {
        private final Linear linear1;
        private final Linear linear2;

        Mlp(int in, int out, Rng rng) {
            linear1 = child("linear_1", new Linear(in, out, rng));
            linear2 = child("linear_2", new Linear(out, out, rng));
        }

        Tensor forward(Tensor x) { return linear2.forward(linear1.forward(x).silu()); }
    }

    private final Config config;
    private final int first;
    private final Conv2d convIn;
    private final @Nullable Frequencies frequencies;
    private final @Nullable Embedding times;
    private final Mlp timeEmbedding;
    private final @Nullable Embedding classes;
    private final @Nullable Mlp classTimes;
    private final List<Level> downs = new ArrayList<>();
    private final @Nullable Middle middle;
    private final List<Level> ups = new ArrayList<>();
    private final Norm.Group normOut;
    private final Conv2d convOut;

    /** A network of fresh weights. */
    public Unet2d(Config config, Rng rng) {
        this.config = config;
        List<Integer> channels = config.blockOutChannels();
        int n = channels.size();
        first = channels.get(0);
        int width = config.embedding();
        convIn = child("conv_in", new Conv2d(config.inChannels(), first, 3, 1, 1, rng));
        frequencies = config.timeEmbeddingType() == TimeEmbedding.FOURIER ? child("time_proj", new Frequencies(first, rng)) : null;
        times = config.timeEmbeddingType() == TimeEmbedding.LEARNED
            ? child("time_proj", new Embedding(config.numTrainTimesteps(), first, rng)) : null;
        int projected = frequencies == null ? first : 2 * first;
        timeEmbedding = child("time_embedding", new Mlp(projected, width, rng));
        classes = config.classEmbedType() == ClassEmbedding.LOOKUP && config.numClassEmbeds() > 0
            ? child("class_embedding", new Embedding(config.numClassEmbeds(), width, rng)) : null;
        classTimes = config.classEmbedType() == ClassEmbedding.TIMESTEP ? child("class_embedding", new Mlp(projected, width, rng)) : null;

        ResnetBlock.Style style = new ResnetBlock.Style(width, config.resnetTimeScaleShift() == TimeShift.SCALE_SHIFT,
            config.normNumGroups(), config.normEps(), config.actFn(), config.dropout(), 1);
        for (int i = 0; i < n; i++) {
            Block kind = config.downBlockTypes().get(i);
            int out = channels.get(i);
            int[] in = new int[config.layersPerBlock()];
            Arrays.fill(in, out);
            in[0] = i == 0 ? first : channels.get(i - 1);
            Level level = child("down_blocks." + i, new Level(in, out, kind, config, style, rng));
            boolean resnet = kind == Block.RESNET || kind == Block.ATTENTION && config.downsampleType() == Resampling.RESNET;
            if (i < n - 1) level.down(out, resnet, config.downsamplePadding(), style, rng);
            downs.add(level);
        }
        int last = channels.get(n - 1);
        middle = config.midBlock() ? child("mid_block", new Middle(last, config, style.scaled(config.midBlockScaleFactor()), rng)) : null;
        for (int i = 0; i < n; i++) {
            Block kind = config.upBlockTypes().get(i);
            int out = channels.get(n - 1 - i);
            int below = i == 0 ? last : channels.get(n - i);
            int[] in = new int[config.layersPerBlock() + 1];
            Arrays.fill(in, 2 * out);   // what came from the block before, and what was kept on the way down
            in[0] = below + out;
            int kept = channels.get(Math.max(0, n - 2 - i));
            in[in.length - 1] = out + kept;
            Level level = child("up_blocks." + i, new Level(in, out, kind, config, style, rng));
            boolean resnet = kind == Block.RESNET || kind == Block.ATTENTION && config.upsampleType() == Resampling.RESNET;
            if (i < n - 1) level.up(out, resnet, style, rng);
            ups.add(level);
        }
        normOut = child("conv_norm_out", new Norm.Group(config.normNumGroups(), first, config.normEps()));
        convOut = child("conv_out", new Conv2d(first, config.outChannels(), 3, 1, 1, rng));
    }

    public Config config() { return config; }

    /** {@link #forward(Tensor, Tensor, Tensor, Rng)} without dropout. */
    public Tensor forward(Tensor x, Tensor t, @Nullable Tensor labels) { return forward(x, t, labels, null); }

    /**
     * x [B,in,H,W], with H and W multiples of 2^(levels - 1); t [B], times in steps (noise levels for FOURIER); labels I64 [B], or for
     * IDENTITY [B,E]; result [B,out,H,W].
     *
     * @param rng draws the dropout of training
     * @throws IllegalArgumentException for other shapes, and for labels where there are none or none where there must be
     */
    public Tensor forward(Tensor x, Tensor t, @Nullable Tensor labels, @Nullable Rng rng) {
        long step = 1L << downs.size() - 1;
        if (x.dims() != 4 || x.size(1) != config.inChannels() || x.size(2) % step != 0 || x.size(3) % step != 0) {
            throw new IllegalArgumentException("Unet2d wants [B," + config.inChannels() + ",H,W] with multiples of " + step + ", got " + x);
        }
        if (t.dims() != 1 || t.size(0) != x.size(0)) {
            throw new IllegalArgumentException("Unet2d wants one time for each of " + x.size(0) + " items, got " + t);
        }
        if (config.conditional() != (labels != null)) {
            throw new IllegalArgumentException(labels == null ? "Unet2d wants class labels, got none"
                : "Unet2d has no classes, got labels");
        }
        return Scope.run(() -> predicted(x, t, labels, rng));
    }

    private Tensor predicted(Tensor x, Tensor t, @Nullable Tensor labels, @Nullable Rng rng) {
        Tensor emb = config.actFn().of(embedded(t, labels));   // [B,E]
        Deque<Tensor> kept = new ArrayDeque<>();
        Tensor h = convIn.forward(config.centerInputSample() ? x.mul(2).sub(1) : x);
        kept.push(h);
        for (Level level : downs) {
            for (int i = 0; i < level.resnets.size(); i++) {
                h = level.layer(i, h, emb, rng);
                kept.push(h);
            }
            if (level.resampler != null) {
                h = level.resampler.forward(h, emb, rng);
                kept.push(h);
            }
        }
        if (middle != null) h = middle.forward(h, emb, rng);
        for (Level level : ups) {
            for (int i = 0; i < level.resnets.size(); i++) {
                int at = i;
                Tensor below = h;
                Tensor skip = kept.pop();
                h = Scope.run(() -> level.layer(at, Torch.cat(1, below, skip), emb, rng));
            }
            if (level.resampler != null) h = level.resampler.forward(h, emb, rng);
        }
        Tensor y = convOut.forward(normOut.forward(h).silu()).to(x.dtype());
        // a network of noise levels learns the score, whose size is that of 1/t
        return frequencies == null ? y : y.div(t.to(DType.F32).broadcastTo(4));
    }

    private Tensor embedded(Tensor t, @Nullable Tensor labels) {
        Tensor emb = timeEmbedding.forward(projected(t));
        if (labels == null) return emb;
        if (classes != null) return emb.add(classes.forward(labels));
        return emb.add(classTimes != null ? classTimes.forward(projected(labels)) : labels);
    }

    /** t [B] to [B,P]: sines and cosines of t at each frequency, or rows of a table. */
    private Tensor projected(Tensor t) {
        if (times != null) return times.forward(t);
        if (frequencies != null) {
            Tensor angle = t.to(DType.F32).log().unsqueeze(1).mul(frequencies.weight).mul(2).mul(Math.PI);
            return Torch.cat(1, angle.sin(), angle.cos());
        }
        int half = first / 2;
        Tensor frequency = Torch.arange(0, half).to(t.device()).mul(-Math.log(10000)).div(half - config.freqShift()).exp();
        Tensor angle = t.to(DType.F32).unsqueeze(1).mul(frequency);   // [B,half]
        Tensor waves = config.flipSinToCos() ? Torch.cat(1, angle.cos(), angle.sin()) : Torch.cat(1, angle.sin(), angle.cos());
        return first % 2 == 0 ? waves : Torch.pad(waves, 0, 1, 0, 0);
    }
}
