package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.net.PerceiverResampler.Size;
import io.palitra.nn.Embedding;
import io.palitra.nn.Init;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * IDEFICS, an open Flamingo (Laurençon et al. 2023, arXiv:2306.16527; Alayrac et al. 2022, arXiv:2204.14198): a LLaMA whose tokens attend
 * to the pictures before them. Configuration and names of tensors are those of transformers' {@code IdeficsForVisionText2Text}. Dropout is
 * not built.
 */
public final class Idefics extends Module {
    private static final String NAME = "IdeficsForVisionText2Text";
    private static final Init SMALL = (rng, fanIn, shape) -> rng.normal(shape).mul(0.02);

    /**
     * transformers' keys in camel case.
     *
     * @param additionalVocabSize tokens after the others, such as those around a picture, with tables of their own
     * @param tieWordEmbeddings the tables of tokens are also the last layer
     * @param crossLayerInterval a block that attends to pictures stands before each so many of the others
     * @param qkLayerNorms whether a norm of each head follows queries and keys of these blocks
     * @param vectorGates their gates are of each channel: {@code alpha_type} vector
     * @param vision of the pictures' encoder, with its embed_dim as hiddenSize
     * @param resampler after it; null: all its tokens are attended to
     */
    public record Config(int vocabSize, int additionalVocabSize, int hiddenSize, int intermediateSize, int numHiddenLayers,
            int numAttentionHeads, HiddenActivation hiddenAct, double rmsNormEps, boolean tieWordEmbeddings, int crossLayerInterval,
            boolean qkLayerNorms, boolean vectorGates, ClipVision.Config vision, @Nullable Size resampler) {
        public Config {
            TransformerKeys.checkRows("vocab_size", vocabSize);
            TransformerKeys.check(additionalVocabSize >= 0 && additionalVocabSize <= 1 << 24, "additional_vocab_size",
                additionalVocabSize, "0 to 2^24");
            TransformerKeys.checkWidth("hidden_size", hiddenSize);
            TransformerKeys.checkWidth("intermediate_size", intermediateSize);
            TransformerKeys.checkDepth("num_hidden_layers", numHiddenLayers);
            TransformerKeys.checkHeads("num_attention_heads", numAttentionHeads, hiddenSize);
            TransformerKeys.check(hiddenSize / numAttentionHeads % 2 == 0, "num_attention_heads", numAttentionHeads,
                "such that a head of the width " + hiddenSize + " has an even width: its halves are rotated");
            TransformerKeys.checkEps("rms_norm_eps", rmsNormEps);
            TransformerKeys.check(crossLayerInterval >= 1 && numHiddenLayers % crossLayerInterval == 0, "cross_layer_interval",
                crossLayerInterval, "a divisor of the " + numHiddenLayers + " layers");
        }

        /**
         * From a {@code config.json} of transformers; missing keys have its defaults.
         *
         * @throws ConfigException for another architecture, and a value that is wrong or that this network does not have
         */
        public static Config fromJson(JsonNode json) {
            TransformerKeys keys = new TransformerKeys(json);
            keys.architecture(NAME, NAME);
            String gates = json.path("alpha_type").asText("float");
            TransformerKeys.check(gates.equals("float") || gates.equals("vector"), "alpha_type", gates, "float or vector");
            JsonNode rope = json.path("rope_parameters");
            TransformerKeys.check(rope.path("rope_type").asText("default").equals("default"), "rope_type", rope.path("rope_type"),
                "default");
            TransformerKeys.check(rope.path("rope_theta").asDouble(Rotary.BASE) == Rotary.BASE, "rope_theta", rope.path("rope_theta"),
                "10000");
            JsonNode none = JsonNodeFactory.instance.objectNode();
            ClipVision.Config vision = vision(keys.part("vision_config").orElse(none));
            Size resampler = keys.yes("use_resampler", false)
                ? resampler(new TransformerKeys(keys.part("perceiver_config").orElse(none)), vision.hiddenSize()) : null;
            return new Config(keys.whole("vocab_size", 32000), keys.whole("additional_vocab_size", 0), keys.whole("hidden_size", 4096),
                keys.whole("intermediate_size", 11008), keys.whole("num_hidden_layers", 32), keys.whole("num_attention_heads", 32),
                keys.activation("hidden_act", HiddenActivation.SILU), keys.number("rms_norm_eps", 1e-6),
                keys.yes("tie_word_embeddings", false), keys.whole("cross_layer_interval", 1), keys.yes("qk_layer_norms", false),
                gates.equals("vector"), vision, resampler);
        }

        private static ClipVision.Config vision(JsonNode json) {
            TransformerKeys keys = new TransformerKeys(json);
            int width = keys.whole("embed_dim", keys.whole("hidden_size", 768));
            return new ClipVision.Config(false, width, keys.whole("intermediate_size", 5120), width, keys.whole("num_hidden_layers", 32),
                keys.whole("num_attention_heads", 16), keys.whole("num_channels", 3), keys.whole("image_size", 224),
                keys.whole("patch_size", 14), keys.activation("hidden_act", HiddenActivation.GELU), keys.number("layer_norm_eps", 1e-5));
        }

        private static Size resampler(TransformerKeys keys, int width) {
            int depth = keys.whole("resampler_depth", 6), heads = keys.whole("resampler_n_heads", 16);
            int headDim = keys.whole("resampler_head_dim", 96), latents = keys.whole("resampler_n_latents", 64);
            TransformerKeys.checkDepth("resampler_depth", depth);
            TransformerKeys.checkWidth("resampler_n_heads", heads);
            TransformerKeys.checkWidth("resampler_head_dim", headDim);
            TransformerKeys.checkRows("resampler_n_latents", latents);
            return new Size(width, depth, heads, headDim, latents, keys.yes("qk_layer_norms_perceiver", false));
        }

        /** As transformers writes it. */
        public ObjectNode toJson() {
            ObjectNode json = JsonNodeFactory.instance.objectNode();
            json.putArray("architectures").add(NAME);
            json.put("model_type", "idefics").put("vocab_size", vocabSize).put("additional_vocab_size", additionalVocabSize);
            json.put("hidden_size", hiddenSize).put("intermediate_size", intermediateSize).put("num_hidden_layers", numHiddenLayers);
            json.put("num_attention_heads", numAttentionHeads).put("hidden_act", TransformerKeys.name(hiddenAct));
            json.put("rms_norm_eps", rmsNormEps).put("tie_word_embeddings", tieWordEmbeddings);
            json.put("cross_layer_interval", crossLayerInterval).put("qk_layer_norms", qkLayerNorms);
            json.put("alpha_type", vectorGates ? "vector" : "float").put("use_resampler", resampler != null);
            ObjectNode v = json.putObject("vision_config");
            v.put("embed_dim", vision.hiddenSize()).put("intermediate_size", vision.intermediateSize());
            v.put("num_hidden_layers", vision.numHiddenLayers()).put("num_attention_heads", vision.numAttentionHeads());
            v.put("num_channels", vision.numChannels()).put("image_size", vision.imageSize()).put("patch_size", vision.patchSize());
            v.put("hidden_act", TransformerKeys.name(vision.hiddenAct())).put("layer_norm_eps", vision.layerNormEps());
            if (resampler != null) {
                json.putObject("perceiver_config").put("use_resampler", true).put("resampler_depth", resampler.depth())
                    .put("resampler_n_heads", resampler.heads()).put("resampler_head_dim", resampler.headDim())
                    .put("resampler_n_latents", resampler.latents()).put("qk_layer_norms_perceiver", resampler.headNorms());
            }
            return json;
        }
    }

    /** LLaMA's block: x + attention(norm(x)), + MLP(norm(x)). */
    private static final class Block extends Module {
        private final int heads;
        private final Linear q;
        private final Linear k;
        private final Linear v;
        private final Linear o;
        private final GatedMlp mlp;
        private final Norm.Rms norm1;
        private final Norm.Rms norm2;

        Block(Config c, Rng rng) {
            heads = c.numAttentionHeads;
            q = child("self_attn.q_proj", new Linear(c.hiddenSize, c.hiddenSize, SMALL, rng));
            k = child("self_attn.k_proj", new Linear(c.hiddenSize, c.hiddenSize, SMALL, rng));
            v = child("self_attn.v_proj", new Linear(c.hiddenSize, c.hiddenSize, SMALL, rng));
            o = child("self_attn.o_proj", new Linear(c.hiddenSize, c.hiddenSize, SMALL, rng));
            mlp = child("mlp", new GatedMlp(c.hiddenSize, c.intermediateSize, c.hiddenAct, rng));
            norm1 = child("input_layernorm", new Norm.Rms(c.hiddenSize, c.rmsNormEps));
            norm2 = child("post_attention_layernorm", new Norm.Rms(c.hiddenSize, c.rmsNormEps));
        }

        Tensor forward(Tensor x, Tensor bias, Rotary places) {
            return Scope.run(() -> {
                Tensor n = norm1.forward(x);
                Tensor a = Torch.attention(places.turn(headed(q, n)), places.turn(headed(k, n)), headed(v, n), bias);
                Tensor h = x.add(o.forward(a.transpose(1, 2).reshape(x.shape())));
                return h.add(mlp.forward(norm2.forward(h)));
            });
        }

        private Tensor headed(Linear to, Tensor x) {
            return to.forward(x).reshape(x.size(0), x.size(1), heads, -1).transpose(1, 2);   // [B,heads,L,d]
        }
    }

    private final Config config;
    private final Embedding tokens;
    private final @Nullable Embedding moreTokens;
    private final ClipVision vision;
    private final @Nullable PerceiverResampler resampler;
    private final List<Block> blocks = new ArrayList<>();
    private final List<GatedCrossAttention> crosses = new ArrayList<>();
    private final Norm.Rms norm;
    private final Tensor head;
    private final @Nullable Tensor moreHead;

    /** A network of fresh weights, in which pictures change nothing. */
    public Idefics(Config config, Rng rng) {
        this.config = config;
        int width = config.hiddenSize, more = config.additionalVocabSize;
        tokens = child("model.embed_tokens", new Embedding(config.vocabSize, width, SMALL, rng));
        moreTokens = more == 0 ? null : child("model.embed_tokens.additional_embedding", new Embedding(more, width, SMALL, rng));
        vision = new ClipVision(config.vision, rng);
        vision.parts().forEach((name, part) -> child("model." + name, part));
        resampler = config.resampler == null ? null
            : child("model.perceiver_resampler", new PerceiverResampler(config.resampler, rng));
        GatedCrossAttention.Size cross = new GatedCrossAttention.Size(width, config.vision.hiddenSize(), config.numAttentionHeads,
            config.intermediateSize, config.hiddenAct, config.rmsNormEps, config.qkLayerNorms, config.vectorGates);
        for (int i = 0; i < config.numHiddenLayers; i++) {
            blocks.add(child("model.layers." + i, new Block(config, rng)));
            int at = i / config.crossLayerInterval;
            if (i % config.crossLayerInterval == 0) {
                crosses.add(child("model.gated_cross_attn_layers." + at, new GatedCrossAttention(cross, rng)));
            }
        }
        norm = child("model.norm", new Norm.Rms(width, config.rmsNormEps));
        Module last = config.tieWordEmbeddings ? tokens : child("lm_head", new Linear(width, config.vocabSize, SMALL, rng));
        head = weight(last);
        Module moreLast = config.tieWordEmbeddings || more == 0 ? moreTokens
            : child("lm_head.additional_fc", new Linear(width, more, SMALL, rng));
        moreHead = moreLast == null ? null : weight(moreLast);
    }

    private static Tensor weight(Module layer) { return Objects.requireNonNull(layer.parameters().get("weight")); }

    public Config config() { return config; }

    /** {@link #load} of a public file: tables of positions that old ones hold are passed over, and a last layer that is tied. */
    public void loadPublic(Map<String, Tensor> values) { load(PublicTensorNames.renamed(values, this::publicName)); }

    private Optional<String> publicName(String key) {
        boolean tied = config.tieWordEmbeddings && key.startsWith("lm_head.");
        return key.endsWith(".position_ids") || key.endsWith("rotary_emb.inv_freq") || tied ? Optional.empty() : Optional.of(key);
    }

    /** The tokens of pictures [B,N,C,S,S] that a text attends to, [B,N K,D'], each picture's K in a row. */
    public Tensor pictures(Tensor x) {
        int side = config.vision.imageSize(), channels = config.vision.numChannels();
        if (x.dims() != 5 || x.size(2) != channels || x.size(3) != side || x.size(4) != side) {
            throw new ArgumentException("IDEFICS wants pictures [B,N," + channels + "," + side + "," + side + "], got " + x);
        }
        return Scope.run(() -> {
            Tensor seen = vision.forward(x.reshape(-1, channels, side, side)).last();
            Tensor few = resampler == null ? seen : resampler.forward(seen);
            return few.reshape(x.size(0), -1, few.size(2));
        });
    }

    /**
     * The logits of the next tokens [B,L,V], V the tokens and then the additional ones.
     *
     * @param ids I64 [B,L]
     * @param mask [B,L], 0 = padding; null for none
     * @param pictures of {@link #pictures}
     * @param sees [B,L,N], 1 where a token attends to a picture
     * @throws IllegalArgumentException for other shapes
     */
    public Tensor forward(Tensor ids, @Nullable Tensor mask, Tensor pictures, Tensor sees) {
        CausalMask.check("IDEFICS", ids, 0, Integer.MAX_VALUE, mask);
        boolean fits = sees.dims() == 3 && sees.size(0) == ids.size(0) && sees.size(1) == ids.size(1) && sees.size(2) >= 1
            && pictures.size(0) == ids.size(0) && pictures.size(1) % sees.size(2) == 0;
        if (!fits) {
            throw new ArgumentException("IDEFICS wants which pictures each token sees, [" + ids.size(0) + "," + ids.size(1) + ",N], got "
                + sees);
        }
        return Scope.run(() -> {
            Tensor x = embedded(ids), bias = CausalMask.bias(ids.size(1), 0, mask, ids.device());
            Rotary places = places(ids, mask);
            for (int i = 0; i < blocks.size(); i++) {
                if (i % config.crossLayerInterval == 0) x = crosses.get(i / config.crossLayerInterval).forward(x, pictures, sees);
                x = blocks.get(i).forward(x, bias, places);
            }
            Tensor h = norm.forward(x), logits = Torch.linear(h, head, null);
            return moreHead == null ? logits : Torch.cat(2, logits, Torch.linear(h, moreHead, null));
        });
    }

    private Tensor embedded(Tensor ids) {
        if (moreTokens == null) return tokens.forward(ids);
        Tensor plain = ids.lt(config.vocabSize), zero = Torch.zerosLike(ids);
        Tensor more = ids.sub(Torch.onesLike(ids).mul(Torch.of(new long[] {config.vocabSize}, 1).to(ids.device())));
        return tokens.forward(ids.where(plain, zero)).where(plain.unsqueeze(2), moreTokens.forward(zero.where(plain, more)));
    }

    /** Positions of tokens: they count those that are no padding. */
    private Rotary places(Tensor ids, @Nullable Tensor mask) {
        Tensor place = Torch.arange(0, ids.size(1)).to(ids.device()).unsqueeze(0).expand(ids.size(0), ids.size(1));
        if (mask != null) place = mask.to(DType.F32).cumsum(1).sub(1).maskedFill(mask.eq(0), 1);
        return Rotary.at(place, config.hiddenSize / config.numAttentionHeads);
    }
}
