package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ConfigException;
import io.palitra.config.InWords;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The encoder of T5 (Raffel et al. 2020, arXiv:1910.10683; with gates Shazeer 2020, arXiv:2002.05202): tokens to a vector each, the text
 * encoder of Imagen and DeepFloyd IF. Configuration and names of tensors are those of transformers' {@code T5EncoderModel}; of a whole T5
 * the encoder is read. Dropout is not built.
 */
public final class T5Encoder extends Module {
    private static final String NAME = "T5EncoderModel";
    private static final String GATED = "gated-";
    /** Columns of masked keys: finite, so that a text without any token still gives a finite result. */
    private static final double HIDDEN = -Float.MAX_VALUE;

    /**
     * transformers' keys in camel case.
     *
     * @param dKv width of a head; the heads together need not be as wide as the network
     * @param dFf width between the two layers that end a block
     * @param relativeAttentionNumBuckets rows of the table of distances, half of them for keys to the right
     * @param relativeAttentionMaxDistance from which on all distances are one
     * @param act nonlinearity between the last layers, and whether a linear gate multiplies it: {@code feed_forward_proj}
     */
    public record Config(int vocabSize, int dModel, int dKv, int dFf, int numLayers, int numHeads, int relativeAttentionNumBuckets,
            int relativeAttentionMaxDistance, double layerNormEpsilon, HiddenActivation act, boolean gated) {
        public Config {
            TransformerKeys.checkRows("vocab_size", vocabSize);
            TransformerKeys.checkWidth("d_model", dModel);
            TransformerKeys.checkWidth("d_kv", dKv);
            TransformerKeys.check(dFf >= 1 && dFf <= 1 << 20, "d_ff", dFf, "1 to 2^20");
            TransformerKeys.checkDepth("num_layers", numLayers);
            TransformerKeys.checkWidth("num_heads", numHeads);
            TransformerKeys.check(relativeAttentionNumBuckets >= 4 && relativeAttentionNumBuckets <= 1 << 16,
                "relative_attention_num_buckets", relativeAttentionNumBuckets, "4 to 65536");
            int exact = relativeAttentionNumBuckets / 4;
            TransformerKeys.check(relativeAttentionMaxDistance > exact, "relative_attention_max_distance", relativeAttentionMaxDistance,
                "above the " + exact + " distances that have a bucket each");
            TransformerKeys.checkEps("layer_norm_epsilon", layerNormEpsilon);
        }

        /**
         * From a {@code config.json} of transformers; missing keys have its defaults.
         *
         * @throws ConfigException for another architecture, and a value that is wrong or that this network does not have
         */
        public static Config fromJson(JsonNode json) {
            TransformerKeys keys = new TransformerKeys(json);
            keys.architecture(NAME, NAME, "T5ForConditionalGeneration", "T5Model", "T5WithLMHeadModel");
            String proj = json.path("feed_forward_proj").asText("relu");
            boolean gated = proj.startsWith(GATED);
            String name = proj.equals("gated-gelu") ? "gelu_new" : gated ? proj.substring(GATED.length())
                : proj;   // as transformers has it
            HiddenActivation act = Arrays.stream(HiddenActivation.values()).filter(a -> TransformerKeys.name(a).equals(name)).findFirst()
                .orElseThrow(() -> new ConfigException("feed_forward_proj", "illegal feed_forward_proj: '" + proj + "', must be one of "
                    + InWords.list(Arrays.stream(HiddenActivation.values()).map(TransformerKeys::name).toList()) + ", or " + GATED
                    + " and one of these"));
            TransformerKeys.check(keys.activation("dense_act_fn", act) == act, "dense_act_fn", json.path("dense_act_fn"),
                TransformerKeys.name(act) + ", as feed_forward_proj says");
            TransformerKeys.check(keys.yes("is_gated_act", gated) == gated, "is_gated_act", !gated, gated + ", as feed_forward_proj says");
            return new Config(keys.whole("vocab_size", 32128), keys.whole("d_model", 512), keys.whole("d_kv", 64),
                keys.whole("d_ff", 2048), keys.whole("num_layers", 6), keys.whole("num_heads", 8),
                keys.whole("relative_attention_num_buckets", 32), keys.whole("relative_attention_max_distance", 128),
                keys.number("layer_norm_epsilon", 1e-6), act, gated);
        }
    }

    /** N(0, 1/fanIn); queries, whose scores are not divided by anything, of smaller deviation. */
    private static final Init ROOT = (rng, fanIn, shape) -> rng.normal(shape).div(Math.sqrt(fanIn));

    private static final class Attention extends Module {
        private final int heads;
        private final double scale;
        private final Linear q;
        private final Linear k;
        private final Linear v;
        private final Linear o;
        private final @Nullable Embedding distances;

        /** @param first whether this is the layer that has the table of distances */
        Attention(Config c, boolean first, Rng rng) {
            heads = c.numHeads;
            scale = Math.sqrt(c.dKv);   // undoes what the engine's attention divides by
            int inner = heads * c.dKv;
            Init small = (r, fanIn, shape) -> r.normal(shape).div(Math.sqrt((double) fanIn * c.dKv));
            q = child("q", new Linear(c.dModel, inner, small, rng));
            k = child("k", new Linear(c.dModel, inner, ROOT, rng));
            v = child("v", new Linear(c.dModel, inner, ROOT, rng));
            o = child("o", new Linear(inner, c.dModel, ROOT, rng));
            distances = first
                ? child("relative_attention_bias", new Embedding(c.relativeAttentionNumBuckets, heads, ROOT, rng)) : null;
        }

        Tensor forward(Tensor x, Tensor bias) {
            Tensor all = Torch.attention(headed(q, x).mul(scale), headed(k, x), headed(v, x), bias);
            return o.forward(all.transpose(1, 2).reshape(x.size(0), x.size(1), -1));   // [B,heads,L,d] -> [B,L,heads d]
        }

        private Tensor headed(Linear to, Tensor x) {
            return to.forward(x).reshape(x.size(0), x.size(1), heads, -1).transpose(1, 2);   // [B,heads,L,d]
        }
    }

    private static final class Block extends Module {
        private final Attention attention;
        private final Norm.Rms norm1;
        private final HiddenActivation act;
        private final Linear wi;
        private final @Nullable Linear gate;
        private final Linear wo;
        private final Norm.Rms norm2;

        Block(Config c, boolean first, Rng rng) {
            attention = child("layer.0.SelfAttention", new Attention(c, first, rng));
            norm1 = child("layer.0.layer_norm", new Norm.Rms(c.dModel, c.layerNormEpsilon));
            act = c.act;
            String dense = "layer.1.DenseReluDense.";
            wi = child(dense + (c.gated ? "wi_0" : "wi"), new Linear(c.dModel, c.dFf, ROOT, rng));
            gate = c.gated ? child(dense + "wi_1", new Linear(c.dModel, c.dFf, ROOT, rng)) : null;
            wo = child(dense + "wo", new Linear(c.dFf, c.dModel, ROOT, rng));
            norm2 = child("layer.1.layer_norm", new Norm.Rms(c.dModel, c.layerNormEpsilon));
        }

        Tensor forward(Tensor x, Tensor bias) {
            return Scope.run(() -> {
                Tensor h = x.add(attention.forward(norm1.forward(x), bias));
                Tensor n = norm2.forward(h);
                Tensor y = act.of(wi.forward(n));
                return h.add(wo.forward(gate == null ? y : y.mul(gate.forward(n))));
            });
        }
    }

    private final Config config;
    private final Embedding shared;
    private final List<Block> blocks = new ArrayList<>();
    private final Norm.Rms finalNorm;

    /** A network of fresh weights. */
    public T5Encoder(Config config, Rng rng) {
        this.config = config;
        shared = child("shared", new Embedding(config.vocabSize, config.dModel, rng));
        for (int i = 0; i < config.numLayers; i++) blocks.add(child("encoder.block." + i, new Block(config, i == 0, rng)));
        finalNorm = child("encoder.final_layer_norm", new Norm.Rms(config.dModel, config.layerNormEpsilon));
    }

    public Config config() { return config; }

    /** {@link #load} of a public file: the names of {@link #publicNames}. */
    public void loadPublic(Map<String, Tensor> values) { load(publicNames(values)); }

    /** The tensors of a public file under our names: the encoder's second name for the table, the decoder and its last layer left out. */
    public static Map<String, Tensor> publicNames(Map<String, Tensor> values) {
        Map<String, Tensor> named = new LinkedHashMap<>();
        values.forEach((key, t) -> publicName(key, values).ifPresent(own -> named.put(own, t)));
        return named;
    }

    private static Optional<String> publicName(String key, Map<String, Tensor> all) {
        if (key.startsWith("decoder.") || key.equals("lm_head.weight")) return Optional.empty();
        if (!key.equals("encoder.embed_tokens.weight")) return Optional.of(key);
        return all.containsKey("shared.weight") ? Optional.empty() : Optional.of("shared.weight");
    }

    /**
     * The vector of each token [B,L,D] after the final norm.
     *
     * @param ids I64 [B,L], L at least 1
     * @param mask [B,L], 0 = padding that is not attended to; null for none
     * @throws IllegalArgumentException for other shapes
     */
    public Tensor forward(Tensor ids, @Nullable Tensor mask) {
        CausalMask.check("T5Encoder", ids, 0, Integer.MAX_VALUE, mask);
        return Scope.run(() -> {
            Tensor bias = bias(ids.size(1), ids.device());
            if (mask != null) bias = bias.expand(ids.size(0), -1, -1, -1).maskedFill(mask.eq(0).unsqueeze(1).unsqueeze(1), HIDDEN);
            Tensor x = shared.forward(ids);
            for (Block block : blocks) x = block.forward(x, bias);
            return finalNorm.forward(x);
        });
    }

    /** What a distance between query and key adds to the scores, [1,heads,L,L]. */
    private Tensor bias(long length, Device device) {
        Tensor at = Torch.arange(0, length);
        Tensor apart = at.unsqueeze(0).sub(at.unsqueeze(1));   // key - query: [L,L]
        Embedding table = Objects.requireNonNull(blocks.get(0).attention.distances);
        return table.forward(bucket(apart).to(device)).permute(2, 0, 1).unsqueeze(0);
    }

    /** Half of the buckets for keys to the right; of a half, half for a distance each, then ever more distances share one. */
    private Tensor bucket(Tensor apart) {
        int half = config.relativeAttentionNumBuckets / 2, exact = half / 2;
        Tensor far = apart.abs();
        double span = Math.log((double) config.relativeAttentionMaxDistance / exact);
        Tensor shared = far.clampMin(1).div(exact).log().div(span).mul(half - exact).floor().add(exact).clampMax(half - 1);
        return far.where(far.lt(exact), shared).add(apart.gt(0).to(DType.F32).mul(half)).to(DType.I64);
    }
}
