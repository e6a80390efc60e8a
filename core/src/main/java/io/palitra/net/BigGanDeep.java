package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Init;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.PooledAttention;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The generator of BigGAN-deep: pictures of a class from noise (Brock et al. 2019, arXiv:1809.11096, appendix B). Configuration and names
 * of tensors are those of {@code pytorch-pretrained-BigGAN}. Weights are divided by their largest singular values as u and v in the file
 * give them, and normalised by statistics that the file has for several truncations.
 */
public final class BigGanDeep extends Module {
    private static final int START = 4, WIDEST = 1 << 16;

    /** A block: whether it doubles the sides, and its channels before and after in multiples of the width. */
    public record Layer(boolean up, int in, int out) {}

    /**
     * The library's keys in camel case.
     *
     * @param outputDim side of the pictures; kept for the file, as is classEmbedDim: the layers and zDim decide
     * @param zDim numbers in z, and as many in the embedding of a class
     * @param attentionLayerPosition number of the layer before which attention stands; of no layer: none
     * @param nStats truncations, from 0 to 1, that there are statistics of
     */
    public record Config(int outputDim, int zDim, int classEmbedDim, int channelWidth, int numClasses, List<Layer> layers,
            int attentionLayerPosition, double eps, int nStats) {
        private static final String NAME = "BigGANConfig";
        private static final List<Layer> LAYERS = List.of(new Layer(false, 16, 16), new Layer(true, 16, 16), new Layer(false, 16, 16),
            new Layer(true, 16, 8), new Layer(false, 8, 8), new Layer(true, 8, 4), new Layer(false, 4, 4), new Layer(true, 4, 2),
            new Layer(false, 2, 2), new Layer(true, 2, 1));

        public Config {
            layers = List.copyOf(layers);
            between("output_dim", outputDim, 1, WIDEST);
            between("z_dim", zDim, 1, WIDEST);
            between("class_embed_dim", classEmbedDim, 1, WIDEST);
            between("channel_width", channelWidth, 1, WIDEST / 16);
            between("num_classes", numClasses, 1, 1 << 24);
            between("n_stats", nStats, 2, 1 << 16);
            DiffusersConfigReader.check(eps > 0 && eps < 1, "eps", eps, "above 0 and below 1");
            DiffusersConfigReader.check(!layers.isEmpty() && layers.size() <= 256, "layers", "of " + layers.size(), "1 to 256");
            int in = 16;
            for (int i = 0; i < layers.size(); i++) {
                Layer l = layers.get(i);
                DiffusersConfigReader.check(l.in == in, "layers", "layer " + i + " begins with " + l.in, in
                    + (i == 0 ? ", as the first" : ", with which the one before ends"));
                DiffusersConfigReader.check(l.in * channelWidth >= 4, "channel_width", channelWidth, "such that layer " + i
                    + " has 4 channels at least");
                DiffusersConfigReader.check(l.out >= 1 && (l.out == l.in || l.out * 2 == l.in), "layers", "layer " + i + " ends with "
                    + l.out, "as many as it begins with, " + l.in + ", or half of them");
                DiffusersConfigReader.check(i != attentionLayerPosition || l.in * channelWidth >= 8, "channel_width", channelWidth,
                    "such that attention has 8 channels at least");
                in = l.out;
            }
            DiffusersConfigReader.check(in == 1, "layers", "the last layer ends with " + in, "1");
            DiffusersConfigReader.check(layers.stream().filter(Layer::up).count() <= 12, "layers", "more than 12 double the sides",
                "at most 12");
        }

        private static void between(String key, int value, int from, int to) {
            DiffusersConfigReader.check(value >= from && value <= to, key, value, from + " to " + to);
        }

        /** Height and width of the pictures. */
        public int side() { return BigGanDeep.side(layers); }

        /** Of the pictures. */
        public int channels() { return Math.min(3, channelWidth); }

        private boolean attends(int layer) { return layer == attentionLayerPosition; }

        /** Whether a {@code config.json}, which names no class, is one of these. */
        public static boolean is(JsonNode json) {
            return json.has("attention_layer_position") && json.has("channel_width") && json.has("n_stats");
        }

        /**
         * From a {@code config.json} of the library; missing keys have its defaults.
         *
         * @param warn receives the names of unknown keys, which are ignored, as in the library
         * @throws ConfigException for a value that is wrong or that this network does not have
         */
        public static Config fromJson(JsonNode json, Consumer<String> warn) {
            DiffusersConfigReader keys = new DiffusersConfigReader(json, NAME, warn);
            Config read = new Config(keys.whole("output_dim", 128), keys.whole("z_dim", 128), keys.whole("class_embed_dim", 128),
                keys.whole("channel_width", 128), keys.whole("num_classes", 1000),
                keys.list("layers", LAYERS, "a list of [true or false, whole number, whole number]", Config::layer),
                keys.whole("attention_layer_position", 8), keys.number("eps", 1e-4), keys.whole("n_stats", 51));
            keys.others();
            if (read.outputDim != read.side()) {
                warn.accept("output_dim " + read.outputDim + " is passed over: the layers make pictures of a side of " + read.side());
            }
            if (read.classEmbedDim != read.zDim) {
                warn.accept("class_embed_dim " + read.classEmbedDim + " is passed over: a class has as many numbers as z, " + read.zDim);
            }
            return read;
        }

        private static @Nullable Layer layer(JsonNode n) {
            boolean fits = n.isArray() && n.size() == 3 && n.get(0).isBoolean() && n.get(1).canConvertToInt()
                && n.get(1).isIntegralNumber() && n.get(2).canConvertToInt() && n.get(2).isIntegralNumber();
            return fits ? new Layer(n.get(0).booleanValue(), n.get(1).intValue(), n.get(2).intValue()) : null;
        }

        /** As the library writes it. */
        public ObjectNode toJson() {
            ObjectNode json = JsonNodeFactory.instance.objectNode().put("attention_layer_position", attentionLayerPosition)
                .put("channel_width", channelWidth).put("class_embed_dim", classEmbedDim).put("eps", eps);
            ArrayNode list = json.putArray("layers");
            layers.forEach(l -> list.addArray().add(l.up).add(l.in).add(l.out));
            return json.put("n_stats", nStats).put("num_classes", numClasses).put("output_dim", outputDim).put("z_dim", zDim);
        }
    }

    /** Height and width of the pictures that layers make. */
    public static int side(List<Layer> layers) { return START << layers.stream().filter(Layer::up).count(); }

    /** A linear map or a convolution of odd kernel whose weight is divided by u^T W v; u and v are of the file and stay. */
    private static final class Normed extends Module {
        private final Tensor weight;
        private final Tensor u;
        private final Tensor v;
        private final @Nullable Tensor bias;

        Normed(boolean withBias, Rng rng, long... shape) {
            long fanIn = Torch.numel(shape) / shape[0];
            weight = parameter("weight_orig", Init.DEFAULT.draw(rng, fanIn, shape));
            bias = withBias ? parameter("bias", Torch.zeros(shape[0])) : null;
            u = buffer("weight_u", rng.normal(shape[0]));
            v = buffer("weight_v", rng.normal(fanIn));
            if (!rng.isSilent()) begin();
        }

        /** Fresh weights have no u and v of a file: near the singular vectors. */
        private void begin() {
            try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
                Tensor matrix = weight.detach().flatten(1);
                for (int i = 0; i < 15; i++) {
                    Tensor right = matrix.t().matmul(u);
                    v.copyFrom(right.div(right.square().sum().sqrt()));
                    Tensor left = matrix.matmul(v);
                    u.copyFrom(left.div(left.square().sum().sqrt()));
                }
            }
        }

        Tensor forward(Tensor x) {
            Tensor sigma = u.mul(weight.flatten(1).matmul(v)).sum();
            Tensor w = weight.div(sigma);
            return w.dims() == 2 ? Torch.linear(x, w, bias) : Torch.conv2d(x, w, bias, 1, (int) (w.size(3) / 2));
        }
    }

    /** Normalises by the statistics of a truncation, t in (0,1]. */
    private abstract static class Statistics extends Module {
        private final Tensor means;
        private final Tensor vars;
        private final double eps;
        private final int rows;

        Statistics(int channels, Config c) {
            means = buffer("running_means", Torch.zeros(c.nStats, channels));
            vars = buffer("running_vars", Torch.ones(c.nStats, channels));
            eps = c.eps;
            rows = c.nStats;
        }

        /**
         * Of a table the row of t. Between two rows the library gives each the weight of the other, and the weights of public files were
         * never seen otherwise: so it is here, also where rounding puts t next to a row.
         */
        private Tensor row(Tensor table, double t) {
            double place = t / (1.0 / (rows - 1));
            int k = (int) place;
            double share = place - k;
            Tensor here = table.select(0, Math.min(k, rows - 1));
            return share == 0 ? here : here.mul(share).add(table.select(0, Math.min(k + 1, rows - 1)).mul(1 - share));
        }

        /** x times a scale after it was normalised, and a shift: [C] or [B,C] each. */
        final Tensor normalised(Tensor x, double t, Tensor scale, Tensor shift) {
            long c = x.size(1);
            Tensor factor = scale.div(row(vars, t).add(eps).sqrt());
            Tensor rest = shift.sub(row(means, t).mul(factor));
            return x.mul(factor.reshape(-1, c, 1, 1)).add(rest.reshape(-1, c, 1, 1));
        }
    }

    /** Scale and shift follow from noise and class. */
    private static final class Conditional extends Statistics {
        private final Normed scale;
        private final Normed offset;

        Conditional(int channels, Config c, Rng rng) {
            super(channels, c);
            scale = child("scale", new Normed(false, rng.split(0), channels, 2L * c.zDim));
            offset = child("offset", new Normed(false, rng.split(1), channels, 2L * c.zDim));
        }

        Tensor forward(Tensor x, Tensor given, double t) { return normalised(x, t, scale.forward(given).add(1), offset.forward(given)); }
    }

    /** Scale and shift are learned. */
    private static final class Plain extends Statistics {
        private final Tensor weight;
        private final Tensor bias;

        Plain(int channels, Config c) {
            super(channels, c);
            weight = parameter("weight", Torch.ones(channels));
            bias = parameter("bias", Torch.zeros(channels));
        }

        Tensor forward(Tensor x, double t) { return normalised(x, t, weight, bias); }
    }

    private interface Part {
        Tensor forward(Tensor x, Tensor given, double t);
    }

    /**
     * Four convolutions, a fourth as wide between as before; beside them x itself, the second half of its channels left out where fewer
     * end.
     */
    private static final class Block extends Module implements Part {
        private final List<Conditional> norms = new ArrayList<>();
        private final List<Normed> convs = new ArrayList<>();
        private final Layer layer;

        Block(Layer layer, Config c, Rng rng) {
            this.layer = layer;
            int in = layer.in * c.channelWidth, middle = in / 4;
            int[] widths = {in, middle, middle, middle, layer.out * c.channelWidth}, kernels = {1, 3, 3, 1};
            for (int i = 0; i < 4; i++) {
                norms.add(child("bn_" + i, new Conditional(widths[i], c, rng.split(2L * i))));
                convs.add(child("conv_" + i, new Normed(true, rng.split(2L * i + 1), widths[i + 1], widths[i], kernels[i], kernels[i])));
            }
        }

        @Override public Tensor forward(Tensor x, Tensor given, double t) {
            Tensor h = x;
            for (int i = 0; i < 4; i++) {
                h = norms.get(i).forward(h, given, t).relu();
                if (i == 1 && layer.up) h = Torch.upsampleNearest(h, 2);
                h = convs.get(i).forward(h);
            }
            Tensor beside = layer.in == layer.out ? x : x.narrow(1, 0, x.size(1) / 2);
            return h.add(layer.up ? Torch.upsampleNearest(beside, 2) : beside);
        }
    }

    /** {@link PooledAttention} by the names of the file. */
    private static final class Attention extends Module implements Part {
        private final Normed theta;
        private final Normed phi;
        private final Normed g;
        private final Normed out;
        private final Tensor gamma;

        Attention(int channels, Rng rng) {
            theta = child("snconv1x1_theta", new Normed(false, rng.split(0), channels / 8, channels, 1, 1));
            phi = child("snconv1x1_phi", new Normed(false, rng.split(1), channels / 8, channels, 1, 1));
            g = child("snconv1x1_g", new Normed(false, rng.split(2), channels / 2, channels, 1, 1));
            out = child("snconv1x1_o_conv", new Normed(false, rng.split(3), channels, channels / 2, 1, 1));
            gamma = parameter("gamma", Torch.zeros(1));
        }

        @Override public Tensor forward(Tensor x, Tensor given, double t) {
            Tensor attended = PooledAttention.attend(theta.forward(x), phi.forward(x), g.forward(x));
            return x.add(out.forward(attended).mul(gamma));
        }
    }

    /** All but the embedding of the class. */
    private static final class Generator extends Module {
        private final Normed first;
        private final List<Part> parts = new ArrayList<>();
        private final Plain norm;
        private final Normed last;
        private final int channels;

        Generator(Config c, Rng rng) {
            channels = c.channels();
            first = child("gen_z", new Normed(true, rng.split(0), (long) START * START * 16 * c.channelWidth, 2L * c.zDim));
            for (int i = 0; i < c.layers.size(); i++) {
                Layer layer = c.layers.get(i);
                if (c.attends(i)) parts.add(part(new Attention(layer.in * c.channelWidth, rng.split(1000))));
                parts.add(part(new Block(layer, c, rng.split(i + 1))));
            }
            norm = child("bn", new Plain(c.channelWidth, c));
            last = child("conv_to_rgb", new Normed(true, rng.split(1001), c.channelWidth, c.channelWidth, 3, 3));
        }

        private <M extends Module> M part(M m) { return child("layers." + parts.size(), m); }

        Tensor forward(Tensor given, double t) {
            Tensor h = first.forward(given).reshape(given.size(0), START, START, -1).permute(0, 3, 1, 2);   // [B,4,4,C] -> [B,C,4,4]
            for (Part part : parts) {
                Tensor in = h;
                h = Scope.run(() -> part.forward(in, given, t));
            }
            return last.forward(norm.forward(h, t).relu()).narrow(1, 0, channels).tanh();
        }
    }

    private final Config config;
    private final Linear embeddings;
    private final Generator generator;

    /** A network of fresh weights. */
    public BigGanDeep(Config config, Rng rng) {
        this.config = config;
        embeddings = child("embeddings", new Linear(config.numClasses, config.zDim, false, rng.split(0)));
        generator = child("generator", new Generator(config, rng.split(1)));
    }

    public Config config() { return config; }

    /** {@link #load} of a public file. @param warn receives the names of tensors that the network does not have, which are ignored */
    public void loadPublic(Map<String, Tensor> values, Consumer<String> warn) { load(known(values, warn)); }

    /**
     * Pictures [B,C,side,side] in [-1,1].
     *
     * @param z noise [B,Z], in the library's use normal numbers cut at -2 and 2, times the truncation
     * @param classes [B,K] shares of each class, as a rule one-hot
     * @param truncation above 0 to 1: which statistics normalise
     */
    public Tensor forward(Tensor z, Tensor classes, double truncation) {
        if (!(truncation > 0 && truncation <= 1)) {
            throw new ArgumentException("illegal truncation: " + truncation + ", must be above 0 and at most 1");
        }
        boolean fits = z.dims() == 2 && z.size(1) == config.zDim
            && Arrays.equals(classes.shape(), new long[] {z.size(0), config.numClasses});
        if (!fits) {
            throw new ArgumentException("BigGanDeep wants z [B," + config.zDim + "] and classes [B," + config.numClasses + "], got " + z
                + " and " + classes);
        }
        return Scope.run(() -> generator.forward(Torch.cat(1, z, embeddings.forward(classes)), truncation));
    }
}
