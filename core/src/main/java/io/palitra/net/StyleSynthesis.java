package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.EqualConv2d;
import io.palitra.nn.EqualLinear;
import io.palitra.nn.Gained;
import io.palitra.nn.Module;
import io.palitra.nn.Resampling;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Styles to pictures: from a learned constant up, block by block twice as large, by modulated convolutions. Karras et al. 2020,
 * arXiv:1912.04958, sections 2 and 4. Names of tensors are those of NVIDIA's {@code SynthesisNetwork}.
 */
public final class StyleSynthesis extends StylePictures {
    /** How blocks hang together. */
    public enum Architecture {
        /** One after another. */
        ORIG,
        /** Each gives a picture, and they are added. */
        SKIP,
        /** Each is added to what went in. */
        RESNET,
        /** One after another, styles by adaptive instance norms: the first paper's, see {@link AdainSynthesis}. */
        ADAIN
    }

    /**
     * NVIDIA's {@code synthesis_kwargs}.
     *
     * @param channelBase channels times the side of a block
     * @param channelMax most channels of a block
     * @param numFp16Res blocks that NVIDIA's program computes in half precision on its devices; here in full
     * @param resampleFilter taps
     * @param convClamp largest absolute value of a layer's outputs; 0 = any
     * @param useNoise whether layers add noise
     */
    public record Config(int channelBase, int channelMax, int numFp16Res, Architecture architecture, List<Double> resampleFilter,
            double convClamp, boolean useNoise, Gained activation, int kernelSize) {
        static final List<Double> TAPS = List.of(1.0, 3.0, 3.0, 1.0);

        public Config {
            resampleFilter = List.copyOf(resampleFilter);
            DiffusersConfigReader.check(channelBase >= 1, "channel_base", channelBase, "at least 1");
            DiffusersConfigReader.check(channelMax >= 1 && channelMax <= 1 << 14, "channel_max", channelMax, "1 to 16384");
            DiffusersConfigReader.check(numFp16Res >= 0, "num_fp16_res", numFp16Res, "at least 0");
            DiffusersConfigReader.check(convClamp >= 0, "conv_clamp", convClamp, "above 0, or null");
            DiffusersConfigReader.check(kernelSize % 2 == 1 && kernelSize > 0 && kernelSize < 16, "kernel_size", kernelSize,
                "1, 3, 5, ... 15");
        }

        /** As NVIDIA has it unless keys say otherwise. */
        public static Config of(Architecture architecture, int channelBase, int channelMax, double convClamp) {
            return new Config(channelBase, channelMax, 0, architecture, TAPS, convClamp, true, Gained.LRELU, 3);
        }

        /** Of a block of that side. */
        int channels(int side) {
            int n = Math.min(channelBase / side, channelMax);
            DiffusersConfigReader.check(n >= 1, "channel_base", channelBase, "at least " + side + ", the side of the pictures");
            return n;
        }

        static Config fromJson(JsonNode json) {
            DiffusersConfigReader keys = new DiffusersConfigReader(json, "SynthesisNetwork");
            Config read = new Config(keys.whole("channel_base", 32768), keys.whole("channel_max", 512), keys.whole("num_fp16_res", 0),
                keys.choice("architecture", Architecture.SKIP), taps(json, keys), clamp(keys), keys.yes("use_noise", true),
                keys.choice("activation", Gained.LRELU), keys.whole("kernel_size", 3));
            keys.unused("fp16_channels_last");
            keys.others();
            return read;
        }

        static List<Double> taps(JsonNode json, DiffusersConfigReader keys) {
            if (!json.has("resample_filter")) return TAPS;
            List<Double> taps = keys.numbers("resample_filter");
            return taps.isEmpty() ? List.of(1.0) : taps;
        }

        static double clamp(DiffusersConfigReader keys) {
            Double clamp = keys.numberOrNull("conv_clamp");
            DiffusersConfigReader.check(clamp == null || clamp > 0, "conv_clamp", String.valueOf(clamp), "above 0, or null");
            return clamp == null ? 0 : clamp;
        }

        ObjectNode toJson() {
            ObjectNode json = DiffusersConfigReader.object("");
            json.remove("_class_name");
            json.put("channel_base", channelBase).put("channel_max", channelMax).put("num_fp16_res", numFp16Res)
                .put("architecture", DiffusersConfigReader.lower(architecture));
            json.set("resample_filter", DiffusersConfigReader.listOrNull(resampleFilter));
            return json.put("conv_clamp", convClamp > 0 ? (Double) convClamp : null).put("use_noise", useNoise)
                .put("activation", DiffusersConfigReader.lower(activation)).put("kernel_size", kernelSize);
        }
    }

    private static final double HALF = Math.sqrt(0.5);

    /** Style, modulated convolution, noise, bias, activation. NVIDIA's {@code SynthesisLayer}. */
    private static final class Layer extends Module {
        private final Config config;
        private final EqualLinear affine;
        private final Tensor weight;
        private final Tensor bias;
        private final Tensor filter;
        private final @Nullable Tensor noise;
        private final @Nullable Tensor strength;
        private final int up;
        private final int[] padding;

        Layer(Config config, int in, int out, int w, int side, int up, Rng rng) {
            this.config = config;
            this.up = up;
            int k = config.kernelSize, p = k / 2;
            padding = new int[] {p, p, p, p};
            affine = child("affine", new EqualLinear(w, in, true, 1, 1, rng));
            weight = parameter("weight", rng.normal(out, in, k, k));
            noise = config.useNoise ? buffer("noise_const", rng.isSilent() ? Torch.zeros(side, side) : rng.normal(side, side)) : null;
            strength = config.useNoise ? parameter("noise_strength", Torch.zeros()) : null;
            bias = parameter("bias", Torch.zeros(out));
            filter = buffer("resample_filter", Resampling.filter(up > 1 ? config.resampleFilter : Config.TAPS));
        }

        /** @param noises one is taken if the layer adds some; null for none */
        Tensor forward(Tensor x, Tensor w, @Nullable Iterator<Tensor> noises, double share) {
            Tensor added = noises == null || strength == null ? null : noises.next().mul(strength);
            Tensor y = Resampling.modulated(x, weight, affine.forward(w), added, filter, up, 1, padding, true, up == 1);
            return config.activation.of(y.add(bias.reshape(1, -1, 1, 1).to(y.dtype())), share, config.convClamp);
        }
    }

    /** A block's picture. NVIDIA's {@code ToRGBLayer}. */
    private static final class ToPicture extends Module {
        private static final int[] NONE = {0, 0, 0, 0};
        private final EqualLinear affine;
        private final Tensor weight;
        private final Tensor bias;
        private final double scale;
        private final double clamp;

        ToPicture(Config config, int in, int channels, int w, Rng rng) {
            affine = child("affine", new EqualLinear(w, in, true, 1, 1, rng));
            weight = parameter("weight", rng.normal(channels, in, 1, 1));
            bias = parameter("bias", Torch.zeros(channels));
            scale = 1 / Math.sqrt(in);
            clamp = config.convClamp;
        }

        Tensor forward(Tensor x, Tensor w) {
            Tensor y = Resampling.modulated(x, weight, affine.forward(w).mul(scale), null, null, 1, 1, NONE, false, true);
            return Gained.LINEAR.of(y.to(weight.dtype()).add(bias.reshape(1, -1, 1, 1)), 1, clamp);
        }
    }

    /** All layers of a side. NVIDIA's {@code SynthesisBlock}. */
    private static final class Block extends Module {
        private final @Nullable Tensor start;
        private final @Nullable Layer conv0;
        private final Layer conv1;
        private final @Nullable ToPicture picture;
        private final @Nullable EqualConv2d skip;
        private final Tensor filter;

        Block(Config c, int in, int out, int w, int side, int channels, boolean last, Rng rng) {
            filter = buffer("resample_filter", Resampling.filter(c.resampleFilter));
            start = in == 0 ? parameter("const", rng.normal(out, side, side)) : null;
            conv0 = in == 0 ? null : child("conv0", new Layer(c, in, out, w, side, 2, rng));
            conv1 = child("conv1", new Layer(c, out, out, w, side, 1, rng));
            picture = last || c.architecture == Architecture.SKIP ? child("torgb", new ToPicture(c, out, channels, w, rng)) : null;
            skip = in > 0 && c.architecture == Architecture.RESNET
                ? child("skip", new EqualConv2d(in, out, 1, false, 2, 1, c.resampleFilter, rng)) : null;
        }

        int convs() { return conv0 == null ? 1 : 2; }

        /** @param ws [B,convs + 1,W] @param x null for the first block */
        Tensor forward(@Nullable Tensor x, Tensor ws, @Nullable Iterator<Tensor> noises) {
            if (start != null) {
                Tensor from = start.unsqueeze(0).expand(ws.size(0), start.size(0), start.size(1), start.size(2));
                return conv1.forward(from, ws.select(1, 0), noises, 1);
            }
            if (conv0 == null || x == null) throw new ArgumentException("a block after the first wants the one before");
            if (skip == null) return conv1.forward(conv0.forward(x, ws.select(1, 0), noises, 1), ws.select(1, 1), noises, 1);
            Tensor beside = skip.forward(x).mul(HALF);
            return beside.add(conv1.forward(conv0.forward(x, ws.select(1, 0), noises, 1), ws.select(1, 1), noises, HALF));
        }

        /** The picture up to here. @param before that of the block before, null for none */
        @Nullable Tensor picture(Tensor x, Tensor w, @Nullable Tensor before) {
            Tensor large = before == null ? null : Resampling.upsample(before, filter);
            if (picture == null) return large;
            Tensor own = picture.forward(x, w);
            return large == null ? own : large.add(own);
        }
    }

    private final List<Block> blocks = new ArrayList<>();
    private final List<Tensor> noise = new ArrayList<>();

    /** @param w numbers in a style @param side of the pictures, see {@link StylePictures#sides} */
    public StyleSynthesis(Config config, int w, int side, int channels, Rng rng) {
        int in = 0;
        for (int s : sides(side)) {
            int out = config.channels(s);
            Block block = child("b" + s, new Block(config, in, out, w, s, channels, s == side, rng));
            blocks.add(block);
            for (Layer layer : block.conv0 == null ? List.of(block.conv1) : List.of(block.conv0, block.conv1)) {
                if (layer.noise != null) noise.add(layer.noise);
            }
            in = out;
        }
    }

    @Override public int layers() { return blocks.stream().mapToInt(Block::convs).sum() + 1; }

    @Override public List<Tensor> noise() { return noise; }

    @Override public Tensor forward(Tensor ws, List<Tensor> noises) {
        Iterator<Tensor> given = noises.isEmpty() ? null : checked(noises).iterator();
        Tensor x = null, picture = null;
        int at = 0;
        for (Block block : blocks) {
            x = block.forward(x, ws.narrow(1, at, block.convs()), given);
            at += block.convs();
            picture = block.picture(x, ws.select(1, at), picture);   // its style is that of the next block's first layer, too
        }
        return java.util.Objects.requireNonNull(picture);
    }
}
