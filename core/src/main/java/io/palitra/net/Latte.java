package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Conv2d;
import io.palitra.nn.Init;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The diffusion transformer of videos from text: patches of a frame attend to each other and to the text, then each patch to itself in
 * the other frames, in turn (Ma et al. 2024, arXiv:2401.03048). Configuration and names of tensors are those of diffusers'
 * {@code LatteTransformer3DModel}, so that each side reads the other's checkpoints.
 */
public final class Latte extends Module {
    private static final double EPS = 1e-6;
    private static final int WAVES = 256;

    /** What modulates the norms of a block: the time, or nothing. */
    public enum NormType { ADA_NORM_SINGLE, LAYER_NORM }

    /**
     * diffusers' keys in camel case, and what Python calls None is 0.
     *
     * @param attentionHeadDim width of a head; the network's is this times the heads
     * @param outChannels 0 = as many as come in; twice as many where the variance is learned, too
     * @param crossAttentionDim the network's width, or 0: no attention to the text
     * @param attentionBias of queries, keys and values
     * @param sampleSize side of the frames in training
     * @param numEmbedsAdaNorm kept for the file: it changes nothing
     * @param captionChannels width of the text
     * @param videoLength frames of a video, unless it has one
     */
    public record Config(int numAttentionHeads, int attentionHeadDim, int inChannels, int outChannels, int numLayers, double dropout,
            int crossAttentionDim, boolean attentionBias, int sampleSize, int patchSize, FeedForward.Kind activationFn,
            int numEmbedsAdaNorm, NormType normType, boolean normElementwiseAffine, double normEps, int captionChannels,
            int videoLength) {
        private static final String CLASS = "LatteTransformer3DModel";
        private static final int WIDEST = 1 << 16;

        public Config {
            between("num_attention_heads", numAttentionHeads, 1, WIDEST);
            between("attention_head_dim", attentionHeadDim, 1, WIDEST);
            between("in_channels", inChannels, 1, WIDEST);
            between("out_channels", outChannels, 0, WIDEST);
            between("num_layers", numLayers, 1, 1000);
            between("patch_size", patchSize, 1, 1024);
            between("sample_size", sampleSize, patchSize, WIDEST);
            between("num_embeds_ada_norm", numEmbedsAdaNorm, 0, 1 << 24);
            between("caption_channels", captionChannels, 1, WIDEST);
            between("video_length", videoLength, 1, WIDEST);
            long width = (long) numAttentionHeads * attentionHeadDim;
            DiffusersConfigReader.check(width % 4 == 0 && width <= WIDEST, "attention_head_dim", attentionHeadDim,
                "such that the width of " + numAttentionHeads + " heads is a multiple of 4, at most " + WIDEST);
            DiffusersConfigReader.check(crossAttentionDim == 0 || crossAttentionDim == width, "cross_attention_dim", crossAttentionDim,
                "null or the width of all heads, " + width);
            DiffusersConfigReader.check(dropout >= 0 && dropout < 1, "dropout", dropout, "at least 0 and below 1");
            DiffusersConfigReader.check(normEps > 0, "norm_eps", normEps, "above 0");
        }

        private static void between(String key, int value, int from, int to) {
            DiffusersConfigReader.check(value >= from && value <= to, key, value, from + " to " + to);
        }

        public int width() { return numAttentionHeads * attentionHeadDim; }

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
            DiffusersConfigReader keys = new DiffusersConfigReader(json, CLASS, warn);
            Config read = new Config(keys.whole("num_attention_heads", 16), keys.whole("attention_head_dim", 88),
                keys.wholeOr0("in_channels", 0), keys.wholeOr0("out_channels", 0), keys.whole("num_layers", 1), keys.number("dropout", 0),
                keys.wholeOr0("cross_attention_dim", 0), keys.yes("attention_bias", false), keys.whole("sample_size", 64),
                keys.wholeOr0("patch_size", 0), keys.choice("activation_fn", FeedForward.Kind.GEGLU, FeedForward.Kind::key),
                keys.wholeOr0("num_embeds_ada_norm", 0), keys.choice("norm_type", NormType.LAYER_NORM),
                keys.yes("norm_elementwise_affine", true), keys.number("norm_eps", 1e-5), keys.wholeOr0("caption_channels", 0),
                keys.whole("video_length", 16));
            keys.others();
            return read;
        }

        /** What {@link #fromJson} reads, and diffusers' {@code LatteTransformer3DModel.from_config}. */
        public ObjectNode toJson() {
            return DiffusersConfigReader.object(CLASS).put("num_attention_heads", numAttentionHeads)
                .put("attention_head_dim", attentionHeadDim).put("in_channels", inChannels)
                .put("out_channels", DiffusersConfigReader.orNull(outChannels)).put("num_layers", numLayers).put("dropout", dropout)
                .put("cross_attention_dim", DiffusersConfigReader.orNull(crossAttentionDim)).put("attention_bias", attentionBias)
                .put("sample_size", sampleSize).put("patch_size", patchSize).put("activation_fn", activationFn.key())
                .put("num_embeds_ada_norm", DiffusersConfigReader.orNull(numEmbedsAdaNorm))
                .put("norm_type", DiffusersConfigReader.lower(normType)).put("norm_elementwise_affine", normElementwiseAffine)
                .put("norm_eps", normEps).put("caption_channels", captionChannels).put("video_length", videoLength);
        }
    }

    /** Shift, scale and gate of the attention, then of the feed-forward layers; [N,1,D] each. */
    private record Modulation(Tensor shift, Tensor scale, Tensor gate, Tensor shiftFf, Tensor scaleFf, Tensor gateFf) {}

    /** x + attention(norm(x)), + attention(x, text), + feed-forward(norm(x)); the time modulates the first and the last. */
    private static final class Block extends Module {
        private final Config config;
        private final @Nullable Tensor table;
        private final @Nullable Module norm1;
        private final Attention attn1;
        private final @Nullable Module norm2;
        private final @Nullable Attention attn2;
        private final @Nullable Module norm3;
        private final FeedForward ff;

        Block(Config c, boolean crosses, Rng rng) {
            config = c;
            int width = c.width(), heads = c.numAttentionHeads();
            boolean timed = c.normType() == NormType.ADA_NORM_SINGLE;
            table = timed ? parameter("scale_shift_table", Torch.zeros(6, width)) : null;
            norm1 = norm("norm1");
            attn1 = child("attn1", new Attention(width, width, heads, c.attentionHeadDim(), c.attentionBias(), rng));
            norm2 = crosses || timed ? norm("norm2") : null;
            attn2 = crosses ? child("attn2", new Attention(width, width, heads, c.attentionHeadDim(), c.attentionBias(), rng)) : null;
            if (attn2 != null && timed) {   // it has no gate of its own
                attn2.parameters().forEach((key, p) -> {
                    if (key.startsWith("to_out")) p.fill(0);
                });
            }
            norm3 = timed ? null : norm("norm3");
            ff = child("ff", new FeedForward(width, c.activationFn(), c.dropout(), rng));
        }

        private @Nullable Module norm(String name) {
            return config.normElementwiseAffine() ? child(name, new Norm.Layer(config.width(), config.normEps())) : null;
        }

        private Tensor normed(@Nullable Module norm, Tensor x) {
            return norm instanceof Norm.Layer layer ? layer.forward(x) : Torch.layerNorm(x, null, null, config.normEps());
        }

        /** x [N,L,D]; time [N,6 D], text [N,S,D]; bias [N,1,1,S]. */
        Tensor forward(Tensor x, Tensor time, @Nullable Tensor text, @Nullable Tensor bias, @Nullable Rng rng) {
            Modulation m = table == null ? null : modulation(table, time);
            Tensor n1 = normed(norm1, x);
            Tensor in = m == null ? n1 : modulated(n1, m.shift, m.scale);
            Tensor own = dropped(attn1.attend(in, in, null), rng);
            Tensor a = x.add(m == null ? own : m.gate.mul(own));
            Tensor b = attn2 == null || text == null ? a
                : a.add(dropped(attn2.attend(m == null ? normed(norm2, a) : a, text, bias), rng));
            Tensor n3 = m == null ? normed(norm3, b) : modulated(normed(norm2, b), m.shiftFf, m.scaleFf);
            Tensor y = ff.forward(n3, rng);
            return b.add(m == null ? y : m.gateFf.mul(y));
        }

        private Tensor dropped(Tensor x, @Nullable Rng rng) { return FeedForward.dropped(this, x, config.dropout(), rng); }

        private static Modulation modulation(Tensor table, Tensor time) {
            Tensor[] m = table.unsqueeze(0).add(time.reshape(time.size(0), 6, -1)).chunk(6, 1);
            return new Modulation(m[0], m[1], m[2], m[3], m[4], m[5]);
        }
    }

    private static Tensor modulated(Tensor x, Tensor shift, Tensor scale) { return x.mul(scale.add(1)).add(shift); }

    private final Config config;
    private final Conv2d patches;
    private final List<Block> spatial = new ArrayList<>();
    private final List<Block> temporal = new ArrayList<>();
    private final Tensor lastTable;
    private final Linear out;
    private final TimeEmbedding.Mlp times;
    private final Linear modulation;
    private final Linear caption1;
    private final Linear caption2;

    /** A network of fresh weights, whose answer is 0. */
    public Latte(Config config, Rng rng) {
        this.config = config;
        int width = config.width(), p = config.patchSize();
        patches = child("pos_embed.proj", new Conv2d(config.inChannels(), width, p, p, 0, rng));
        for (int i = 0; i < config.numLayers(); i++) {
            spatial.add(child("transformer_blocks." + i, new Block(config, config.crossAttentionDim() > 0, rng)));
            temporal.add(child("temporal_transformer_blocks." + i, new Block(config, false, rng)));
        }
        lastTable = parameter("scale_shift_table", Torch.zeros(2, width));
        out = child("proj_out", new Linear(width, p * p * config.channelsOut(), Init.ZERO, Init.ZERO, rng));
        times = child("adaln_single.emb.timestep_embedder", new TimeEmbedding.Mlp(WAVES, width, rng));
        modulation = child("adaln_single.linear", new Linear(width, 6 * width, Init.ZERO, Init.ZERO, rng));
        caption1 = child("caption_projection.linear_1", new Linear(config.captionChannels(), width, rng));
        caption2 = child("caption_projection.linear_2", new Linear(width, width, rng));
    }

    public Config config() { return config; }

    /** {@link #forward(Tensor, Tensor, Tensor, Tensor, boolean, Rng)} of all tokens of the text, without dropout. */
    public Tensor forward(Tensor x, Tensor t, @Nullable Tensor text, boolean temporal) {
        return forward(x, t, text, null, temporal, null);
    }

    /**
     * x [B,in,F,H,W] with F = {@link Config#videoLength} or 1, H and W multiples of the patch; t [B], times in steps; result
     * [B,out,F,H,W].
     *
     * @param text [B,S,captionChannels]; null only for a network that does not attend to it
     * @param mask of the text's tokens, [B,S], 0 = padding that is not attended to; null for none
     * @param temporal whether frames attend to each other; otherwise each is a picture of its own, and F may be any
     * @param rng draws the dropout of training; null without dropout
     * @throws IllegalArgumentException for other shapes
     */
    public Tensor forward(Tensor x, Tensor t, @Nullable Tensor text, @Nullable Tensor mask, boolean temporal, @Nullable Rng rng) {
        int p = config.patchSize();
        if (x.dims() != 5 || x.size(1) != config.inChannels() || x.size(3) % p != 0 || x.size(4) % p != 0) {
            throw new ArgumentException("the video transformer wants [B," + config.inChannels() + ",F,H,W], H and W multiples of " + p
                + ", got " + x);
        }
        long b = x.size(0), frames = x.size(2);
        if (temporal && frames != 1 && frames != config.videoLength()) {
            throw new ArgumentException("the video transformer wants " + config.videoLength() + " frames, or 1, got " + frames);
        }
        if (t.dims() != 1 || t.size(0) != b) {
            throw new ArgumentException("the video transformer wants a time for each of " + b + " items, got " + t);
        }
        boolean fits = text == null ? config.crossAttentionDim() == 0
            : text.dims() == 3 && text.size(0) == b && text.size(2) == config.captionChannels();
        if (!fits) {
            throw new ArgumentException("the video transformer wants a text [" + b + ",S," + config.captionChannels() + "], got "
                + (text == null ? "none" : text));
        }
        if (mask != null && (text == null || mask.dims() != 2 || mask.size(0) != b || mask.size(1) != text.size(1))) {
            throw new ArgumentException("the video transformer wants a mask of the text's tokens " + text + ", got " + mask);
        }
        return Scope.run(() -> predicted(x, t, text, mask, temporal, rng));
    }

    private Tensor predicted(Tensor x, Tensor t, @Nullable Tensor text, @Nullable Tensor mask, boolean temporal, @Nullable Rng rng) {
        long b = x.size(0), frames = x.size(2);
        int rows = (int) x.size(3) / config.patchSize(), columns = (int) x.size(4) / config.patchSize();
        Tensor pictures = x.permute(0, 2, 1, 3, 4).reshape(b * frames, config.inChannels(), x.size(3), x.size(4));
        Tensor h = patches.forward(pictures).flatten(2).transpose(1, 2).add(positions(rows, columns, x));   // [B F,L,D]
        Tensor embedded = times.forward(TimeEmbedding.waves(t, WAVES, true, 0).to(x.dtype()));               // [B,D]
        Tensor time = modulation.forward(embedded.silu());                                                   // [B,6 D]
        Tensor timeOfFrames = each(time, frames), timeOfPlaces = each(time, (long) rows * columns);
        Tensor words = text == null ? null : each(caption2.forward(caption1.forward(text).geluTanh()), frames);
        Tensor bias = mask == null ? null
            : each(mask.to(x.dtype()).rsub(1).mul(-10000), frames).unsqueeze(1).unsqueeze(1);                // [B F,1,1,S]
        for (int i = 0; i < spatial.size(); i++) {
            int at = i;
            Tensor in = h;
            h = Scope.run(() -> {
                Tensor seen = spatial.get(at).forward(in, timeOfFrames, words, bias, rng);
                return temporal ? acrossFrames(at, seen, b, frames, timeOfPlaces, rng) : seen;
            });
        }
        Tensor[] m = lastTable.unsqueeze(0).add(each(embedded, frames).unsqueeze(1)).chunk(2, 1);            // shift, scale [B F,1,D]
        return video(out.forward(modulated(Torch.layerNorm(h, null, null, EPS), m[0], m[1])), b, frames, rows, columns).to(x.dtype());
    }

    /** Places beside each other become frames beside each other, and back. x [B F,L,D]. */
    private Tensor acrossFrames(int layer, Tensor x, long b, long frames, Tensor time, @Nullable Rng rng) {
        long places = x.size(1), width = x.size(2);
        Tensor turned = x.reshape(b, frames, places, width).transpose(1, 2).reshape(b * places, frames, width);
        Tensor placed = layer > 0 || frames == 1 ? turned
            : turned.add(SinePositions.of((int) frames, 1, (int) width).to(DType.F32).to(x.dtype()).to(x.device()));
        Tensor y = temporal.get(layer).forward(placed, time, null, null, rng);
        return y.reshape(b, places, frames, width).transpose(1, 2).reshape(b * frames, places, width);
    }

    /** Each item n times in a row. */
    private static Tensor each(Tensor x, long n) {
        long[] shape = x.shape(), wide = new long[shape.length + 1];
        wide[0] = shape[0];
        wide[1] = n;
        System.arraycopy(shape, 1, wide, 2, shape.length - 1);
        shape[0] *= n;
        return x.unsqueeze(1).expand(wide).reshape(shape);
    }

    private Tensor positions(int rows, int columns, Tensor like) {
        int base = config.sampleSize() / config.patchSize();
        double scale = Math.max(config.sampleSize() / 64, 1);
        double down = base / scale / rows, across = base / scale / columns;
        return SinePositions.grid(rows, down, columns, across, config.width()).to(like.dtype()).to(like.device());
    }

    /** [B F,rows columns,p p out] to [B,out,F,rows p,columns p]. */
    private Tensor video(Tensor y, long b, long frames, int rows, int columns) {
        int p = config.patchSize(), c = config.channelsOut();
        return y.reshape(b, frames, rows, columns, p, p, c).permute(0, 6, 1, 2, 4, 3, 5)
            .reshape(b, c, frames, (long) rows * p, (long) columns * p);
    }
}
