package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.nn.Conv2d;
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
 * The U-Net of latent diffusion from text (Rombach et al. 2022, arXiv:2112.10752; with sizes and a pooled text, Podell et al. 2023,
 * arXiv:2307.01952). Configuration and names of tensors are those of diffusers' {@code UNet2DConditionModel}, so that each side reads
 * the other's checkpoints. The blocks are those of Stable Diffusion 1, 2 and XL, of DeepFloyd IF (Saharia et al. 2022, arXiv:2205.11487)
 * and of Kandinsky 2.2; others are refused.
 */
public final class UnetCondition2d extends Module {
    /** The blocks of a level: residual blocks, perhaps with attention to the text after each. */
    public enum Block {
        PLAIN("DownBlock2D", "UpBlock2D"),
        /** A transformer attends to the text. */
        CROSS("CrossAttnDownBlock2D", "CrossAttnUpBlock2D"),
        /** Residual blocks change the resolution, too. */
        RESNET("ResnetDownsampleBlock2D", "ResnetUpsampleBlock2D"),
        /** The same, and one attention to text and picture together. */
        SIMPLE("SimpleCrossAttnDownBlock2D", "SimpleCrossAttnUpBlock2D");

        final String down;
        final String up;

        Block(String down, String up) {
            this.down = down;
            this.up = up;
        }

        boolean attends() { return this == CROSS || this == SIMPLE; }

        /** Whether residual blocks change the resolution, and are scaled by resnet_out_scale_factor. */
        boolean resamples() { return this == RESNET || this == SIMPLE; }
    }

    /** The lowest resolution: two residual blocks and attention to the text between, one residual block, or nothing. */
    public enum MidBlock {
        CROSS("UNetMidBlock2DCrossAttn"), SIMPLE("UNetMidBlock2DSimpleCrossAttn"), PLAIN("UNetMidBlock2D"), NONE(null);

        final @Nullable String key;

        MidBlock(@Nullable String key) { this.key = key; }

        boolean attends() { return this == CROSS || this == SIMPLE; }
    }

    /** The norm of the text before {@link Block#SIMPLE} attention to it: none, of a token, or of 32 groups of channels over all tokens. */
    public enum CrossNorm { NONE, LAYER_NORM, GROUP_NORM }

    /** What is projected to tokens that the network attends to: nothing, tokens of a text, or the vector of a picture. */
    public enum HidProj { NONE, TEXT_PROJ, IMAGE_PROJ }

    /** The embedding of a time: sines of fixed or of random frequencies. */
    public enum TimeEmbeddingType { POSITIONAL, FOURIER }

    /** The embedding of class labels: a row of a table, the same as of times, nothing, two layers, or one. */
    public enum ClassEmbedding { LOOKUP, TIMESTEP, IDENTITY, PROJECTION, SIMPLE_PROJECTION }

    /**
     * What is added to the embedded time: nothing, the text pooled here, a pooled text and numbers such as the picture's size, a vector.
     */
    public enum Addition { NONE, TEXT, TEXT_TIME, IMAGE }

    /**
     * diffusers' keys in camel case, and what Python calls None is 0 or empty. A list of one stands for all levels.
     *
     * @param sampleSize height and width in training, or one number for both, or empty; no check of inputs
     * @param onlyCrossAttention both attentions of a transformer's block are to the text
     * @param layersPerBlock on the way down; one more on the way up
     * @param crossAttentionDim width of the text, the same at all levels that attend to it
     * @param transformerLayersPerBlock for each level blocks of its transformers, or a list with those of each
     * @param reverseTransformerLayersPerBlock the same on the way up, from the lowest level, empty = as on the way down
     * @param encoderHidDim width of the text or of the picture's vector that is projected to crossAttentionDim first, 0 = none is
     * @param attentionHeadDim the number of heads of transformers: diffusers' name is a mistake that its checkpoints made permanent; of
     *     SIMPLE blocks the width of a head
     * @param resnetSkipTimeAct blocks whose residual blocks resample take the embedded time without the activation
     * @param resnetOutScaleFactor divisor of what these residual blocks give
     * @param midBlockOnlyCrossAttention onlyCrossAttention of the lowest level's SIMPLE attention; null = as all levels, if one for all
     * @param upcastAttention kept for the file: the fused kernel sums in F32 always
     * @param timeEmbeddingActFn of the embedded time, null = none
     * @param timestepPostAct after the two layers that embed the time, null = none
     * @param timeCondProjDim width of a tensor that may be added to the waves of the time, 0 = none
     * @param classEmbeddingsConcat embedded classes are appended to the embedded time, otherwise added
     */
    public record Config(List<Integer> sampleSize, int inChannels, int outChannels, boolean centerInputSample, boolean flipSinToCos,
            double freqShift, List<Block> downBlockTypes, MidBlock midBlockType, List<Block> upBlockTypes,
            List<Boolean> onlyCrossAttention, List<Integer> blockOutChannels, List<Integer> layersPerBlock, int downsamplePadding,
            double midBlockScaleFactor, double dropout, Activation actFn, int normNumGroups, double normEps,
            List<Integer> crossAttentionDim, List<List<Integer>> transformerLayersPerBlock,
            List<List<Integer>> reverseTransformerLayersPerBlock, int encoderHidDim, List<Integer> attentionHeadDim,
            boolean useLinearProjection, ClassEmbedding classEmbedType, Addition additionEmbedType, int additionTimeEmbedDim,
            int numClassEmbeds, boolean upcastAttention, Unet2d.TimeShift resnetTimeScaleShift, TimeEmbeddingType timeEmbeddingType,
            int timeEmbeddingDim, @Nullable Activation timeEmbeddingActFn, @Nullable Activation timestepPostAct, int timeCondProjDim,
            int convInKernel, int convOutKernel, int projectionClassEmbeddingsInputDim, boolean classEmbeddingsConcat,
            int additionEmbedTypeNumHeads, HidProj encoderHidDimType, CrossNorm crossAttentionNorm, boolean resnetSkipTimeAct,
            double resnetOutScaleFactor, @Nullable Boolean midBlockOnlyCrossAttention) {
        private static final int NORM_GROUPS = 32;
        private static final int WIDEST = 1 << 14;

        public Config {
            sampleSize = List.copyOf(sampleSize);
            downBlockTypes = List.copyOf(downBlockTypes);
            upBlockTypes = List.copyOf(upBlockTypes);
            onlyCrossAttention = List.copyOf(onlyCrossAttention);
            blockOutChannels = List.copyOf(blockOutChannels);
            layersPerBlock = List.copyOf(layersPerBlock);
            crossAttentionDim = List.copyOf(crossAttentionDim);
            transformerLayersPerBlock = transformerLayersPerBlock.stream().map(List::copyOf).toList();
            reverseTransformerLayersPerBlock = reverseTransformerLayersPerBlock.stream().map(List::copyOf).toList();
            attentionHeadDim = List.copyOf(attentionHeadDim);
            int levels = blockOutChannels.size();
            DiffusersConfigReader.check(levels >= 1 && levels <= 12, "block_out_channels", blockOutChannels, "1 to 12 levels");
            each("down_block_types", downBlockTypes, levels, false);
            each("up_block_types", upBlockTypes, levels, false);
            each("only_cross_attention", onlyCrossAttention, levels, true);
            each("layers_per_block", layersPerBlock, levels, true);
            each("cross_attention_dim", crossAttentionDim, levels, true);
            each("attention_head_dim", attentionHeadDim, levels, true);
            each("transformer_layers_per_block", transformerLayersPerBlock, levels, true);
            if (!reverseTransformerLayersPerBlock.isEmpty()) {
                each("reverse_transformer_layers_per_block", reverseTransformerLayersPerBlock, levels, false);
            }
            DiffusersConfigReader.check(sampleSize.size() <= 2 && sampleSize.stream().allMatch(s -> s >= 1), "sample_size", sampleSize,
                "one number or two, at least 1");
            between("in_channels", inChannels, 1, WIDEST);
            between("out_channels", outChannels, 1, WIDEST);
            between("downsample_padding", downsamplePadding, 0, 1);
            between("norm_num_groups", normNumGroups, 1, WIDEST);
            between("conv_in_kernel", convInKernel, 1, 63);
            between("conv_out_kernel", convOutKernel, 1, 63);
            DiffusersConfigReader.check(convInKernel % 2 == 1, "conv_in_kernel", convInKernel, "odd");
            DiffusersConfigReader.check(convOutKernel % 2 == 1, "conv_out_kernel", convOutKernel, "odd");
            DiffusersConfigReader.check(midBlockScaleFactor != 0 && Double.isFinite(midBlockScaleFactor), "mid_block_scale_factor",
                midBlockScaleFactor,
                "a number other than 0");
            DiffusersConfigReader.check(resnetOutScaleFactor != 0 && Double.isFinite(resnetOutScaleFactor), "resnet_out_scale_factor",
                resnetOutScaleFactor, "a number other than 0");
            DiffusersConfigReader.check(dropout >= 0 && dropout < 1, "dropout", dropout, "at least 0 and below 1");
            DiffusersConfigReader.check(normEps > 0, "norm_eps", normEps, "above 0");
            DiffusersConfigReader.check(Double.isFinite(freqShift) && freqShift < Math.max(1, blockOutChannels.get(0) / 2), "freq_shift",
                freqShift,
                "below half the first of block_out_channels");
            between("time_embedding_dim", timeEmbeddingDim, 0, 4 * WIDEST);
            DiffusersConfigReader.check(timeEmbeddingType != TimeEmbeddingType.FOURIER || timeEmbeddingDim % 2 == 0, "time_embedding_dim",
                timeEmbeddingDim,
                "even for fourier");
            between("time_cond_proj_dim", timeCondProjDim, 0, WIDEST);
            boolean image = additionEmbedType == Addition.IMAGE, hidden = encoderHidDimType != HidProj.NONE;
            between("encoder_hid_dim", encoderHidDim, image || hidden ? 1 : 0, image || hidden ? WIDEST : 0);
            DiffusersConfigReader.check(encoderHidDimType != HidProj.IMAGE_PROJ || additionEmbedType != Addition.TEXT
                && additionEmbedType != Addition.TEXT_TIME, "addition_embed_type", DiffusersConfigReader.lower(additionEmbedType),
                "image or null with an encoder_hid_dim_type of image_proj");
            between("num_class_embeds", numClassEmbeds, 0, 1 << 24);
            between("addition_time_embed_dim", additionTimeEmbedDim, additionEmbedType == Addition.TEXT_TIME ? 1 : 0, WIDEST);
            boolean projects = classEmbedType == ClassEmbedding.PROJECTION || classEmbedType == ClassEmbedding.SIMPLE_PROJECTION
                || additionEmbedType == Addition.TEXT_TIME;
            between("projection_class_embeddings_input_dim", projectionClassEmbeddingsInputDim, projects ? 1 : 0, 1 << 20);
            boolean classes = classEmbedType != ClassEmbedding.LOOKUP || numClassEmbeds > 0;
            DiffusersConfigReader.check(!classEmbeddingsConcat || classes && additionEmbedType == Addition.NONE, "class_embeddings_concat",
                classEmbeddingsConcat, "false without classes or with an addition_embed_type");
            List<Integer> widths = new ArrayList<>();
            for (int i = 0; i < levels; i++) {
                int c = blockOutChannels.get(i), layers = of(layersPerBlock, i);
                DiffusersConfigReader.check(c >= 1 && c <= WIDEST && c % normNumGroups == 0, "block_out_channels", blockOutChannels,
                    "multiples of norm_num_groups " + normNumGroups + ", at most " + WIDEST);
                DiffusersConfigReader.check(layers >= 1 && layers <= 64, "layers_per_block", layersPerBlock, "1 to 64");
                transformers("transformer_layers_per_block", of(transformerLayersPerBlock, i), layers,
                    reverseTransformerLayersPerBlock.isEmpty() ? "a number for each level without its reverse_" : "");
                if (!reverseTransformerLayersPerBlock.isEmpty()) {
                    List<Integer> up = reverseTransformerLayersPerBlock.get(levels - 1 - i);
                    transformers("reverse_transformer_layers_per_block", up, layers + 1, "");
                }
                Block down = downBlockTypes.get(i), up = upBlockTypes.get(levels - 1 - i);
                MidBlock mid = i == levels - 1 ? midBlockType : MidBlock.NONE;
                if (down.attends() || up.attends() || mid.attends()) widths.add(of(crossAttentionDim, i));
                boolean transforms = down == Block.CROSS || up == Block.CROSS || mid == MidBlock.CROSS;
                int heads = of(attentionHeadDim, i), width = of(attentionHeadDim, levels - 1 - i);
                DiffusersConfigReader.check(!transforms || heads >= 1 && heads <= c, "attention_head_dim", attentionHeadDim,
                    "1 to the " + c + " channels: it is the number of heads");
                boolean simple = down == Block.SIMPLE || mid == MidBlock.SIMPLE;
                DiffusersConfigReader.check((!simple || heads >= 1 && heads <= c) && (up != Block.SIMPLE || width >= 1 && width <= c),
                    "attention_head_dim", attentionHeadDim, "1 to the " + c + " channels: it is the width of a head");
                boolean layerNorm = crossAttentionNorm == CrossNorm.LAYER_NORM && (simple || up == Block.SIMPLE);
                DiffusersConfigReader.check(!layerNorm || of(crossAttentionDim, i) == c, "cross_attention_norm", "layer_norm",
                    "group_norm or null where cross_attention_dim is not the level's " + c + " channels");
            }
            DiffusersConfigReader.check(crossAttentionNorm != CrossNorm.GROUP_NORM
                || widths.stream().allMatch(w -> w % NORM_GROUPS == 0), "cross_attention_dim", crossAttentionDim,
                "a multiple of the " + NORM_GROUPS + " groups of cross_attention_norm");
            DiffusersConfigReader.check(widths.stream().allMatch(w -> w >= 1 && w <= 1 << 16 && w.equals(widths.get(0))),
                "cross_attention_dim",
                crossAttentionDim, "1 to 65536 and the same at all levels that attend to the text");
            int pooled = encoderHidDimType == HidProj.TEXT_PROJ ? encoderHidDim : crossAttentionDim.get(0);
            DiffusersConfigReader.check(additionEmbedType != Addition.TEXT || additionEmbedTypeNumHeads >= 1
                && pooled % additionEmbedTypeNumHeads == 0,
                "addition_embed_type_num_heads", additionEmbedTypeNumHeads, "a divisor of the text's width " + pooled);
        }

        private static void between(String key, int value, int from, int to) {
            DiffusersConfigReader.check(value >= from && value <= to, key, value, from + " to " + to);
        }

        private static void each(String key, List<?> values, int levels, boolean orOne) {
            DiffusersConfigReader.check(values.size() == levels || orOne && values.size() == 1, key, values,
                (orOne ? "one for all or " : "") + "one for each of block_out_channels");
        }

        private static void transformers(String key, List<Integer> counts, int layers, String orOnly) {
            boolean fits = counts.size() == 1 || orOnly.isEmpty() && counts.size() == layers;
            DiffusersConfigReader.check(fits && counts.stream().allMatch(n -> n >= 0 && n <= 64), key, counts,
                orOnly.isEmpty() ? "0 to 64, one for a level or one for each of its " + layers + " layers" : orOnly + key);
        }

        /** Whether the vector of a picture is an input of the network: {@link Given#pooled}. */
        public boolean takesPicture() { return additionEmbedType == Addition.IMAGE || encoderHidDimType == HidProj.IMAGE_PROJ; }

        /** Whether the SIMPLE attention of the lowest resolution is to the text alone. */
        boolean onlyTextInMiddle() {
            if (midBlockOnlyCrossAttention != null) return midBlockOnlyCrossAttention;
            return onlyCrossAttention.size() == 1 && onlyCrossAttention.get(0);
        }

        static <T> T of(List<T> values, int level) { return values.get(values.size() == 1 ? 0 : level); }

        /** Width of the embedded time. */
        public int embedding() {
            return timeEmbeddingDim > 0 ? timeEmbeddingDim : blockOutChannels.get(0) * (timeEmbeddingType == TimeEmbeddingType.FOURIER ? 2
                : 4);
        }

        /** Whether class labels are an input of the network. */
        public boolean conditional() { return classEmbedType != ClassEmbedding.LOOKUP || numClassEmbeds > 0; }

        /** Whether a text is an input of the network. */
        public boolean attendsToText() {
            boolean attends = midBlockType.attends() || downBlockTypes.stream().anyMatch(Block::attends)
                || upBlockTypes.stream().anyMatch(Block::attends);
            return attends && encoderHidDimType != HidProj.IMAGE_PROJ || additionEmbedType == Addition.TEXT;
        }

        /** Width of the text in {@link Given}. */
        public int textWidth() { return encoderHidDimType == HidProj.TEXT_PROJ ? encoderHidDim : widthOfContext(); }

        int widthOfContext() {
            int n = blockOutChannels.size();
            for (int i = 0; i < n; i++) {
                if (downBlockTypes.get(i).attends() || upBlockTypes.get(n - 1 - i).attends()) return of(crossAttentionDim, i);
            }
            return of(crossAttentionDim, n - 1);
        }

        /**
         * From a {@code config.json} of diffusers; keys that are missing have its defaults, keys that begin with _ do not describe the
         * network.
         *
         * @throws ConfigException for another class of model, an unknown key, and a value that is wrong or that this network does not have
         */
        public static Config fromJson(JsonNode json) { return UnetConditionJson.read(json, null); }

        /** As {@link #fromJson(JsonNode)}, but unknown keys are reported and ignored, as in diffusers. */
        public static Config fromJson(JsonNode json, Consumer<String> warn) { return UnetConditionJson.read(json, warn); }

        /** What {@link #fromJson} reads, and diffusers' {@code UNet2DConditionModel.from_config}. */
        public ObjectNode toJson() { return UnetConditionJson.write(this); }
    }

    /**
     * What conditions the network beside the time. Its configuration decides which of these it needs; the others are null.
     *
     * @param text [B,S,D]
     * @param mask of the text's tokens, [B,S], 1 = attend, 0 = do not
     * @param labels I64 [B], or for IDENTITY, PROJECTION and SIMPLE_PROJECTION [B,D]
     * @param timeCond added to the time's waves, [B,D]; may be left out
     * @param pooled text [B,D] for TEXT_TIME; the vector of a picture [B,encoderHidDim] for IMAGE and IMAGE_PROJ
     * @param timeIds numbers [B,n] for TEXT_TIME: in SDXL height and width of the original, top and left of the crop, height and width
     */
    public record Given(@Nullable Tensor text, @Nullable Tensor mask, @Nullable Tensor labels, @Nullable Tensor timeCond,
            @Nullable Tensor pooled, @Nullable Tensor timeIds) {
        /** Nothing but a text, which may be null for a network without. */
        public static Given text(@Nullable Tensor text) { return new Given(text, null, null, null, null, null); }

        public Given masked(@Nullable Tensor ones) { return new Given(text, ones, labels, timeCond, pooled, timeIds); }

        public Given of(@Nullable Tensor classes) { return new Given(text, mask, classes, timeCond, pooled, timeIds); }

        public Given with(@Nullable Tensor condition) { return new Given(text, mask, labels, condition, pooled, timeIds); }

        public Given adding(@Nullable Tensor pooledText, @Nullable Tensor ids) {
            return new Given(text, mask, labels, timeCond, pooledText, ids);
        }
    }

    private final Config config;
    private final Conv2d convIn;
    private final UnetConditioning conditioning;
    private final List<UnetLevel> downs = new ArrayList<>();
    private final @Nullable UnetMiddle middle;
    private final List<UnetLevel> ups = new ArrayList<>();
    private final Norm.Group normOut;
    private final Conv2d convOut;

    /** A network of fresh weights. */
    public UnetCondition2d(Config config, Rng rng) {
        this.config = config;
        List<Integer> channels = config.blockOutChannels();
        int n = channels.size(), first = channels.get(0), last = channels.get(n - 1);
        convIn = child("conv_in", new Conv2d(config.inChannels(), first, config.convInKernel(), 1, config.convInKernel() / 2, rng));
        conditioning = new UnetConditioning(config, rng);
        conditioning.parts().forEach(this::child);
        ResnetBlock.Style style = new ResnetBlock.Style(conditioning.width(),
            config.resnetTimeScaleShift() == Unet2d.TimeShift.SCALE_SHIFT, config.normNumGroups(), config.normEps(), config.actFn(),
            config.dropout(), 1, 0);
        for (int i = 0; i < n; i++) {
            int at = i, out = channels.get(i);
            Block kind = config.downBlockTypes().get(i);
            ResnetBlock.Style own = kind.resamples() ? style.scaled(config.resnetOutScaleFactor()) : style;
            int[] in = UnetLevel.inputs(i == 0 ? first : channels.get(i - 1), out, Config.of(config.layersPerBlock(), i));
            List<Integer> blocks = Config.of(config.transformerLayersPerBlock(), i);
            boolean onlyText = Config.of(config.onlyCrossAttention(), i);
            UnetLevel level = child("down_blocks." + i, switch (kind) {
                case PLAIN, RESNET -> new UnetLevel(in, out, own, (IntFunction<SelfAttention>) null, rng);
                case CROSS -> new UnetLevel(in, out, own, layer -> transformer(at, Config.of(blocks, layer), onlyText, rng), rng);
                case SIMPLE -> new UnetLevel(in, out, own, layer -> simple(at, at, onlyText, rng), rng);
            });
            if (i < n - 1) level.down(out, kind.resamples(), config.downsamplePadding(), own, rng);
            downs.add(level);
        }
        ResnetBlock.Style scaled = style.scaled(config.midBlockScaleFactor());
        int inMiddle = Config.of(config.transformerLayersPerBlock(), n - 1).get(0);
        middle = switch (config.midBlockType()) {
            case NONE -> null;
            case PLAIN -> new UnetMiddle(last, false, scaled, (Supplier<SelfAttention>) null, rng);
            case CROSS -> new UnetMiddle(last, true, scaled, () -> transformer(n - 1, inMiddle, false, rng), rng);
            case SIMPLE -> new UnetMiddle(last, true, scaled, () -> simple(n - 1, n - 1, config.onlyTextInMiddle(), rng), rng);
        };
        if (middle != null) child("mid_block", middle);
        for (int i = 0; i < n; i++) {
            int level = n - 1 - i, at = i, out = channels.get(level);
            Block kind = config.upBlockTypes().get(i);
            ResnetBlock.Style own = kind.resamples() ? style.scaled(config.resnetOutScaleFactor()) : style;
            int[] in = UnetLevel.inputs(i == 0 ? last : channels.get(level + 1), out, channels.get(Math.max(0, level - 1)),
                Config.of(config.layersPerBlock(), level));
            List<List<Integer>> reverse = config.reverseTransformerLayersPerBlock();
            List<Integer> blocks = reverse.isEmpty() ? Config.of(config.transformerLayersPerBlock(), level) : reverse.get(i);
            boolean onlyText = Config.of(config.onlyCrossAttention(), level);
            UnetLevel up = child("up_blocks." + i, switch (kind) {
                case PLAIN, RESNET -> new UnetLevel(in, out, own, (IntFunction<SelfAttention>) null, rng);
                case CROSS -> new UnetLevel(in, out, own, layer -> transformer(level, Config.of(blocks, layer), onlyText, rng), rng);
                // diffusers counts the widths of heads from the top on the way up, too
                case SIMPLE -> new UnetLevel(in, out, own, layer -> simple(level, at, onlyText, rng), rng);
            });
            if (i < n - 1) up.up(out, kind.resamples(), own, rng);
            ups.add(up);
        }
        normOut = child("conv_norm_out", new Norm.Group(config.normNumGroups(), first, config.normEps()));
        convOut = child("conv_out", new Conv2d(first, config.outChannels(), config.convOutKernel(), 1, config.convOutKernel() / 2, rng));
    }

    private SpatialTransformer transformer(int level, int blocks, boolean onlyText, Rng rng) {
        return new SpatialTransformer(config.blockOutChannels().get(level), Config.of(config.attentionHeadDim(), level), blocks,
            Config.of(config.crossAttentionDim(), level), onlyText,
            new SpatialTransformer.Style(config.normNumGroups(), config.useLinearProjection()), rng);
    }

    private AddedAttention simple(int level, int heads, boolean onlyText, Rng rng) {
        return new AddedAttention(config.blockOutChannels().get(level), Config.of(config.attentionHeadDim(), heads),
            Config.of(config.crossAttentionDim(), level), config.normNumGroups(), onlyText, config.crossAttentionNorm(), rng);
    }

    public Config config() { return config; }

    /** {@link #forward(Tensor, Tensor, Given, Rng)} without dropout. */
    public Tensor forward(Tensor x, Tensor t, Given given) { return forward(x, t, given, null); }

    /**
     * x [B,in,H,W] of any size; t [B], times in steps; result [B,out,H,W].
     *
     * @param rng draws the dropout of training
     * @throws IllegalArgumentException for other shapes, and where what is given is not what the network wants
     */
    public Tensor forward(Tensor x, Tensor t, Given given, @Nullable Rng rng) {
        if (x.dims() != 4 || x.size(1) != config.inChannels()) {
            throw new ArgumentException("UnetCondition2d wants [B," + config.inChannels() + ",H,W], got " + x);
        }
        long b = x.size(0);
        if (t.dims() != 1 || t.size(0) != b) {
            throw new ArgumentException("UnetCondition2d wants one time for each of " + b + " items, got " + t);
        }
        Tensor text = wanted("a text", given.text, config.attendsToText());
        if (text != null && (text.dims() != 3 || text.size(0) != b || text.size(2) != config.textWidth())) {
            throw new ArgumentException("UnetCondition2d wants a text of [" + b + ",S," + config.textWidth() + "], got " + text);
        }
        Tensor mask = given.mask;
        if (mask != null && (text == null || mask.dims() != 2 || mask.size(0) != b || mask.size(1) != text.size(1))) {
            throw new ArgumentException("UnetCondition2d wants a mask of the text " + text + ", got " + mask);
        }
        wanted("class labels", given.labels, config.conditional());
        boolean sized = config.additionEmbedType() == Addition.TEXT_TIME, picture = config.takesPicture();
        Tensor pooled = wanted(picture ? "a picture's vector" : "a pooled text", given.pooled, sized || picture);
        if (picture && pooled != null && (pooled.dims() != 2 || pooled.size(0) != b || pooled.size(1) != config.encoderHidDim())) {
            throw new ArgumentException("UnetCondition2d wants a picture's vector [" + b + "," + config.encoderHidDim() + "], got "
                + pooled);
        }
        wanted("time ids", given.timeIds, sized);
        if (given.timeCond != null) wanted("a condition of the time", given.timeCond, config.timeCondProjDim() > 0);
        int factor = 1 << config.blockOutChannels().size() - 1;
        boolean doubles = config.upBlockTypes().stream().limit(config.upBlockTypes().size() - 1).anyMatch(Block::resamples);
        if (doubles && (x.size(2) % factor != 0 || x.size(3) % factor != 0)) {
            throw new ArgumentException("UnetCondition2d of residual blocks that double the resolution wants multiples of " + factor
                + ", got " + x);
        }
        return Scope.run(() -> predicted(x, t, given, rng));
    }

    private static @Nullable Tensor wanted(String what, @Nullable Tensor got, boolean wanted) {
        if (wanted == (got != null)) return got;
        throw new ArgumentException("UnetCondition2d wants " + (wanted ? what + ", got none" : "no " + what + ", got " + got));
    }

    private Tensor predicted(Tensor x, Tensor t, Given given, @Nullable Rng rng) {
        Tensor raw = conditioning.embedded(t, given, x.dtype()), emb = config.actFn().of(raw);   // [B,E]
        Tensor states = conditioning.states(given);
        PictureAttention.Text text = states == null ? null
            : new PictureAttention.Text(states, given.mask == null ? null : bias(given.mask, x.dtype()));
        Deque<Tensor> kept = new ArrayDeque<>();
        Tensor h = convIn.forward(config.centerInputSample() ? x.mul(2).sub(1) : x);
        kept.push(h);
        for (int i = 0; i < downs.size(); i++) {
            boolean skips = config.resnetSkipTimeAct() && config.downBlockTypes().get(i).resamples();
            h = downs.get(i).descend(h, skips ? raw : emb, text, rng, kept);
        }
        boolean rawMiddle = config.resnetSkipTimeAct() && config.midBlockType() == MidBlock.SIMPLE;
        if (middle != null) h = middle.forward(h, rawMiddle ? raw : emb, text, rng);
        for (int i = 0; i < ups.size(); i++) {
            boolean skips = config.resnetSkipTimeAct() && config.upBlockTypes().get(i).resamples();
            h = ups.get(i).ascend(h, skips ? raw : emb, text, rng, kept);
        }
        return convOut.forward(config.actFn().of(normOut.forward(h))).to(x.dtype());
    }

    /** mask [B,S] to [B,1,1,S]: finite, so that a text without any token still gives a finite result. */
    private static Tensor bias(Tensor mask, DType type) { return mask.to(type).rsub(1).mul(-10000).unsqueeze(1).unsqueeze(1); }
}
