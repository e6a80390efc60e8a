package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.palitra.config.ArgumentException;
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
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The U-Net of latent diffusion from text (Rombach et al. 2022, arXiv:2112.10752; with sizes and a pooled text, Podell et al. 2023,
 * arXiv:2307.01952). Configuration and names of tensors are those of diffusers' {@code UNet2DConditionModel}, so that each side reads
 * the other's checkpoints. The blocks are those of Stable Diffusion 1, 2 and XL; others are refused.
 */
public final class UnetCondition2d extends Module {
    /** The blocks of a level: residual blocks, or the same and a transformer that attends to the text after each. */
    public enum Block {
        PLAIN("DownBlock2D", "UpBlock2D"), CROSS("CrossAttnDownBlock2D", "CrossAttnUpBlock2D");

        private final String down;
        private final String up;

        Block(String down, String up) {
            this.down = down;
            this.up = up;
        }
    }

    /** The lowest resolution: two residual blocks and a transformer between, one residual block, or nothing. */
    public enum MidBlock { CROSS, PLAIN, NONE }

    /** The embedding of a time: sines of fixed or of random frequencies. */
    public enum TimeEmbeddingType { POSITIONAL, FOURIER }

    /** The embedding of class labels: a row of a table, the same as of times, nothing, two layers, or one. */
    public enum ClassEmbedding { LOOKUP, TIMESTEP, IDENTITY, PROJECTION, SIMPLE_PROJECTION }

    /** Inputs that are added to the embedded time: none, the pooled text, or a pooled text and numbers such as the picture's size. */
    public enum Addition { NONE, TEXT, TEXT_TIME }

    /**
     * diffusers' keys in camel case, and what Python calls None is 0 or empty. A list of one stands for all levels.
     *
     * @param sampleSize height and width in training, or one number for both, or empty; no check of inputs
     * @param onlyCrossAttention both attentions of a transformer's block are to the text
     * @param layersPerBlock on the way down; one more on the way up
     * @param crossAttentionDim width of the text, the same at all levels that attend to it
     * @param transformerLayersPerBlock for each level blocks of its transformers, or a list with those of each
     * @param reverseTransformerLayersPerBlock the same on the way up, from the lowest level, empty = as on the way down
     * @param encoderHidDim width of a text that is projected to crossAttentionDim first, 0 = not projected
     * @param attentionHeadDim the number of heads: diffusers' name is a mistake that its checkpoints made permanent
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
            int additionEmbedTypeNumHeads) {
        private static final String CLASS = "UNet2DConditionModel";
        private static final String MIDDLE = "UNetMidBlock2DCrossAttn";
        private static final String PLAIN_MIDDLE = "UNetMidBlock2D";
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
            between("encoder_hid_dim", encoderHidDim, 0, WIDEST);
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
                boolean attends = downBlockTypes.get(i) == Block.CROSS || upBlockTypes.get(levels - 1 - i) == Block.CROSS
                    || i == levels - 1 && midBlockType == MidBlock.CROSS;
                if (attends) widths.add(of(crossAttentionDim, i));
                int heads = of(attentionHeadDim, i);
                DiffusersConfigReader.check(!attends || heads >= 1 && heads <= c, "attention_head_dim", attentionHeadDim,
                    "1 to the " + c + " channels: it is the number of heads");
            }
            DiffusersConfigReader.check(widths.stream().allMatch(w -> w >= 1 && w <= 1 << 16 && w.equals(widths.get(0))),
                "cross_attention_dim",
                crossAttentionDim, "1 to 65536 and the same at all levels that attend to the text");
            int pooled = encoderHidDim > 0 ? encoderHidDim : crossAttentionDim.get(0);
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

        private static <T> T of(List<T> values, int level) { return values.get(values.size() == 1 ? 0 : level); }

        /** Width of the embedded time. */
        public int embedding() {
            return timeEmbeddingDim > 0 ? timeEmbeddingDim : blockOutChannels.get(0) * (timeEmbeddingType == TimeEmbeddingType.FOURIER ? 2
                : 4);
        }

        /** Whether class labels are an input of the network. */
        public boolean conditional() { return classEmbedType != ClassEmbedding.LOOKUP || numClassEmbeds > 0; }

        /** Whether a text is an input of the network. */
        public boolean attendsToText() {
            return midBlockType == MidBlock.CROSS || downBlockTypes.contains(Block.CROSS) || upBlockTypes.contains(Block.CROSS)
                || additionEmbedType == Addition.TEXT;
        }

        /** Width of the text in {@link Given}. */
        public int textWidth() { return encoderHidDim > 0 ? encoderHidDim : widthOfContext(); }

        private int widthOfContext() {
            int n = blockOutChannels.size();
            for (int i = 0; i < n; i++) {
                if (downBlockTypes.get(i) == Block.CROSS || upBlockTypes.get(n - 1 - i) == Block.CROSS) return of(crossAttentionDim, i);
            }
            return of(crossAttentionDim, n - 1);
        }

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
            keys.only("num_attention_heads", NullNode.instance);   // diffusers refuses it, too: attention_head_dim is the number of heads
            keys.only("dual_cross_attention", BooleanNode.FALSE);
            keys.only("attention_type", TextNode.valueOf("default"));
            keys.only("cross_attention_norm", NullNode.instance);
            keys.unused("resnet_skip_time_act", "resnet_out_scale_factor", "mid_block_only_cross_attention");
            int encoderHidDim = keys.wholeOr0("encoder_hid_dim", 0);
            keys.only("encoder_hid_dim_type", encoderHidDim > 0 ? TextNode.valueOf("text_proj") : NullNode.instance,
                encoderHidDim > 0 ? NullNode.instance : null);
            String middle = keys.middle("mid_block_type", MIDDLE, List.of(MIDDLE, PLAIN_MIDDLE));
            Config read = new Config(keys.size("sample_size", List.of()), keys.whole("in_channels", 4), keys.whole("out_channels", 4),
                keys.yes("center_input_sample", false), keys.yes("flip_sin_to_cos", true), keys.number("freq_shift", 0),
                keys.choices("down_block_types", List.of(Block.CROSS, Block.CROSS, Block.CROSS, Block.PLAIN), Block.values(), b -> b.down),
                middle == null ? MidBlock.NONE : middle.equals(MIDDLE) ? MidBlock.CROSS : MidBlock.PLAIN,
                keys.choices("up_block_types", List.of(Block.PLAIN, Block.CROSS, Block.CROSS, Block.CROSS), Block.values(), b -> b.up),
                keys.yesses("only_cross_attention", false), keys.wholes("block_out_channels", List.of(320, 640, 1280, 1280)),
                keys.oneOrEach("layers_per_block", 2), keys.whole("downsample_padding", 1), keys.number("mid_block_scale_factor", 1),
                keys.number("dropout", 0), keys.activation("act_fn"), keys.whole("norm_num_groups", 32), keys.number("norm_eps", 1e-5),
                keys.oneOrEach("cross_attention_dim", 1280), keys.nested("transformer_layers_per_block", List.of(List.of(1))),
                keys.nested("reverse_transformer_layers_per_block", List.of()), encoderHidDim, keys.oneOrEach("attention_head_dim", 8),
                keys.yes("use_linear_projection", false), keys.choiceOrNull("class_embed_type", ClassEmbedding.LOOKUP),
                keys.choiceOrNull("addition_embed_type", Addition.NONE), keys.wholeOr0("addition_time_embed_dim", 0),
                keys.wholeOr0("num_class_embeds", 0), keys.yes("upcast_attention", false),
                keys.choice("resnet_time_scale_shift", Unet2d.TimeShift.DEFAULT),
                keys.choice("time_embedding_type", TimeEmbeddingType.POSITIONAL), keys.wholeOr0("time_embedding_dim", 0),
                keys.activationOrNull("time_embedding_act_fn"), keys.activationOrNull("timestep_post_act"),
                keys.wholeOr0("time_cond_proj_dim", 0), keys.whole("conv_in_kernel", 3), keys.whole("conv_out_kernel", 3),
                keys.wholeOr0("projection_class_embeddings_input_dim", 0), keys.yes("class_embeddings_concat", false),
                keys.whole("addition_embed_type_num_heads", 64));
            keys.others();
            return read;
        }

        /** What {@link #fromJson} reads, and diffusers' {@code UNet2DConditionModel.from_config}. */
        public ObjectNode toJson() {
            ObjectNode json = DiffusersConfigReader.object(CLASS);
            json.set("sample_size", DiffusersConfigReader.oneOrList(sampleSize));
            json.put("in_channels", inChannels).put("out_channels", outChannels).put("center_input_sample", centerInputSample);
            json.put("flip_sin_to_cos", flipSinToCos);
            json.set("freq_shift", DiffusersConfigReader.wholeIfItIs(freqShift));
            ArrayNode down = json.putArray("down_block_types");
            downBlockTypes.forEach(b -> down.add(b.down));
            json.put("mid_block_type", switch (midBlockType) {
                case CROSS -> MIDDLE;
                case PLAIN -> PLAIN_MIDDLE;
                case NONE -> null;
            });
            ArrayNode up = json.putArray("up_block_types");
            upBlockTypes.forEach(b -> up.add(b.up));
            if (onlyCrossAttention.size() == 1) json.put("only_cross_attention", onlyCrossAttention.get(0));
            else onlyCrossAttention.forEach(json.putArray("only_cross_attention")::add);
            blockOutChannels.forEach(json.putArray("block_out_channels")::add);
            json.set("layers_per_block", DiffusersConfigReader.oneOrList(layersPerBlock));
            json.put("downsample_padding", downsamplePadding).put("mid_block_scale_factor", midBlockScaleFactor).put("dropout", dropout);
            json.put("act_fn", DiffusersConfigReader.lower(actFn)).put("norm_num_groups", normNumGroups).put("norm_eps", normEps);
            json.set("cross_attention_dim", DiffusersConfigReader.oneOrList(crossAttentionDim));
            json.set("transformer_layers_per_block", nested(transformerLayersPerBlock, true));
            json.set("reverse_transformer_layers_per_block", nested(reverseTransformerLayersPerBlock, false));
            json.put("encoder_hid_dim", DiffusersConfigReader.orNull(encoderHidDim)).put("encoder_hid_dim_type", encoderHidDim > 0
                ? "text_proj" : null);
            json.set("attention_head_dim", DiffusersConfigReader.oneOrList(attentionHeadDim));
            json.put("use_linear_projection", useLinearProjection);
            json.put("class_embed_type", classEmbedType == ClassEmbedding.LOOKUP ? null : DiffusersConfigReader.lower(classEmbedType));
            json.put("addition_embed_type", additionEmbedType == Addition.NONE ? null : DiffusersConfigReader.lower(additionEmbedType));
            json.put("addition_time_embed_dim", DiffusersConfigReader.orNull(additionTimeEmbedDim))
                .put("num_class_embeds", DiffusersConfigReader.orNull(numClassEmbeds));
            json.put("upcast_attention", upcastAttention).put("resnet_time_scale_shift", DiffusersConfigReader.lower(resnetTimeScaleShift));
            json.put("time_embedding_type", DiffusersConfigReader.lower(timeEmbeddingType)).put("time_embedding_dim",
                DiffusersConfigReader.orNull(timeEmbeddingDim));
            json.put("time_embedding_act_fn", timeEmbeddingActFn == null ? null : DiffusersConfigReader.lower(timeEmbeddingActFn));
            json.put("timestep_post_act", timestepPostAct == null ? null : DiffusersConfigReader.lower(timestepPostAct));
            json.put("time_cond_proj_dim", DiffusersConfigReader.orNull(timeCondProjDim)).put("conv_in_kernel", convInKernel);
            json.put("conv_out_kernel", convOutKernel);
            json.put("projection_class_embeddings_input_dim", DiffusersConfigReader.orNull(projectionClassEmbeddingsInputDim));
            json.put("class_embeddings_concat", classEmbeddingsConcat).put("addition_embed_type_num_heads", additionEmbedTypeNumHeads);
            return json;
        }

        private static JsonNode nested(List<List<Integer>> levels, boolean oneForAll) {
            if (levels.isEmpty()) return NullNode.instance;
            if (oneForAll && levels.size() == 1) return DiffusersConfigReader.oneOrList(levels.get(0));
            ArrayNode array = JsonNodeFactory.instance.arrayNode();
            levels.forEach(level -> array.add(DiffusersConfigReader.oneOrList(level)));
            return array;
        }
    }

    /**
     * What conditions the network beside the time. Its configuration decides which of these it needs; the others are null.
     *
     * @param text [B,S,D]
     * @param mask of the text's tokens, [B,S], 1 = attend, 0 = do not
     * @param labels I64 [B], or for IDENTITY, PROJECTION and SIMPLE_PROJECTION [B,D]
     * @param timeCond added to the time's waves, [B,D]; may be left out
     * @param pooled text [B,D] for TEXT_TIME
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
    private final int first;
    private final Conv2d convIn;
    private final TimeEmbedding.@Nullable Frequencies frequencies;
    private final TimeEmbedding.Mlp timeEmbedding;
    private final @Nullable Linear textProj;
    private final @Nullable Embedding classes;
    private final TimeEmbedding.@Nullable Mlp classMlp;
    private final @Nullable Linear classLinear;
    private final @Nullable TextPooling pooling;
    private final TimeEmbedding.@Nullable Mlp addition;
    private final List<UnetLevel> downs = new ArrayList<>();
    private final @Nullable UnetMiddle middle;
    private final List<UnetLevel> ups = new ArrayList<>();
    private final Norm.Group normOut;
    private final Conv2d convOut;

    /** A network of fresh weights. */
    public UnetCondition2d(Config config, Rng rng) {
        this.config = config;
        List<Integer> channels = config.blockOutChannels();
        int n = channels.size();
        first = channels.get(0);
        int width = config.embedding();
        convIn = child("conv_in", new Conv2d(config.inChannels(), first, config.convInKernel(), 1, config.convInKernel() / 2, rng));
        boolean fourier = config.timeEmbeddingType() == TimeEmbeddingType.FOURIER;
        frequencies = fourier ? child("time_proj", new TimeEmbedding.Frequencies(width / 2, 1, rng)) : null;
        int waves = fourier ? width : first;
        timeEmbedding = child("time_embedding",
            new TimeEmbedding.Mlp(waves, width, config.actFn(), config.timestepPostAct(), config.timeCondProjDim(), rng));
        textProj = config.encoderHidDim() == 0 ? null
            : child("encoder_hid_proj", new Linear(config.encoderHidDim(), config.widthOfContext(), rng));
        classes = config.classEmbedType() == ClassEmbedding.LOOKUP && config.numClassEmbeds() > 0
            ? child("class_embedding", new Embedding(config.numClassEmbeds(), width, rng)) : null;
        int given = config.projectionClassEmbeddingsInputDim();
        classMlp = switch (config.classEmbedType()) {
            case TIMESTEP -> child("class_embedding", new TimeEmbedding.Mlp(waves, width, config.actFn(), null, 0, rng));
            case PROJECTION -> child("class_embedding", new TimeEmbedding.Mlp(given, width, rng));
            case LOOKUP, IDENTITY, SIMPLE_PROJECTION -> null;
        };
        classLinear = config.classEmbedType() == ClassEmbedding.SIMPLE_PROJECTION
            ? child("class_embedding", new Linear(given, width, rng)) : null;
        pooling = config.additionEmbedType() != Addition.TEXT ? null
            : child("add_embedding", new TextPooling(config.textWidth(), width, config.additionEmbedTypeNumHeads(), rng));
        addition = config.additionEmbedType() == Addition.TEXT_TIME ? child("add_embedding", new TimeEmbedding.Mlp(given, width, rng))
            : null;

        ResnetBlock.Style style = new ResnetBlock.Style(config.classEmbeddingsConcat() ? 2 * width : width,
            config.resnetTimeScaleShift() == Unet2d.TimeShift.SCALE_SHIFT, config.normNumGroups(), config.normEps(), config.actFn(),
            config.dropout(), 1, 0);
        for (int i = 0; i < n; i++) {
            int out = channels.get(i);
            int[] in = UnetLevel.inputs(i == 0 ? first : channels.get(i - 1), out, Config.of(config.layersPerBlock(), i));
            List<Integer> blocks = Config.of(config.transformerLayersPerBlock(), i);
            UnetLevel level = child("down_blocks." + i,
                new UnetLevel(in, out, style, transformers(config.downBlockTypes().get(i), i, blocks, rng), rng));
            if (i < n - 1) level.down(out, false, config.downsamplePadding(), style, rng);
            downs.add(level);
        }
        int last = channels.get(n - 1);
        int inMiddle = Config.of(config.transformerLayersPerBlock(), n - 1).get(0);
        Supplier<SpatialTransformer> cross = () -> transformer(n - 1, inMiddle, false, rng);
        boolean crosses = config.midBlockType() == MidBlock.CROSS;
        middle = config.midBlockType() == MidBlock.NONE ? null : child("mid_block",
            new UnetMiddle(last, crosses, style.scaled(config.midBlockScaleFactor()), crosses ? cross : null, rng));
        for (int i = 0; i < n; i++) {
            int level = n - 1 - i;
            int out = channels.get(level);
            int[] in = UnetLevel.inputs(i == 0 ? last : channels.get(level + 1), out, channels.get(Math.max(0, level - 1)),
                Config.of(config.layersPerBlock(), level));
            List<List<Integer>> reverse = config.reverseTransformerLayersPerBlock();
            List<Integer> blocks = reverse.isEmpty() ? Config.of(config.transformerLayersPerBlock(), level) : reverse.get(i);
            UnetLevel up = child("up_blocks." + i,
                new UnetLevel(in, out, style, transformers(config.upBlockTypes().get(i), level, blocks, rng), rng));
            if (i < n - 1) up.up(out, false, style, rng);
            ups.add(up);
        }
        normOut = child("conv_norm_out", new Norm.Group(config.normNumGroups(), first, config.normEps()));
        convOut = child("conv_out", new Conv2d(first, config.outChannels(), config.convOutKernel(), 1, config.convOutKernel() / 2, rng));
    }

    private @Nullable IntFunction<SpatialTransformer> transformers(Block kind, int level, List<Integer> blocks, Rng rng) {
        boolean onlyText = Config.of(config.onlyCrossAttention(), level);
        return kind == Block.PLAIN ? null : layer -> transformer(level, Config.of(blocks, layer), onlyText, rng);
    }

    private SpatialTransformer transformer(int level, int blocks, boolean onlyText, Rng rng) {
        return new SpatialTransformer(config.blockOutChannels().get(level), Config.of(config.attentionHeadDim(), level), blocks,
            Config.of(config.crossAttentionDim(), level), onlyText,
            new SpatialTransformer.Style(config.normNumGroups(), config.useLinearProjection()), rng);
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
        wanted("a pooled text", given.pooled, addition != null);
        wanted("time ids", given.timeIds, addition != null);
        if (given.timeCond != null) wanted("a condition of the time", given.timeCond, config.timeCondProjDim() > 0);
        return Scope.run(() -> predicted(x, t, given, rng));
    }

    private static @Nullable Tensor wanted(String what, @Nullable Tensor got, boolean wanted) {
        if (wanted == (got != null)) return got;
        throw new ArgumentException("UnetCondition2d wants " + (wanted ? what + ", got none" : "no " + what + ", got " + got));
    }

    private Tensor predicted(Tensor x, Tensor t, Given given, @Nullable Rng rng) {
        Tensor emb = config.actFn().of(embedded(t, given, x.dtype()));   // [B,E]
        PictureAttention.Text text = given.text == null ? null : new PictureAttention.Text(
            textProj == null ? given.text : textProj.forward(given.text), given.mask == null ? null : bias(given.mask, x.dtype()));
        Deque<Tensor> kept = new ArrayDeque<>();
        Tensor h = convIn.forward(config.centerInputSample() ? x.mul(2).sub(1) : x);
        kept.push(h);
        for (UnetLevel level : downs) h = level.descend(h, emb, text, rng, kept);
        if (middle != null) h = middle.forward(h, emb, text, rng);
        for (UnetLevel level : ups) h = level.ascend(h, emb, text, rng, kept);
        return convOut.forward(config.actFn().of(normOut.forward(h))).to(x.dtype());
    }

    /** mask [B,S] to [B,1,1,S]: finite, so that a text without any token still gives a finite result. */
    private static Tensor bias(Tensor mask, DType type) { return mask.to(type).rsub(1).mul(-10000).unsqueeze(1).unsqueeze(1); }

    private Tensor embedded(Tensor t, Given given, DType type) {
        Tensor emb = timeEmbedding.forward(waves(t).to(type), given.timeCond);
        if (given.labels != null) {
            Tensor c = classified(given.labels, type);
            emb = config.classEmbeddingsConcat() ? Torch.cat(1, emb, c) : emb.add(c);
        }
        if (pooling != null && given.text != null) emb = emb.add(pooling.forward(given.text));
        if (addition != null && given.pooled != null && given.timeIds != null) {
            Tensor ids = TimeEmbedding.waves(given.timeIds.reshape(-1), config.additionTimeEmbedDim(), config.flipSinToCos(),
                config.freqShift());
            emb = emb.add(addition.forward(Torch.cat(1, given.pooled, ids.reshape(given.pooled.size(0), -1).to(type))));
        }
        return config.timeEmbeddingActFn() == null ? emb : config.timeEmbeddingActFn().of(emb);
    }

    private Tensor classified(Tensor labels, DType type) {
        if (classes != null) return classes.forward(labels);
        if (classLinear != null) return classLinear.forward(labels);
        if (classMlp == null) return labels;
        return classMlp.forward(config.classEmbedType() == ClassEmbedding.TIMESTEP ? waves(labels).to(type) : labels);
    }

    private Tensor waves(Tensor t) {
        return frequencies == null ? TimeEmbedding.waves(t, first, config.flipSinToCos(), config.freqShift())
            : frequencies.waves(t, config.flipSinToCos());
    }
}
