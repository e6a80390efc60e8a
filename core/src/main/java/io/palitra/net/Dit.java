package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Conv2d;
import io.palitra.nn.Embedding;
import io.palitra.nn.Init;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The diffusion transformer: patches of a picture, modulated by time and class (Peebles and Xie 2023, arXiv:2212.09748). Configuration
 * and names of tensors are those of diffusers' {@code DiTTransformer2DModel}, so that each side reads the other's checkpoints.
 */
public final class Dit extends Module {
    private static final double EPS = 1e-6;
    private static final double LABEL_DROPOUT = 0.1;
    private static final int WAVES = 256;
    /** Added to the scores of a token that is not attended to, negative. */
    private static final double HIDDEN = 1e4;

    /**
     * diffusers' keys in camel case, and what Python calls None is 0.
     *
     * @param attentionHeadDim width of a head; the network's is this times the heads
     * @param outChannels 0 = as many as come in; twice as many where the variance is learned, too
     * @param normNumGroups kept for the file, as is upcastAttention: they change nothing
     * @param attentionBias of queries, keys and values
     * @param sampleSize height and width in training, or one number for both, for which positions are whole numbers
     * @param numEmbedsAdaNorm classes; one more row of the table stands for no class
     * @param normElementwiseAffine whether the norm before the feed-forward layers has a scale and a shift of its own
     */
    public record Config(int numAttentionHeads, int attentionHeadDim, int inChannels, int outChannels, int numLayers, double dropout,
            int normNumGroups, boolean attentionBias, List<Integer> sampleSize, int patchSize, FeedForward.Kind activationFn,
            int numEmbedsAdaNorm, boolean upcastAttention, boolean normElementwiseAffine, double normEps) {
        private static final String CLASS = "DiTTransformer2DModel";
        /** Of the files of the paper's authors, from when one class had all kinds of transformers. */
        private static final String OLD_CLASS = "Transformer2DModel";
        private static final int WIDEST = 1 << 16;

        public Config {
            between("num_attention_heads", numAttentionHeads, 1, WIDEST);
            between("attention_head_dim", attentionHeadDim, 1, WIDEST);
            between("in_channels", inChannels, 1, WIDEST);
            between("out_channels", outChannels, 0, WIDEST);
            between("num_layers", numLayers, 1, 1000);
            between("patch_size", patchSize, 1, 1024);
            sampleSize = List.copyOf(sampleSize);
            DiffusersConfigReader.check(sampleSize.size() == 1 || sampleSize.size() == 2, "sample_size", sampleSize, "one number or two");
            for (int side : sampleSize) between("sample_size", side, patchSize, WIDEST);
            between("num_embeds_ada_norm", numEmbedsAdaNorm, 1, 1 << 24);
            long width = (long) numAttentionHeads * attentionHeadDim;
            DiffusersConfigReader.check(width % 4 == 0 && width <= WIDEST, "attention_head_dim", attentionHeadDim,
                "such that the width of " + numAttentionHeads + " heads is a multiple of 4, at most " + WIDEST);
            DiffusersConfigReader.check(dropout >= 0 && dropout < 1, "dropout", dropout, "at least 0 and below 1");
            DiffusersConfigReader.check(normEps > 0, "norm_eps", normEps, "above 0");
        }

        private static void between(String key, int value, int from, int to) {
            DiffusersConfigReader.check(value >= from && value <= to, key, value, from + " to " + to);
        }

        public int width() { return numAttentionHeads * attentionHeadDim; }

        /** Of the pictures in training, as are the two numbers of {@link #sampleSize}. */
        public int sampleHeight() { return sampleSize.get(0); }

        public int sampleWidth() { return sampleSize.get(sampleSize.size() - 1); }

        private int channelsOut() { return outChannels > 0 ? outChannels : inChannels; }

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
            boolean old = json.path("_class_name").asText().equals(OLD_CLASS);
            DiffusersConfigReader keys = new DiffusersConfigReader(json, old ? OLD_CLASS : CLASS, warn);
            keys.only("norm_type", TextNode.valueOf("ada_norm_zero"));
            if (old) {
                for (String key : List.of("cross_attention_dim", "num_vector_embeds", "caption_channels", "interpolation_scale")) {
                    keys.only(key, NullNode.instance);
                }
                for (String key : List.of("double_self_attention", "only_cross_attention")) keys.only(key, BooleanNode.FALSE);
                keys.only("attention_type", TextNode.valueOf("default"));
                keys.unused("use_linear_projection", "use_additional_conditions");   // of pictures that are not cut into patches
            }
            Config read = new Config(keys.whole("num_attention_heads", 16), keys.whole("attention_head_dim", 72),
                keys.whole("in_channels", 4), keys.wholeOr0("out_channels", 0), keys.whole("num_layers", 28), keys.number("dropout", 0),
                keys.whole("norm_num_groups", 32), keys.yes("attention_bias", true), keys.size("sample_size", List.of(32)),
                keys.whole("patch_size", 2), keys.choice("activation_fn", FeedForward.Kind.GELU_APPROXIMATE, FeedForward.Kind::key),
                keys.whole("num_embeds_ada_norm", 1000), keys.yes("upcast_attention", false), keys.yes("norm_elementwise_affine", false),
                keys.number("norm_eps", 1e-5));
            keys.others();
            return read;
        }

        /** What {@link #fromJson} reads, and diffusers' {@code DiTTransformer2DModel.from_config}. */
        public ObjectNode toJson() {
            ObjectNode json = DiffusersConfigReader.object(CLASS);
            json.set("sample_size", DiffusersConfigReader.oneOrList(sampleSize));
            return json.put("num_attention_heads", numAttentionHeads).put("attention_head_dim", attentionHeadDim)
                .put("in_channels", inChannels).put("out_channels", DiffusersConfigReader.orNull(outChannels)).put("num_layers", numLayers)
                .put("dropout", dropout).put("norm_num_groups", normNumGroups).put("attention_bias", attentionBias)
                .put("patch_size", patchSize).put("activation_fn", activationFn.key())
                .put("num_embeds_ada_norm", numEmbedsAdaNorm).put("upcast_attention", upcastAttention).put("norm_type", "ada_norm_zero")
                .put("norm_elementwise_affine", normElementwiseAffine).put("norm_eps", normEps);
        }
    }

    /** Time and class as one vector; every block has its own. */
    private static final class Conditioning extends Module {
        private final TimeEmbedding.Mlp times;
        private final Embedding classes;

        Conditioning(Config c, Rng rng) {
            times = child("timestep_embedder", new TimeEmbedding.Mlp(WAVES, c.width(), rng));
            classes = child("class_embedder.embedding_table", new Embedding(c.numEmbedsAdaNorm() + 1, c.width(), rng));
        }

        /** t [B], labels I64 [B] to [B,D]. */
        Tensor forward(Tensor t, Tensor labels) {
            return times.forward(TimeEmbedding.waves(t, WAVES, true, 1)).add(classes.forward(labels));
        }
    }

    /** x + gate attention(norm(x)), + gate feed-forward(norm(x)); norms and gates by time and class, section 3.2. */
    private static final class Block extends Module {
        private final Conditioning emb;
        private final Linear modulation;
        private final Attention attn1;
        private final Norm.@Nullable Layer norm3;
        private final FeedForward ff;
        private final Config config;

        Block(Config c, Rng rng) {
            config = c;
            int width = c.width();
            emb = child("norm1.emb", new Conditioning(c, rng));
            modulation = child("norm1.linear", new Linear(width, 6 * width, Init.ZERO, Init.ZERO, rng));
            attn1 = child("attn1", new Attention(width, width, c.numAttentionHeads(), c.attentionHeadDim(), c.attentionBias(), rng));
            norm3 = c.normElementwiseAffine() ? child("norm3", new Norm.Layer(width, c.normEps())) : null;
            ff = child("ff", new FeedForward(width, c.activationFn(), c.dropout(), rng));
        }

        /** @param bias added to the attention's logits; null for nothing */
        Tensor forward(Tensor x, Tensor t, Tensor labels, @Nullable Tensor bias, @Nullable Rng rng) {
            Tensor[] m = modulation.forward(emb.forward(t, labels).silu()).unsqueeze(1).chunk(6, 2);   // 6 x [B,1,D]
            Tensor n = modulated(Torch.layerNorm(x, null, null, EPS), m[0], m[1]);
            Tensor attended = FeedForward.dropped(this, attn1.attend(n, n, bias), config.dropout(), rng);
            Tensor a = x.add(m[2].mul(attended));
            Tensor n3 = norm3 == null ? Torch.layerNorm(a, null, null, config.normEps()) : norm3.forward(a);
            return a.add(m[5].mul(ff.forward(modulated(n3, m[3], m[4]), rng)));
        }
    }

    private static Tensor modulated(Tensor x, Tensor shift, Tensor scale) { return x.mul(scale.add(1)).add(shift); }

    private final Config config;
    private final Conv2d patches;
    private final List<Block> blocks = new ArrayList<>();
    private final Linear lastModulation;
    private final Linear out;

    /** A network of fresh weights, whose answer is 0. */
    public Dit(Config config, Rng rng) {
        this.config = config;
        int width = config.width(), p = config.patchSize();
        patches = child("pos_embed.proj", new Conv2d(config.inChannels(), width, p, p, 0, rng));
        for (int i = 0; i < config.numLayers(); i++) blocks.add(child("transformer_blocks." + i, new Block(config, rng)));
        lastModulation = child("proj_out_1", new Linear(width, 2 * width, Init.ZERO, Init.ZERO, rng));
        out = child("proj_out_2", new Linear(width, p * p * config.channelsOut(), Init.ZERO, Init.ZERO, rng));
    }

    public Config config() { return config; }

    /** The label of no class, which some labels become in training, for guidance. */
    public int noClass() { return config.numEmbedsAdaNorm(); }

    /** {@link #forward(Tensor, Tensor, Tensor, Rng)} without dropout of anything. */
    public Tensor forward(Tensor x, Tensor t, Tensor labels) { return forward(x, t, labels, null); }

    /**
     * x [B,in,S,S] with S a multiple of the patch, or [B,in,H,W] of the shape in training where that is no square; t [B], times in steps;
     * labels I64 [B], {@link #noClass} among them; result [B,out,S,S] or [B,out,H,W].
     *
     * @param rng draws the dropout of training, and which labels become none there (1 in 10); null = no label does
     * @throws IllegalArgumentException for other shapes
     */
    public Tensor forward(Tensor x, Tensor t, Tensor labels, @Nullable Rng rng) {
        int p = config.patchSize();
        int high = config.sampleHeight(), wide = config.sampleWidth();
        boolean shaped = x.dims() == 4 && x.size(1) == config.inChannels() && x.size(2) * wide == x.size(3) * high;
        if (!shaped || x.size(2) % p != 0 || x.size(3) % p != 0) {
            String shape = high == wide ? "squares [B," + config.inChannels() + ",S,S]"
                : "[B," + config.inChannels() + ",H,W] of the shape " + high + ":" + wide;
            throw new ArgumentException("the transformer wants " + shape + " with multiples of " + p + ", got " + x);
        }
        long b = x.size(0);
        if (t.dims() != 1 || t.size(0) != b || labels.dims() != 1 || labels.size(0) != b) {
            throw new ArgumentException("the transformer wants a time and a label for each of " + b + " items, got " + t + " and "
                + labels);
        }
        return Scope.run(() -> predicted(x, t, training() && rng != null ? dropped(labels, rng) : labels, null, null, rng));
    }

    /**
     * As {@link #forward(Tensor, Tensor, Tensor)},
         where each block also sees tokens that stand before the patches: in-context conditioning,
     * section 3.2.
     *
     * @param tokens [B,L,D], as wide as the network
     * @param mask [B,L], 0 = not attended to; null where all are
     */
    public Tensor forward(Tensor x, Tensor t, Tensor labels, Tensor tokens, @Nullable Tensor mask) {
        return Scope.run(() -> predicted(x, t, labels, tokens, mask, null));
    }

    private Tensor dropped(Tensor labels, Rng rng) {
        Tensor none = Torch.of(new long[] {noClass()}, 1).to(labels.device());
        return none.where(rng.uniform(labels.size(0)).to(labels.device()).lt(LABEL_DROPOUT), labels);
    }

    private Tensor predicted(Tensor x, Tensor t, Tensor labels, @Nullable Tensor tokens, @Nullable Tensor mask, @Nullable Rng rng) {
        int rows = (int) x.size(2) / config.patchSize(), columns = (int) x.size(3) / config.patchSize();
        Tensor h = patches.forward(x).flatten(2).transpose(1, 2).add(positions(rows, columns).to(x.dtype()).to(x.device()));   // [B,L,D]
        long patches = h.size(1);
        Tensor bias = mask == null ? null : Torch.cat(1, mask.to(x.dtype()),
            Torch.ones(x.size(0), patches).to(x.dtype()).to(x.device())).sub(1).mul(HIDDEN).unsqueeze(1).unsqueeze(1);   // [B,1,1,L+P]
        if (tokens != null) h = Torch.cat(1, tokens.to(h.dtype()), h);   // [B,L+P,D]
        for (Block block : blocks) {
            Tensor in = h;
            h = Scope.run(() -> block.forward(in, t, labels, bias, rng));
        }
        if (tokens != null) h = h.narrow(1, tokens.size(1), patches);
        Tensor c = blocks.get(0).emb.forward(t, labels).silu();
        Tensor[] m = lastModulation.forward(c).unsqueeze(1).chunk(2, 2);   // [B,1,D] each
        return picture(out.forward(modulated(Torch.layerNorm(h, null, null, EPS), m[0], m[1])), rows, columns).to(x.dtype());
    }

    /** Positions [1,rows columns,D]: whatever the size, they run from 0 to the number of patches in training. */
    private Tensor positions(int rows, int columns) {
        double down = (double) (config.sampleHeight() / config.patchSize()) / rows;
        double across = (double) (config.sampleWidth() / config.patchSize()) / columns;
        return SinePositions.grid(rows, down, columns, across, config.width());
    }

    /** [B,rows columns,p p out] to [B,out,rows p,columns p]. */
    private Tensor picture(Tensor y, int rows, int columns) {
        int p = config.patchSize(), c = config.channelsOut();
        return y.reshape(-1, rows, columns, p, p, c).permute(0, 5, 1, 3, 2, 4).reshape(-1, c, (long) rows * p, (long) columns * p);
    }
}
