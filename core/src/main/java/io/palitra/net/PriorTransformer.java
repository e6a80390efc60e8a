package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The prior of DALL-E 2: a transformer that estimates a picture's CLIP vector from a noisy one, the time, and a text's vector and tokens
 * (Ramesh et al. 2022, arXiv:2204.06125). Configuration and names of tensors are those of diffusers' {@code PriorTransformer}.
 */
public final class PriorTransformer extends Module {
    /** What is added where a token is not attended to. */
    private static final double HIDDEN = -10000;

    /** The last token, at which the answer is read, or none: then each noisy vector has an answer. */
    public enum AddedToken { PRD, NONE }

    /**
     * diffusers' keys in camel case, and what Python calls None is 0.
     *
     * @param attentionHeadDim width of a head; the network's is this times the heads
     * @param embeddingDim width of the noisy vector, of the text's tokens and, without clipEmbedDim, of the answer
     * @param numEmbeddings tokens of the text that have a position; of a network without them noisy vectors of an item
     * @param additionalEmbeddings positions of the tokens after these: the text's vector, the time, the noisy vector, the last; 0 = none
     * @param timeEmbedActFn between the two layers that embed the time
     * @param normIn whether a norm precedes the blocks: {@code norm_in_type}
     * @param embeddingProjNorm whether a norm precedes the projection of the text's vector: {@code embedding_proj_norm_type}
     * @param encoderHidProj whether tokens of the text are an input: {@code encoder_hid_proj_type}
     * @param addedEmbType the last token
     * @param timeEmbedDim width of the first layer of the time, 0 = the network's
     * @param embeddingProjDim width of the text's vector, 0 = embeddingDim
     * @param clipEmbedDim width of the answer, 0 = embeddingDim
     */
    public record Config(int numAttentionHeads, int attentionHeadDim, int numLayers, int embeddingDim, int numEmbeddings,
            int additionalEmbeddings, double dropout, Activation timeEmbedActFn, boolean normIn, boolean embeddingProjNorm,
            boolean encoderHidProj, AddedToken addedEmbType, int timeEmbedDim, int embeddingProjDim, int clipEmbedDim) {
        private static final String CLASS = "PriorTransformer";
        private static final int WIDEST = 1 << 16;
        private static final String LAYER = "layer";
        private static final String LINEAR = "linear";
        private static final String PRD = "prd";

        public Config {
            between("num_attention_heads", numAttentionHeads, 1, WIDEST);
            between("attention_head_dim", attentionHeadDim, 1, WIDEST);
            between("num_layers", numLayers, 1, 1000);
            between("embedding_dim", embeddingDim, 1, WIDEST);
            between("num_embeddings", numEmbeddings, 0, WIDEST);
            between("additional_embeddings", additionalEmbeddings, numEmbeddings == 0 ? 1 : 0, WIDEST);
            between("time_embed_dim", timeEmbedDim, 0, WIDEST);
            between("embedding_proj_dim", embeddingProjDim, 0, WIDEST);
            between("clip_embed_dim", clipEmbedDim, 0, WIDEST);
            long width = (long) numAttentionHeads * attentionHeadDim;
            DiffusersConfigReader.check(width >= 2 && width <= WIDEST, "attention_head_dim", attentionHeadDim, "such that the width of "
                + numAttentionHeads + " heads is 2 to " + WIDEST);
            DiffusersConfigReader.check(dropout >= 0 && dropout < 1, "dropout", dropout, "at least 0 and below 1");
        }

        private static void between(String key, int value, int from, int to) {
            DiffusersConfigReader.check(value >= from && value <= to, key, value, from + " to " + to);
        }

        public int width() { return numAttentionHeads * attentionHeadDim; }

        /** Width of the text's vector. */
        public int textWidth() { return embeddingProjDim > 0 ? embeddingProjDim : embeddingDim; }

        /** Width of the answer. */
        public int pictureWidth() { return clipEmbedDim > 0 ? clipEmbedDim : embeddingDim; }

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
            Config read = new Config(keys.whole("num_attention_heads", 32), keys.whole("attention_head_dim", 64),
                keys.whole("num_layers", 20), keys.whole("embedding_dim", 768), keys.whole("num_embeddings", 77),
                keys.whole("additional_embeddings", 4), keys.number("dropout", 0), keys.activation("time_embed_act_fn"),
                keys.oneOrNull("norm_in_type", false, LAYER), keys.oneOrNull("embedding_proj_norm_type", false, LAYER),
                keys.oneOrNull("encoder_hid_proj_type", true, LINEAR),
                keys.oneOrNull("added_emb_type", true, PRD) ? AddedToken.PRD : AddedToken.NONE,
                keys.wholeOr0("time_embed_dim", 0), keys.wholeOr0("embedding_proj_dim", 0), keys.wholeOr0("clip_embed_dim", 0));
            keys.others();
            return read;
        }

        /** What {@link #fromJson} reads, and diffusers' {@code PriorTransformer.from_config}. */
        public ObjectNode toJson() {
            return DiffusersConfigReader.object(CLASS).put("num_attention_heads", numAttentionHeads)
                .put("attention_head_dim", attentionHeadDim).put("num_layers", numLayers).put("embedding_dim", embeddingDim)
                .put("num_embeddings", numEmbeddings).put("additional_embeddings", additionalEmbeddings).put("dropout", dropout)
                .put("time_embed_act_fn", DiffusersConfigReader.lower(timeEmbedActFn)).put("norm_in_type", normIn ? LAYER : null)
                .put("embedding_proj_norm_type", embeddingProjNorm ? LAYER : null)
                .put("encoder_hid_proj_type", encoderHidProj ? LINEAR : null)
                .put("added_emb_type", addedEmbType == AddedToken.PRD ? PRD : null)
                .put("time_embed_dim", DiffusersConfigReader.orNull(timeEmbedDim))
                .put("embedding_proj_dim", DiffusersConfigReader.orNull(embeddingProjDim))
                .put("clip_embed_dim", DiffusersConfigReader.orNull(clipEmbedDim));
        }
    }

    /** x + attention(norm(x)), + feed-forward(norm(x)). */
    private static final class Block extends Module {
        private final double dropout;
        private final Norm.Layer norm1;
        private final Attention attn1;
        private final Norm.Layer norm3;
        private final FeedForward ff;

        Block(Config c, Rng rng) {
            dropout = c.dropout();
            int width = c.width();
            norm1 = child("norm1", new Norm.Layer(width, 1e-5));
            attn1 = child("attn1", new Attention(width, width, c.numAttentionHeads(), c.attentionHeadDim(), true, rng));
            norm3 = child("norm3", new Norm.Layer(width, 1e-5));
            ff = child("ff", new FeedForward(width, FeedForward.Kind.GELU, c.dropout(), rng));
        }

        Tensor forward(Tensor x, @Nullable Tensor bias, @Nullable Rng rng) {
            Tensor n1 = norm1.forward(x);
            Tensor a = x.add(FeedForward.dropped(this, attn1.attend(n1, n1, bias), dropout, rng));
            return a.add(ff.forward(norm3.forward(a), rng));
        }
    }

    private final Config config;
    private final TimeEmbedding.Mlp times;
    private final Linear projIn;
    private final Norm.@Nullable Layer textNorm;
    private final Linear textProj;
    private final @Nullable Linear tokensProj;
    private final Tensor positions;
    private final @Nullable Tensor last;
    private final List<Block> blocks = new ArrayList<>();
    private final Norm.@Nullable Layer normIn;
    private final Norm.Layer normOut;
    private final Linear out;
    private final Tensor mean;
    private final Tensor deviation;

    /** A network of fresh weights; the mean and deviation of pictures' vectors are 0 and 1. */
    public PriorTransformer(Config config, Rng rng) {
        this.config = config;
        int width = config.width();
        times = child("time_embedding", new TimeEmbedding.Mlp(width, config.timeEmbedDim() > 0 ? config.timeEmbedDim() : width, width,
            config.timeEmbedActFn(), null, 0, rng));
        projIn = child("proj_in", new Linear(config.embeddingDim(), width, rng));
        textNorm = config.embeddingProjNorm() ? child("embedding_proj_norm", new Norm.Layer(config.textWidth(), 1e-5)) : null;
        textProj = child("embedding_proj", new Linear(config.textWidth(), width, rng));
        tokensProj = config.encoderHidProj() ? child("encoder_hidden_states_proj", new Linear(config.embeddingDim(), width, rng)) : null;
        positions = parameter("positional_embedding",
            rng.normal(1, config.numEmbeddings() + config.additionalEmbeddings(), width).mul(0.01));
        last = config.addedEmbType() == AddedToken.PRD ? parameter("prd_embedding", rng.normal(1, 1, width).mul(0.01)) : null;
        for (int i = 0; i < config.numLayers(); i++) blocks.add(child("transformer_blocks." + i, new Block(config, rng)));
        normIn = config.normIn() ? child("norm_in", new Norm.Layer(width, 1e-5)) : null;
        normOut = child("norm_out", new Norm.Layer(width, 1e-5));
        out = child("proj_to_clip_embeddings", new Linear(width, config.pictureWidth(), rng));
        mean = buffer("clip_mean", Torch.zeros(1, config.pictureWidth()));
        deviation = buffer("clip_std", Torch.ones(1, config.pictureWidth()));
    }

    public Config config() { return config; }

    /** {@link #forward(Tensor, Tensor, Tensor, Tensor, Tensor, Rng)} without dropout. */
    public Tensor forward(Tensor x, Tensor t, Tensor text, @Nullable Tensor tokens, @Nullable Tensor mask) {
        return forward(x, t, text, tokens, mask, null);
    }

    /**
     * The estimate of pictures' vectors in units of their deviation, of which {@link #unscaled} makes CLIP's: [B,P], or where no token is
     * added [B,N,P].
     *
     * @param x [B,D] noisy vectors, or [B,N,D], several of an item
     * @param t [B], times in steps
     * @param text [B,D'] vectors of the texts
     * @param tokens [B,S,D] states of the texts' tokens, S = numEmbeddings; null only for a network without
     * @param mask [B,S], 0 = padding: then no token attends to later ones, either; null: all tokens attend to all
     * @param rng draws the dropout of training; null without dropout
     * @throws IllegalArgumentException for other shapes
     */
    public Tensor forward(Tensor x, Tensor t, Tensor text, @Nullable Tensor tokens, @Nullable Tensor mask, @Nullable Rng rng) {
        int given = config.embeddingDim();
        wants("noisy vectors [B," + given + "]", x, (x.dims() == 2 || x.dims() == 3) && x.size(x.dims() - 1) == given);
        long b = x.size(0);
        wants("a time for each of " + b + " items", t, t.dims() == 1 && t.size(0) == b);
        wants("vectors of texts [" + b + "," + config.textWidth() + "]", text, text.dims() == 2 && text.size(0) == b
            && text.size(1) == config.textWidth());
        int width = tokensProj == null ? config.width() : given;
        boolean fits = tokens == null ? tokensProj == null : tokens.dims() == 3 && tokens.size(0) == b && tokens.size(2) == width;
        wants("tokens of texts [" + b + "," + config.numEmbeddings() + "," + width + "]", tokens, fits);
        long before = (tokens == null ? 0 : tokens.size(1)) + 2, vectors = x.dims() == 2 ? 1 : x.size(1), ends = last == null ? 0 : 1;
        long places = positions.size(1), length = before + vectors + ends;
        if (length != places && vectors != places) {
            throw new ArgumentException("the prior has positions for " + places + " tokens, got " + (before - 2) + " of a text and "
                + (length - before + 2) + " more");
        }
        wants("a mask [" + b + "," + config.numEmbeddings() + "] of the texts' tokens", mask, mask == null || mask.dims() == 2
            && mask.size(0) == b && mask.size(1) == config.numEmbeddings() && length == places);
        return Scope.run(() -> predicted(x, t, text, tokens, mask, rng));
    }

    private static void wants(String what, @Nullable Tensor got, boolean fits) {
        if (!fits) throw new ArgumentException("the prior wants " + what + ", got " + (got == null ? "none" : got));
    }

    private Tensor predicted(Tensor x, Tensor t, Tensor text, @Nullable Tensor tokens, @Nullable Tensor mask, @Nullable Rng rng) {
        List<Tensor> parts = new ArrayList<>();
        if (tokens != null) parts.add(tokensProj == null ? tokens : tokensProj.forward(tokens));
        parts.add(textProj.forward(textNorm == null ? text : textNorm.forward(text)).unsqueeze(1));
        parts.add(times.forward(TimeEmbedding.waves(t, config.width(), true, 0).to(x.dtype())).unsqueeze(1));
        Tensor noisy = projIn.forward(x);
        parts.add(noisy.dims() == 2 ? noisy.unsqueeze(1) : noisy);
        if (last != null) parts.add(last.expand(x.size(0), 1, config.width()));
        Tensor all = Torch.cat(1, parts);   // [B,L,D]
        long answers = x.dims() == 2 ? 1 : x.size(1), end = all.size(1) - (last == null ? 0 : 1);
        Tensor h = all.add(positions.size(1) == all.size(1) ? positions
            : Torch.pad(positions, 0, 0, (int) (end - answers), (int) (all.size(1) - end)));
        Tensor bias = mask == null ? null : bias(mask);
        if (normIn != null) h = normIn.forward(h);
        for (Block block : blocks) {
            Tensor in = h;
            h = Scope.run(() -> block.forward(in, bias, rng));
        }
        Tensor n = normOut.forward(h);
        return out.forward(last == null ? n.narrow(1, end - answers, answers) : n.select(1, end)).to(x.dtype());
    }

    /** mask [B,S] to [B,1,L,L]: padding and later tokens; the tokens after the text are no padding. */
    private Tensor bias(Tensor mask) {
        long n = config.numEmbeddings() + config.additionalEmbeddings();
        Tensor padding = Torch.cat(1, mask.to(positions.dtype()).rsub(1).mul(HIDDEN),
            Torch.zeros(mask.size(0), config.additionalEmbeddings()).to(mask.device()));
        Tensor at = Torch.arange(0, n).to(mask.device());
        Tensor later = Torch.zeros(n, n).to(mask.device()).maskedFill(at.unsqueeze(1).lt(at.unsqueeze(0)), HIDDEN);
        return padding.unsqueeze(1).add(later.unsqueeze(0)).unsqueeze(1);
    }

    /** The estimate as a vector of CLIP: x deviation + mean, diffusers' {@code post_process_latents}. */
    public Tensor unscaled(Tensor x) { return x.mul(deviation).add(mean); }

    /** The inverse of {@link #unscaled}: a vector of CLIP as what the network estimates. */
    public Tensor scaled(Tensor clip) { return clip.sub(mean).div(deviation); }

    /** Sets the mean and deviation of pictures' vectors, [P] or [1,P] each. */
    public void statistics(Tensor means, Tensor deviations) {
        mean.copyFrom(means.reshape(mean.shape()));
        deviation.copyFrom(deviations.reshape(mean.shape()));
    }
}
