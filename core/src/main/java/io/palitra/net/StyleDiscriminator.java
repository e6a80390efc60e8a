package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.nn.EqualConv2d;
import io.palitra.nn.EqualLinear;
import io.palitra.nn.Gained;
import io.palitra.nn.GanLoss;
import io.palitra.nn.Module;
import io.palitra.nn.Resampling;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Pictures to scores, by blocks that make them half as large each. Karras et al. 2020, arXiv:1912.04958, section 4; of classes by the
 * product with a mapped class: Karras et al. 2020, arXiv:2006.06676, appendix. Configuration and names of tensors are those of NVIDIA's
 * {@code Discriminator} (stylegan2-ada-pytorch).
 */
public final class StyleDiscriminator extends Module {
    /** How blocks hang together; the names mean what they do in {@link StyleSynthesis.Architecture}. */
    public enum Architecture { ORIG, SKIP, RESNET }

    /**
     * NVIDIA's arguments.
     *
     * @param cDim numbers of the condition, 0 = none
     * @param cmapDim numbers that the condition becomes; -1 = as many as the last block has channels
     * @param blockActivation of blocks; {@code taps} are those of their filters
     * @param mbstdGroup items whose deviation is taken together; 0 = the whole batch
     * @param mbstdChannels channels that the deviation adds; 0 = none
     */
    public record Config(int cDim, int imgResolution, int imgChannels, Architecture architecture, int channelBase, int channelMax,
            int numFp16Res, double convClamp, int cmapDim, Gained blockActivation, List<Double> taps, StyleMapping.Config mapping,
            int mbstdGroup, int mbstdChannels, Gained lastActivation) {
        static final String CLASS = "Discriminator";

        public Config {
            taps = List.copyOf(taps);
            DiffusersConfigReader.check(cDim >= 0 && cDim <= 1 << 14, "c_dim", cDim, "0 to 16384");
            DiffusersConfigReader.check(imgChannels >= 1 && imgChannels <= 1 << 14, "img_channels", imgChannels, "1 to 16384");
            DiffusersConfigReader.check(channelBase >= 1, "channel_base", channelBase, "at least 1");
            DiffusersConfigReader.check(channelMax >= 1 && channelMax <= 1 << 14, "channel_max", channelMax, "1 to 16384");
            DiffusersConfigReader.check(numFp16Res >= 0, "num_fp16_res", numFp16Res, "at least 0");
            DiffusersConfigReader.check(convClamp >= 0, "conv_clamp", convClamp, "above 0, or null");
            DiffusersConfigReader.check(cmapDim == -1 || cmapDim >= 1 && cmapDim <= 1 << 14, "cmap_dim", cmapDim, "1 to 16384, or null");
            DiffusersConfigReader.check(mbstdGroup >= 0, "mbstd_group_size", mbstdGroup, "at least 1, or null");
            StyleGenerator.Config.side(imgResolution, 8);
            int last = channels(channelBase, channelMax, StylePictures.sides(imgResolution).get(0));
            DiffusersConfigReader.check(mbstdChannels >= 0 && (mbstdChannels == 0 || last % mbstdChannels == 0), "mbstd_num_channels",
                mbstdChannels, "0, or a divisor of the last block's " + last + " channels");
        }

        /** As NVIDIA has it unless keys say otherwise. */
        public static Config of(int classes, int side, int channels, Architecture architecture, int channelBase, int channelMax,
                int mappingLayers, int group, double convClamp) {
            return new Config(classes, side, channels, architecture, channelBase, channelMax, 0, convClamp, -1, Gained.LRELU,
                StyleSynthesis.Config.TAPS, new StyleMapping.Config(mappingLayers, 0, 0, Gained.LRELU, 0.01, null), group, 1,
                Gained.LRELU);
        }

        private static int channels(int base, int most, int side) {
            int n = Math.min(base / side, most);
            DiffusersConfigReader.check(n >= 1, "channel_base", base, "at least " + side + ", the side of the pictures");
            return n;
        }

        int channels(int side) { return channels(channelBase, channelMax, side); }

        /** @throws io.palitra.config.ConfigException for a key that NVIDIA's class has not, and for a value that is wrong */
        public static Config fromJson(JsonNode json) {
            DiffusersConfigReader keys = new DiffusersConfigReader(json, CLASS);
            JsonNode blocks = keys.within("block_kwargs"), last = keys.within("epilogue_kwargs");
            DiffusersConfigReader blockKeys = new DiffusersConfigReader(blocks, "DiscriminatorBlock");
            DiffusersConfigReader lastKeys = new DiffusersConfigReader(last, "DiscriminatorEpilogue");
            Config read = new Config(keys.whole("c_dim", 0), keys.whole("img_resolution", 0), keys.whole("img_channels", 3),
                keys.choice("architecture", Architecture.RESNET), keys.whole("channel_base", 32768), keys.whole("channel_max", 512),
                keys.whole("num_fp16_res", 0), StyleSynthesis.Config.clamp(keys),
                json.path("cmap_dim").isNull() ? keys.wholeOr0("cmap_dim", 0) - 1 : keys.whole("cmap_dim", -1),
                blockKeys.choice("activation", Gained.LRELU), StyleSynthesis.Config.taps(blocks, blockKeys),
                StyleMapping.Config.fromJson(keys.within("mapping_kwargs"), false), lastKeys.wholeOr0("mbstd_group_size", 4),
                lastKeys.whole("mbstd_num_channels", 1), lastKeys.choice("activation", Gained.LRELU));
            blockKeys.unused("fp16_channels_last", "freeze_layers");   // of speed and of training: the network is the same
            blockKeys.others();
            lastKeys.others();
            keys.others();
            return read;
        }

        /** What {@link #fromJson} reads, and the arguments of NVIDIA's class. */
        public ObjectNode toJson() {
            ObjectNode json = DiffusersConfigReader.object(CLASS);
            json.put("c_dim", cDim).put("img_resolution", imgResolution).put("img_channels", imgChannels)
                .put("architecture", DiffusersConfigReader.lower(architecture)).put("channel_base", channelBase)
                .put("channel_max", channelMax).put("num_fp16_res", numFp16Res)
                .put("conv_clamp", convClamp > 0 ? (Double) convClamp : null).put("cmap_dim", cmapDim < 0 ? null : (Integer) cmapDim);
            ObjectNode blocks = json.putObject("block_kwargs").put("activation", DiffusersConfigReader.lower(blockActivation));
            blocks.set("resample_filter", DiffusersConfigReader.listOrNull(taps));
            json.set("mapping_kwargs", mapping.toJson(false));
            json.putObject("epilogue_kwargs").put("mbstd_group_size", DiffusersConfigReader.orNull(mbstdGroup))
                .put("mbstd_num_channels", mbstdChannels).put("activation", DiffusersConfigReader.lower(lastActivation));
            return json;
        }
    }

    private static final double HALF = Math.sqrt(0.5);

    /** Of one side. NVIDIA's {@code DiscriminatorBlock}. */
    private static final class Block extends Module {
        private final Config c;
        private final @Nullable EqualConv2d fromPicture;
        private final EqualConv2d conv0;
        private final EqualConv2d conv1;
        private final @Nullable EqualConv2d skip;
        private final Tensor filter;

        Block(Config c, boolean first, int in, int out, Rng rng) {
            this.c = c;
            List<Double> usual = StyleSynthesis.Config.TAPS;
            filter = buffer("resample_filter", Resampling.filter(c.taps));
            fromPicture = first || c.architecture == Architecture.SKIP
                ? child("fromrgb", new EqualConv2d(c.imgChannels, in, 1, true, 1, 1, usual, rng)) : null;
            conv0 = child("conv0", new EqualConv2d(in, in, 3, true, 1, 1, usual, rng));
            conv1 = child("conv1", new EqualConv2d(in, out, 3, true, 1, 2, c.taps, rng));
            skip = c.architecture == Architecture.RESNET ? child("skip", new EqualConv2d(in, out, 1, false, 1, 2, c.taps, rng)) : null;
        }

        private Tensor bent(Tensor x, double share) { return c.blockActivation.of(x, share, c.convClamp); }

        /** @param x null for the first block */
        Tensor forward(@Nullable Tensor x, Tensor picture) {
            Tensor h = x;
            if (fromPicture != null) {
                Tensor seen = bent(fromPicture.forward(picture), 1);
                h = h == null ? seen : h.add(seen);
            }
            if (h == null) throw new ArgumentException("a block after the first wants the one before");
            if (skip == null) return bent(conv1.forward(bent(conv0.forward(h), 1)), 1);
            Tensor beside = skip.forward(h).mul(HALF);
            return beside.add(bent(conv1.forward(bent(conv0.forward(h), 1)), HALF));
        }

        Tensor smaller(Tensor picture) { return c.architecture == Architecture.SKIP ? Resampling.downsample(picture, filter) : picture; }
    }

    /** The end. NVIDIA's {@code DiscriminatorEpilogue}. */
    private static final class Last extends Module {
        private final Config c;
        private final @Nullable EqualConv2d fromPicture;
        private final EqualConv2d conv;
        private final EqualLinear fc;
        private final EqualLinear out;

        Last(Config c, int side, int in, int scores, Rng rng) {
            this.c = c;
            List<Double> usual = StyleSynthesis.Config.TAPS;
            fromPicture = c.architecture == Architecture.SKIP
                ? child("fromrgb", new EqualConv2d(c.imgChannels, in, 1, true, 1, 1, usual, rng)) : null;
            conv = child("conv", new EqualConv2d(in + c.mbstdChannels, in, 3, true, 1, 1, usual, rng));
            fc = child("fc", new EqualLinear(in * side * side, in, rng));
            out = child("out", new EqualLinear(in, scores, rng));
        }

        Tensor forward(Tensor x, Tensor picture) {
            Tensor h = x;
            if (fromPicture != null) h = h.add(c.lastActivation.of(fromPicture.forward(picture)));
            if (c.mbstdChannels > 0) h = GanLoss.withDeviation(h, c.mbstdGroup == 0 ? (int) h.size(0) : c.mbstdGroup, c.mbstdChannels);
            h = c.lastActivation.of(conv.forward(h), 1, c.convClamp);
            return out.forward(c.lastActivation.of(fc.forward(h.flatten(1))));
        }
    }

    private final Config config;
    private final List<Block> blocks = new ArrayList<>();
    private final Last last;
    private final @Nullable StyleMapping mapping;

    public StyleDiscriminator(Config config, Rng rng) {
        this.config = config;
        List<Integer> sides = StylePictures.sides(config.imgResolution());
        for (int i = sides.size() - 1; i > 0; i--) {
            int side = sides.get(i);
            blocks.add(child("b" + side, new Block(config, i == sides.size() - 1, config.channels(side), config.channels(sides.get(i - 1)),
                rng)));
        }
        int base = sides.get(0), in = config.channels(base);
        int mapped = config.cDim() == 0 ? 0 : config.cmapDim() < 0 ? in : config.cmapDim();
        mapping = mapped == 0 ? null : child("mapping", new StyleMapping(config.mapping(), 0, config.cDim(), mapped, rng));
        last = child("b" + base, new Last(config, base, in, Math.max(1, mapped), rng));
    }

    public Config config() { return config; }

    /** Scores [B] of pictures [B,C,H,W], high for real ones. @param c their condition [B,C], null where there is none */
    public Tensor forward(Tensor pictures, @Nullable Tensor c) {
        Tensor x = null, picture = pictures;
        for (Block block : blocks) {
            x = block.forward(x, picture);
            picture = block.smaller(picture);
        }
        if (x == null) throw new ArgumentException("a discriminator without blocks scores nothing");
        Tensor scores = last.forward(x, picture).to(pictures.dtype());
        if (mapping == null) return scores.squeeze(1);
        Tensor mapped = mapping.forward(null, c).to(scores.dtype());
        return scores.mul(mapped).sum(false, 1).div(Math.sqrt((double) mapped.size(1)));
    }
}
