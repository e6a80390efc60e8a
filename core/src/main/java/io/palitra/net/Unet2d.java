package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.nn.Conv2d;
import io.palitra.nn.Embedding;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The residual U-Net of denoising diffusion (Ho et al. 2020, arXiv:2006.11239; Dhariwal and Nichol 2021, arXiv:2105.05233): a picture, its
 * noise level and perhaps its class to a picture. Configuration and names of tensors are those of diffusers' {@code UNet2DModel}, so that
 * each side reads the other's checkpoints.
 */
public final class Unet2d extends Module {
    /** The blocks of a level: residual blocks; the same and attention after each; the same with a residual block that resamples. */
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

    /** The embedding of a time: sines of fixed or of random frequencies, or a row of a table. */
    public enum TimeEmbeddingType { POSITIONAL, FOURIER, LEARNED }

    /** How the embedded time enters a residual block. */
    public enum TimeShift { DEFAULT, SCALE_SHIFT }

    /** The embedding of class labels: a row of a table, the same as of times, or nothing because they are embedded already. */
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
            TimeEmbeddingType timeEmbeddingType, int timeEmbeddingDim, double freqShift, boolean flipSinToCos, List<Block> downBlockTypes,
            boolean midBlock, List<Block> upBlockTypes, List<Integer> blockOutChannels, int layersPerBlock, double midBlockScaleFactor,
            int downsamplePadding, Resampling downsampleType, Resampling upsampleType, double dropout, Activation actFn,
            int attentionHeadDim, int normNumGroups, int attnNormNumGroups, double normEps, TimeShift resnetTimeScaleShift,
            boolean addAttention, ClassEmbedding classEmbedType, int numClassEmbeds, int numTrainTimesteps) {
        private static final String CLASS = "UNet2DModel";
        private static final String MIDDLE = "UNetMidBlock2D";
        private static final int WIDEST = 1 << 14;

        public Config {
            sampleSize = List.copyOf(sampleSize);
            downBlockTypes = List.copyOf(downBlockTypes);
            upBlockTypes = List.copyOf(upBlockTypes);
            blockOutChannels = List.copyOf(blockOutChannels);
            int levels = blockOutChannels.size();
            DiffusersConfigReader.check(sampleSize.size() <= 2 && sampleSize.stream().allMatch(s -> s >= 1), "sample_size", sampleSize,
                "one number or two, at least 1");
            DiffusersConfigReader.check(levels >= 1 && levels <= 12, "block_out_channels", blockOutChannels, "1 to 12 levels");
            DiffusersConfigReader.check(downBlockTypes.size() == levels, "down_block_types", downBlockTypes,
                "one for each of block_out_channels");
            DiffusersConfigReader.check(upBlockTypes.size() == levels, "up_block_types", upBlockTypes,
                "one for each of block_out_channels");
            DiffusersConfigReader.check(inChannels >= 1 && inChannels <= WIDEST, "in_channels", inChannels, "1 to " + WIDEST);
            DiffusersConfigReader.check(outChannels >= 1 && outChannels <= WIDEST, "out_channels", outChannels, "1 to " + WIDEST);
            DiffusersConfigReader.check(timeEmbeddingDim >= 0 && timeEmbeddingDim <= 4 * WIDEST, "time_embedding_dim", timeEmbeddingDim,
                "1 to " + 4 * WIDEST + ", or null");
            DiffusersConfigReader.check(layersPerBlock >= 1 && layersPerBlock <= 64, "layers_per_block", layersPerBlock, "1 to 64");
            DiffusersConfigReader.check(midBlockScaleFactor != 0 && Double.isFinite(midBlockScaleFactor), "mid_block_scale_factor",
                midBlockScaleFactor,
                "a number other than 0");
            DiffusersConfigReader.check(downsamplePadding == 0 || downsamplePadding == 1, "downsample_padding", downsamplePadding,
                "0 or 1");
            DiffusersConfigReader.check(dropout >= 0 && dropout < 1, "dropout", dropout, "at least 0 and below 1");
            DiffusersConfigReader.check(attentionHeadDim >= 0, "attention_head_dim", attentionHeadDim, "at least 1, or null");
            DiffusersConfigReader.check(normNumGroups >= 1, "norm_num_groups", normNumGroups, "at least 1");
            DiffusersConfigReader.check(normEps > 0, "norm_eps", normEps, "above 0");
            for (int i = 0; i < levels; i++) {
                int c = blockOutChannels.get(i);
                DiffusersConfigReader.check(c >= 1 && c <= WIDEST && c % normNumGroups == 0, "block_out_channels", blockOutChannels,
                    "multiples of norm_num_groups " + normNumGroups + ", at most " + WIDEST);
                boolean attends = downBlockTypes.get(i) == Block.ATTENTION || upBlockTypes.get(levels - 1 - i) == Block.ATTENTION
                    || i == levels - 1 && midBlock && addAttention;
                DiffusersConfigReader.check(!attends || attentionHeadDim <= c, "attention_head_dim", attentionHeadDim, "at most the " + c
                    + " channels");
            }
            int last = blockOutChannels.get(levels - 1);
            DiffusersConfigReader.check(attnNormNumGroups >= 0 && (attnNormNumGroups == 0 || last % attnNormNumGroups == 0),
                "attn_norm_num_groups",
                attnNormNumGroups, "a divisor of the " + last + " channels in the middle, or null");
            boolean waves = Double.isFinite(freqShift) && freqShift < blockOutChannels.get(0) / 2;
            DiffusersConfigReader.check(timeEmbeddingType != TimeEmbeddingType.POSITIONAL || waves, "freq_shift", freqShift,
                "below half the first of block_out_channels");
            DiffusersConfigReader.check(numClassEmbeds >= 0 && numClassEmbeds <= 1 << 24, "num_class_embeds", numClassEmbeds,
                "1 to 2^24, or null");
            int fewest = timeEmbeddingType == TimeEmbeddingType.LEARNED ? 1 : 0;
            DiffusersConfigReader.check(numTrainTimesteps >= fewest && numTrainTimesteps <= 1 << 24, "num_train_timesteps",
                numTrainTimesteps,
                fewest + " to 2^24");
        }

        /** Width of the embedded time. */
        public int embedding() { return timeEmbeddingDim > 0 ? timeEmbeddingDim : 4 * blockOutChannels.get(0); }

        private int headDim(int channels) { return attentionHeadDim == 0 ? channels : attentionHeadDim; }

        /** Whether class labels are an input of the network. */
        public boolean conditional() { return classEmbedType != ClassEmbedding.LOOKUP || numClassEmbeds > 0; }

        /**
         * From a {@code config.json} of diffusers; keys that are missing have its defaults, keys that begin with _ do not describe the
         * network.
         *
         * @throws ConfigException for another class of model, an unknown key, and a value that is wrong or that this network does not have
         */
        public static Config fromJson(JsonNode json) { return read(json, null); }

        /** As {@link #fromJson(JsonNode)}, but unknown keys are reported and ignored, as in diffusers. */
        public static Config fromJson(JsonNode json, Consumer<String> warn) { return read(json, warn); }

        private static Config read(JsonNode json, @Nullable Consumer<String> warn) {
            DiffusersConfigReader keys = new DiffusersConfigReader(json, CLASS, warn);
            Config read = new Config(keys.size("sample_size", List.of()), keys.whole("in_channels", 3), keys.whole("out_channels", 3),
                keys.yes("center_input_sample", false), keys.choice("time_embedding_type", TimeEmbeddingType.POSITIONAL),
                keys.whole("time_embedding_dim", 0), keys.number("freq_shift", 0), keys.yes("flip_sin_to_cos", true),
                keys.choices("down_block_types", List.of(Block.PLAIN, Block.ATTENTION, Block.ATTENTION, Block.ATTENTION), Block.values(),
                    b -> b.down),
                keys.middle("mid_block_type", MIDDLE, List.of(MIDDLE)) != null,
                keys.choices("up_block_types", List.of(Block.ATTENTION, Block.ATTENTION, Block.ATTENTION, Block.PLAIN), Block.values(),
                    b -> b.up),
                keys.wholes("block_out_channels", List.of(224, 448, 672, 896)), keys.whole("layers_per_block", 2),
                keys.number("mid_block_scale_factor", 1), keys.whole("downsample_padding", 1),
                keys.choice("downsample_type", Resampling.CONV), keys.choice("upsample_type", Resampling.CONV), keys.number("dropout", 0),
                keys.activation("act_fn"), keys.wholeOr0("attention_head_dim", 8), keys.whole("norm_num_groups", 32),
                keys.wholeOr0("attn_norm_num_groups", 0), keys.number("norm_eps", 1e-5),
                keys.choice("resnet_time_scale_shift", TimeShift.DEFAULT), keys.yes("add_attention", true),
                keys.choiceOrNull("class_embed_type", ClassEmbedding.LOOKUP), keys.wholeOr0("num_class_embeds", 0),
                keys.wholeOr0("num_train_timesteps", 0));
            keys.others();
            return read;
        }

        /** What {@link #fromJson} reads, and diffusers' {@code UNet2DModel.from_config}. */
        public ObjectNode toJson() {
            ObjectNode json = DiffusersConfigReader.object(CLASS);
            json.set("sample_size", DiffusersConfigReader.oneOrList(sampleSize));
            json.put("in_channels", inChannels).put("out_channels", outChannels).put("center_input_sample", centerInputSample);
            json.put("time_embedding_type", DiffusersConfigReader.lower(timeEmbeddingType)).put("time_embedding_dim",
                DiffusersConfigReader.orNull(timeEmbeddingDim));
            json.set("freq_shift", DiffusersConfigReader.wholeIfItIs(freqShift));
            json.put("flip_sin_to_cos", flipSinToCos);
            ArrayNode down = json.putArray("down_block_types");
            downBlockTypes.forEach(b -> down.add(b.down));
            json.put("mid_block_type", midBlock ? MIDDLE : null);
            ArrayNode up = json.putArray("up_block_types");
            upBlockTypes.forEach(b -> up.add(b.up));
            blockOutChannels.forEach(json.putArray("block_out_channels")::add);
            json.put("layers_per_block", layersPerBlock).put("mid_block_scale_factor", midBlockScaleFactor);
            json.put("downsample_padding", downsamplePadding).put("downsample_type", DiffusersConfigReader.lower(downsampleType));
            json.put("upsample_type", DiffusersConfigReader.lower(upsampleType)).put("dropout", dropout)
                .put("act_fn", DiffusersConfigReader.lower(actFn));
            json.put("attention_head_dim", DiffusersConfigReader.orNull(attentionHeadDim)).put("norm_num_groups", normNumGroups);
            json.put("attn_norm_num_groups", DiffusersConfigReader.orNull(attnNormNumGroups)).put("norm_eps", normEps);
            json.put("resnet_time_scale_shift", DiffusersConfigReader.lower(resnetTimeScaleShift)).put("add_attention", addAttention);
            json.put("class_embed_type", classEmbedType == ClassEmbedding.LOOKUP ? null : DiffusersConfigReader.lower(classEmbedType));
            json.put("num_class_embeds", DiffusersConfigReader.orNull(numClassEmbeds)).put("num_train_timesteps",
                DiffusersConfigReader.orNull(numTrainTimesteps));
            return json;
        }
    }

    private final Config config;
    private final int first;
    private final Conv2d convIn;
    private final TimeEmbedding.@Nullable Frequencies frequencies;
    private final @Nullable Embedding times;
    private final TimeEmbedding.Mlp timeEmbedding;
    private final @Nullable Embedding classes;
    private final TimeEmbedding.@Nullable Mlp classTimes;
    private final List<UnetLevel> downs = new ArrayList<>();
    private final @Nullable UnetMiddle middle;
    private final List<UnetLevel> ups = new ArrayList<>();
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
        frequencies = config.timeEmbeddingType() == TimeEmbeddingType.FOURIER
            ? child("time_proj", new TimeEmbedding.Frequencies(first, 16, rng)) : null;
        times = config.timeEmbeddingType() == TimeEmbeddingType.LEARNED
            ? child("time_proj", new Embedding(config.numTrainTimesteps(), first, rng)) : null;
        int projected = frequencies == null ? first : 2 * first;
        timeEmbedding = child("time_embedding", new TimeEmbedding.Mlp(projected, width, rng));
        classes = config.classEmbedType() == ClassEmbedding.LOOKUP && config.numClassEmbeds() > 0
            ? child("class_embedding", new Embedding(config.numClassEmbeds(), width, rng)) : null;
        classTimes = config.classEmbedType() == ClassEmbedding.TIMESTEP
            ? child("class_embedding", new TimeEmbedding.Mlp(projected, width, rng)) : null;

        ResnetBlock.Style style = new ResnetBlock.Style(width, config.resnetTimeScaleShift() == TimeShift.SCALE_SHIFT,
            config.normNumGroups(), config.normEps(), config.actFn(), config.dropout(), 1, 0);
        for (int i = 0; i < n; i++) {
            Block kind = config.downBlockTypes().get(i);
            int out = channels.get(i);
            int[] in = UnetLevel.inputs(i == 0 ? first : channels.get(i - 1), out, config.layersPerBlock());
            UnetLevel level = child("down_blocks." + i, new UnetLevel(in, out, style, attention(kind, out, style, rng), rng));
            boolean resnet = kind == Block.RESNET || kind == Block.ATTENTION && config.downsampleType() == Resampling.RESNET;
            if (i < n - 1) level.down(out, resnet, config.downsamplePadding(), style, rng);
            downs.add(level);
        }
        int last = channels.get(n - 1);
        ResnetBlock.Style scaled = style.scaled(config.midBlockScaleFactor());
        int groups = config.attnNormNumGroups() > 0 ? config.attnNormNumGroups() : style.scaleShift() ? 0 : style.groups();
        Supplier<SelfAttention> inMiddle = () -> new SelfAttention(last, config.headDim(last), groups, scaled, rng);
        middle = config.midBlock()
            ? child("mid_block", new UnetMiddle(last, true, scaled, config.addAttention() ? inMiddle : null, rng)) : null;
        for (int i = 0; i < n; i++) {
            Block kind = config.upBlockTypes().get(i);
            int out = channels.get(n - 1 - i);
            int below = i == 0 ? last : channels.get(n - i);
            int[] in = UnetLevel.inputs(below, out, channels.get(Math.max(0, n - 2 - i)), config.layersPerBlock());
            UnetLevel level = child("up_blocks." + i, new UnetLevel(in, out, style, attention(kind, out, style, rng), rng));
            boolean resnet = kind == Block.RESNET || kind == Block.ATTENTION && config.upsampleType() == Resampling.RESNET;
            if (i < n - 1) level.up(out, resnet, style, rng);
            ups.add(level);
        }
        normOut = child("conv_norm_out", new Norm.Group(config.normNumGroups(), first, config.normEps()));
        convOut = child("conv_out", new Conv2d(first, config.outChannels(), 3, 1, 1, rng));
    }

    private @Nullable IntFunction<SelfAttention> attention(Block kind, int channels, ResnetBlock.Style style, Rng rng) {
        return kind != Block.ATTENTION ? null
            : i -> new SelfAttention(channels, config.headDim(channels), style.groups(), style, rng);
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
            throw new ArgumentException("Unet2d wants [B," + config.inChannels() + ",H,W] with multiples of " + step + ", got " + x);
        }
        if (t.dims() != 1 || t.size(0) != x.size(0)) {
            throw new ArgumentException("Unet2d wants one time for each of " + x.size(0) + " items, got " + t);
        }
        if (config.conditional() != (labels != null)) {
            throw new ArgumentException(labels == null ? "Unet2d wants class labels, got none"
                : "Unet2d has no classes, got labels");
        }
        return Scope.run(() -> predicted(x, t, labels, rng));
    }

    private Tensor predicted(Tensor x, Tensor t, @Nullable Tensor labels, @Nullable Rng rng) {
        Tensor emb = config.actFn().of(embedded(t, labels));   // [B,E]
        Deque<Tensor> kept = new ArrayDeque<>();
        Tensor h = convIn.forward(config.centerInputSample() ? x.mul(2).sub(1) : x);
        kept.push(h);
        for (UnetLevel level : downs) h = level.descend(h, emb, null, rng, kept);
        if (middle != null) h = middle.forward(h, emb, null, rng);
        for (UnetLevel level : ups) h = level.ascend(h, emb, null, rng, kept);
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
        if (frequencies != null) return frequencies.waves(t.to(DType.F32).log(), false);
        return TimeEmbedding.waves(t, first, config.flipSinToCos(), config.freqShift());
    }
}
