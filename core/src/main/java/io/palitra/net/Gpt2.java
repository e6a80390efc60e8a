package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Embedding;
import io.palitra.nn.Init;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * GPT-2: a causal transformer that predicts the next token. Radford et al. 2019, "Language models are unsupervised multitask learners".
 * Configuration and names of tensors are those of transformers' {@code GPT2LMHeadModel}; dropout in training is of the embeddings and of
 * what each half of a block adds, not of the shares of attention.
 */
public final class Gpt2 extends Module {
    private static final String NAME = "GPT2LMHeadModel";
    /** Attention masks, which old files hold. */
    private static final Pattern MASKS = Pattern.compile("(transformer\\.)?h\\.\\d+\\.attn\\.(bias|masked_bias)");

    /**
     * transformers' keys in camel case.
     *
     * @param nInner width between the two layers that end a block ({@code n_inner}, where null is four times {@code n_embd})
     * @param scaleAttnWeights scores are divided by the root of a head's width
     * @param scaleAttnByInverseLayerIdx and by the number of the layer, from 1
     * @param tieWordEmbeddings the table of tokens is also the last layer
     * @param eosTokenIds that end a text; may be empty
     * @param padTokenId that fills up a text which ended before others; -1 = the first of the end tokens
     */
    public record Config(int vocabSize, int nPositions, int nEmbd, int nLayer, int nHead, int nInner, HiddenActivation activationFunction,
            double layerNormEpsilon, boolean scaleAttnWeights, boolean scaleAttnByInverseLayerIdx, boolean tieWordEmbeddings,
            List<Integer> eosTokenIds, int padTokenId) {
        public Config {
            eosTokenIds = List.copyOf(eosTokenIds);
            TransformerKeys.checkRows("vocab_size", vocabSize);
            TransformerKeys.checkRows("n_positions", nPositions);
            TransformerKeys.checkWidth("n_embd", nEmbd);
            TransformerKeys.checkDepth("n_layer", nLayer);
            TransformerKeys.checkHeads("n_head", nHead, nEmbd);
            TransformerKeys.check(nInner >= 1 && nInner <= 1 << 20, "n_inner", nInner, "1 to 2^20, or null");
            TransformerKeys.checkEps("layer_norm_epsilon", layerNormEpsilon);
            TransformerKeys.check(eosTokenIds.stream().allMatch(t -> t >= 0), "eos_token_id", eosTokenIds, "at least 0, or null");
            TransformerKeys.check(padTokenId >= -1, "pad_token_id", padTokenId, "at least 0, or null");
        }

        /**
         * From a {@code config.json} of transformers; missing keys have its defaults.
         *
         * @throws ConfigException for another architecture, and a value that is wrong or that this network does not have
         */
        public static Config fromJson(JsonNode json) {
            TransformerKeys keys = new TransformerKeys(json);
            keys.architecture(NAME, NAME);
            TransformerKeys.check(!keys.yes("add_cross_attention", false), "add_cross_attention", true, "false");
            int width = keys.whole("n_embd", 768);
            Integer inner = keys.wholeOrNull("n_inner");
            Integer pad = keys.wholeOrNull("pad_token_id");
            return new Config(keys.whole("vocab_size", 50257), keys.whole("n_positions", 1024), width, keys.whole("n_layer", 12),
                keys.whole("n_head", 12), inner == null ? 4 * width : inner,
                keys.activation("activation_function", HiddenActivation.GELU_NEW), keys.number("layer_norm_epsilon", 1e-5),
                keys.yes("scale_attn_weights", true), keys.yes("scale_attn_by_inverse_layer_idx", false),
                keys.yes("tie_word_embeddings", true), keys.wholes("eos_token_id", List.of(50256)), pad == null ? -1 : pad);
        }

        /**
         * The decoder of a run: four times as wide between the layers that end a block, tied, of GPT-2's activation.
         *
         * @param end id of the token that begins and ends a text
         */
        public static Config of(int vocabulary, int positions, int width, int layers, int heads, int end) {
            return new Config(vocabulary, positions, width, layers, heads, 4 * width, HiddenActivation.GELU_NEW, 1e-5, true, false, true,
                List.of(end), end);
        }

        /** As transformers writes it. */
        public ObjectNode toJson() {
            ObjectNode json = JsonNodeFactory.instance.objectNode();
            json.putArray("architectures").add(NAME);
            json.put("model_type", "gpt2").put("activation_function", TransformerKeys.name(activationFunction));
            json.put("vocab_size", vocabSize).put("n_positions", nPositions).put("n_ctx", nPositions).put("n_embd", nEmbd);
            json.put("n_layer", nLayer).put("n_head", nHead).put("n_inner", nInner).put("layer_norm_epsilon", layerNormEpsilon);
            json.put("scale_attn_weights", scaleAttnWeights).put("scale_attn_by_inverse_layer_idx", scaleAttnByInverseLayerIdx);
            json.put("tie_word_embeddings", tieWordEmbeddings).put("embd_pdrop", 0.0).put("attn_pdrop", 0.0).put("resid_pdrop", 0.0);
            if (eosTokenIds.isEmpty()) {
                json.putNull("bos_token_id").putNull("eos_token_id");
            } else {
                json.put("bos_token_id", eosTokenIds.get(0)).put("eos_token_id", eosTokenIds.get(0));
            }
            return padTokenId < 0 ? json : json.put("pad_token_id", padTokenId);
        }
    }

    private final Config config;
    private final double dropout;
    private final Embedding tokens;
    private final Tensor positions;
    private final List<GptBlock> blocks = new ArrayList<>();
    private final Norm.Layer norm;
    private final Tensor head;

    /** A network of fresh weights. */
    public Gpt2(Config config, Rng rng) { this(config, 0, rng); }

    /** @param dropout chance that a number is zeroed in training, in [0,1) */
    public Gpt2(Config config, double dropout, Rng rng) {
        this.config = config;
        this.dropout = dropout;
        tokens = child("transformer.wte", new Embedding(config.vocabSize, config.nEmbd, Init.DCGAN, rng));
        Embedding places = child("transformer.wpe", new Embedding(config.nPositions, config.nEmbd, Init.DCGAN, rng));
        positions = Objects.requireNonNull(places.parameters().get("weight"));
        // the engine divides by the root of a head's width: undone where the configuration does not
        double undo = config.scaleAttnWeights ? 1 : Math.sqrt((double) config.nEmbd / config.nHead);
        for (int i = 0; i < config.nLayer; i++) {
            double scale = config.scaleAttnByInverseLayerIdx ? undo / (i + 1) : undo;
            blocks.add(child("transformer.h." + i, new GptBlock(i, config.nEmbd, config.nHead, config.nInner, scale,
                config.activationFunction, config.layerNormEpsilon, config.nLayer, GptBlock.Sight.BEFORE, dropout, rng)));
        }
        norm = child("transformer.ln_f", new Norm.Layer(config.nEmbd, config.layerNormEpsilon));
        Module last = config.tieWordEmbeddings ? tokens : child("lm_head", new Linear(config.nEmbd, config.vocabSize, false, rng));
        head = Objects.requireNonNull(last.parameters().get("weight"));
    }

    public Config config() { return config; }

    /**
     * {@link #load} of a public file: the attention masks that old ones hold are ignored, and so is a last layer that is tied
     * to the table of tokens.
     */
    public void loadPublic(Map<String, Tensor> values) {
        load(PublicTensorNames.renamed(values, key -> {
            if (MASKS.matcher(key).matches() || config.tieWordEmbeddings && key.equals("lm_head.weight")) return Optional.empty();
            return Optional.of(key.startsWith("transformer.") || key.startsWith("lm_head.") ? key : "transformer." + key);
        }));
    }

    /** An empty cache for texts of at most {@code capacity} tokens. */
    public KvCache cache(long batch, int capacity) {
        if (batch < 1) throw new ArgumentException("illegal batch: " + batch + ", must be at least 1");
        if (capacity < 1 || capacity > config.nPositions) {
            throw new ArgumentException("illegal capacity: " + capacity + ", must be 1 to " + config.nPositions);
        }
        return new KvCache(config.nLayer, batch, config.nHead, capacity, config.nEmbd / config.nHead, head.dtype(), head.device());
    }

    /** Logits of the token after each. As for {@link #forward(Tensor, Tensor, KvCache)}. */
    public Tensor forward(Tensor ids) { return forward(ids, null, null); }

    /**
     * Logits [B,L,V] of the token after each of ids.
     *
     * @param ids I64 [B,L]
     * @param mask [B,S], 0 = padding that is not attended to, S = L and what the cache holds; null for none
     * @param cache keys and values of the tokens before ids, to which those of ids are added; null for none. No gradient flows
     *     through it
     */
    public Tensor forward(Tensor ids, @Nullable Tensor mask, @Nullable KvCache cache) {
        return Scope.run(() -> Torch.linear(hidden(ids, mask, cache, null).reshape(ids.size(0), ids.size(1), config.nEmbd), head, null));
    }

    /** What becomes of the hidden states x [B,L,D] before block i. */
    @FunctionalInterface public interface Before { Tensor block(int i, Tensor x); }

    /** {@link #forward(Tensor)}, with something before each block. */
    public Tensor forward(Tensor ids, Before before) {
        return Scope.run(() -> {
            CausalMask.check("Gpt2", ids, 0, config.nPositions, null);
            long b = ids.size(0), length = ids.size(1);
            Tensor x = tokens.forward(ids).add(positions.rows(0, length)).reshape(-1, config.nEmbd);
            for (int i = 0; i < blocks.size(); i++) {
                x = before.block(i, x.reshape(b, length, config.nEmbd)).reshape(-1, config.nEmbd);
                x = blocks.get(i).forward(x, b, null, null, null);
            }
            return Torch.linear(norm.forward(x).reshape(b, length, config.nEmbd), head, null);
        });
    }

    /** Logits of the token after each of ids I64 [B,L], a row for each, [B L,V]. @param rng draws what dropout zeroes in training */
    public Tensor rows(Tensor ids, @Nullable Rng rng) { return Scope.run(() -> Torch.linear(hidden(ids, null, null, rng), head, null)); }

    /** Logits [B,V] of the token after the last of ids I64 [B,L], which follow what the cache holds and are added to it. Not recorded. */
    public Tensor last(Tensor ids, KvCache cache) {
        return Scope.run(() -> {
            Tensor rows = hidden(ids, null, cache, null);
            long length = ids.size(1);
            return Torch.linear(length == 1 ? rows : rows.reshape(ids.size(0), length, config.nEmbd).select(1, length - 1), head, null);
        });
    }

    /** Hidden states, a row for each token, [B L,D]. */
    private Tensor hidden(Tensor ids, @Nullable Tensor mask, @Nullable KvCache cache, @Nullable Rng rng) {
        long past = cache == null ? 0 : cache.length();
        CausalMask.check("Gpt2", ids, past, cache == null ? config.nPositions : cache.capacity(), mask);
        if (cache != null && cache.batch() != ids.size(0)) {
            throw new ArgumentException("the cache is of " + cache.batch() + " texts, got " + ids);
        }
        return Scope.run(() -> {
            long length = ids.size(1);
            Tensor x = FeedForward.dropped(this, tokens.forward(ids).add(positions.rows(past, length)).reshape(-1, config.nEmbd), dropout,
                rng);
            boolean plain = mask == null && (length == 1 || cache == null);
            Tensor bias = plain ? null : CausalMask.bias(length, past, mask, ids.device());
            for (GptBlock block : blocks) x = block.forward(x, ids.size(0), bias, cache, rng);
            if (cache != null) cache.advance(length);
            return norm.forward(x);
        });
    }

    /**
     * Prompts and what follows them, I64 [B,L + n]. A text is padded after its end token; n is {@code tokens}, or fewer when
     * every text has ended. Row b draws from item b of rng. Waits for the device at every token.
     *
     * @param prompt I64 [B,L], L and tokens together at most the number of positions
     */
    public Tensor generate(Tensor prompt, int tokens, TokenSampling how, Rng rng) {
        CausalMask.check("Gpt2", prompt, 0, config.nPositions, null);
        int most = config.nPositions - (int) prompt.size(1);
        if (tokens < 0 || tokens > most) throw new ArgumentException("illegal tokens: " + tokens + ", must be 0 to " + most);
        if (tokens == 0) return prompt;
        int batch = (int) prompt.size(0);
        List<long[]> drawn = new ArrayList<>();
        boolean[] ended = new boolean[batch];
        try (Scope scope = new Scope(); Guard g = Torch.inference(); KvCache cache = cache(batch, (int) prompt.size(1) + tokens)) {
            Scope.fold(prompt, tokens, (x, i) -> {
                if (i > 0 && all(ended)) return x;
                long[] next = draw(last(x, cache), how, rng, ended);
                drawn.add(next);
                return Torch.of(next, batch, 1).to(prompt.device());
            });
        }
        return Scope.run(() -> {
            Tensor after = Torch.of(drawn.stream().flatMapToLong(Arrays::stream).toArray(), drawn.size(), batch);   // [n,B]
            return Torch.cat(1, prompt, after.t().to(prompt.device()));
        });
    }

    /** A token for each text, and whether it has ended with it. */
    private long[] draw(Tensor logits, TokenSampling how, Rng rng, boolean[] ended) {
        int[] tokens = how.draw(logits, rng);   // waits for the device
        long[] next = new long[ended.length];
        for (int b = 0; b < next.length; b++) {
            next[b] = ended[b] ? pad() : tokens[b];
            ended[b] |= config.eosTokenIds.contains((int) next[b]);
        }
        return next;
    }

    private int pad() { return config.padTokenId >= 0 ? config.padTokenId : config.eosTokenIds.get(0); }

    private static boolean all(boolean[] ended) {
        for (boolean e : ended) if (!e) return false;
        return true;
    }
}
