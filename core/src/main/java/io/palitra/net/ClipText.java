package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.config.Ordered;
import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Embedding;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The text side of CLIP, Radford et al. 2021, arXiv:2103.00020, and the text encoder of Stable Diffusion: tokens to a vector each and
 * one for the whole. Configuration and names of tensors are those of transformers' {@code CLIPTextModel} and
 * {@code CLIPTextModelWithProjection}. Dropout is not built.
 */
public final class ClipText extends Module {
    private static final String PLAIN = "CLIPTextModel";
    private static final String PROJECTED = "CLIPTextModelWithProjection";
    /** Written as the end token by early files whose tokenizer has another one. */
    private static final int WRONG_END = 2;

    /**
     * transformers' keys in camel case.
     *
     * @param projected whether a linear layer follows the vector of the whole text ({@code architectures} names it)
     * @param eosTokenId whose first place is that of the whole text; 2 = the place of the largest id
     */
    public record Config(boolean projected, int vocabSize, int hiddenSize, int intermediateSize, int projectionDim, int numHiddenLayers,
            int numAttentionHeads, int maxPositionEmbeddings, HiddenActivation hiddenAct, double layerNormEps, int eosTokenId) {
        public Config {
            TransformerKeys.checkRows("vocab_size", vocabSize);
            TransformerKeys.checkWidth("hidden_size", hiddenSize);
            TransformerKeys.checkWidth("intermediate_size", intermediateSize);
            TransformerKeys.checkWidth("projection_dim", projectionDim);
            TransformerKeys.checkDepth("num_hidden_layers", numHiddenLayers);
            TransformerKeys.checkHeads("num_attention_heads", numAttentionHeads, hiddenSize);
            TransformerKeys.checkRows("max_position_embeddings", maxPositionEmbeddings);
            TransformerKeys.checkEps("layer_norm_eps", layerNormEps);
            TransformerKeys.check(eosTokenId >= 0, "eos_token_id", eosTokenId, "at least 0");
        }

        /**
         * From a {@code config.json} of transformers, that of a text model or of a whole CLIP; missing keys have its defaults.
         *
         * @throws ConfigException for another architecture, and a value that is wrong or that this network does not have
         */
        public static Config fromJson(JsonNode json) {
            TransformerKeys keys = new TransformerKeys(json);
            Optional<JsonNode> part = keys.part("text_config");
            String architecture = part.isPresent() ? keys.architecture(PLAIN, PLAIN, PROJECTED, ClipNet.NAME)
                : keys.architecture(PLAIN, PLAIN, PROJECTED);
            return read(part.orElse(json), architecture.equals(PROJECTED));
        }

        static Config read(JsonNode json, boolean projected) {
            TransformerKeys keys = new TransformerKeys(json);
            return new Config(projected, keys.whole("vocab_size", 49408), keys.whole("hidden_size", 512),
                keys.whole("intermediate_size", 2048), keys.whole("projection_dim", 512), keys.whole("num_hidden_layers", 12),
                keys.whole("num_attention_heads", 8), keys.whole("max_position_embeddings", 77),
                keys.activation("hidden_act", HiddenActivation.QUICK_GELU), keys.number("layer_norm_eps", 1e-5),
                keys.whole("eos_token_id", 49407));
        }
    }

    /**
     * @param last [B,L,D], after the final norm
     * @param pooled [B,D], last at the end of the text
     * @param projected [B,P], pooled through the projection; null where there is none
     * @param hidden [B,L,D] each, before the final norm: the input of the first layer, then the output of each
     */
    public record Output(Tensor last, Tensor pooled, @Nullable Tensor projected, List<Tensor> hidden) {
        /** The output of the layer that many before the last: 1 is the penultimate. */
        public Tensor skipping(int layers) {
            int most = hidden.size() - 2;
            if (layers < 0 || layers > most) {
                throw new ArgumentException("illegal layers to skip: " + layers + ", must be 0 to " + most);
            }
            return hidden.get(hidden.size() - 1 - layers);
        }
    }

    /** All but the projection. */
    private static final class Body extends Module {
        private final Embedding tokens;
        private final Embedding positions;
        private final ClipEncoder encoder;
        private final Norm.Layer finalNorm;

        Body(Config c, Rng rng) {
            tokens = child("embeddings.token_embedding", new Embedding(c.vocabSize, c.hiddenSize, rng));
            positions = child("embeddings.position_embedding", new Embedding(c.maxPositionEmbeddings, c.hiddenSize, rng));
            encoder = child("encoder", new ClipEncoder(new ClipEncoder.Size(c.hiddenSize, c.intermediateSize, c.numHiddenLayers,
                c.numAttentionHeads, c.hiddenAct, c.layerNormEps), rng));
            finalNorm = child("final_layer_norm", new Norm.Layer(c.hiddenSize, c.layerNormEps));
        }

        List<Tensor> hidden(Tensor ids, @Nullable Tensor mask) {
            Tensor place = Torch.arange(0, ids.size(1)).to(DType.I64).to(ids.device());
            Tensor x = tokens.forward(ids).add(positions.forward(place));
            return encoder.forward(x, CausalMask.bias(ids.size(1), 0, mask, ids.device()));
        }
    }

    private final Config config;
    private final Body body;
    private final @Nullable Linear projection;

    /** A network of fresh weights. */
    public ClipText(Config config, Rng rng) {
        this.config = config;
        body = child("text_model", new Body(config, rng));
        projection = config.projected
            ? child("text_projection", new Linear(config.hiddenSize, config.projectionDim, false, rng)) : null;
    }

    /** The parts that a network around this one registers, by their names in public files. */
    Map<String, Module> parts() {
        return projection == null ? Map.of("text_model", body)
            : Ordered.map(Map.entry("text_model", body), Map.entry("text_projection", projection));
    }

    public Config config() { return config; }

    /** {@link #load} of a public file: position ids that old ones hold are ignored, names of new ones mapped. */
    public void loadPublic(Map<String, Tensor> values) { load(publicNames(values)); }

    /** The tensors of a public file under our names. */
    public static Map<String, Tensor> publicNames(Map<String, Tensor> values) {
        return PublicTensorNames.renamed(values, ClipText::publicName);
    }

    static Optional<String> publicName(String key) {
        if (key.equals("text_model.embeddings.position_ids") || key.equals("embeddings.position_ids")) return Optional.empty();
        boolean bare = key.startsWith("embeddings.") || key.startsWith("encoder.") || key.startsWith("final_layer_norm.");
        return Optional.of(bare ? "text_model." + key : key);
    }

    /**
     * The tensors belong to the innermost scope.
     *
     * @param ids I64 [B,L], L at most the number of positions
     * @param mask [B,L], 0 = padding that is not attended to; null for none, as for Stable Diffusion
     */
    public Output forward(Tensor ids, @Nullable Tensor mask) {
        CausalMask.check("ClipText", ids, 0, config.maxPositionEmbeddings, mask);
        try (Scope scope = new Scope()) {
            List<Tensor> hidden = body.hidden(ids, mask);
            Tensor last = normed(hidden.get(hidden.size() - 1));
            Tensor pooled = last.gather(1, end(ids).reshape(-1, 1, 1).expand(ids.size(0), 1, config.hiddenSize)).squeeze(1);
            Tensor projected = projection == null ? null : scope.keep(projection.forward(pooled));
            hidden.forEach(scope::keep);
            return new Output(scope.keep(last), scope.keep(pooled), projected, List.copyOf(hidden));
        }
    }

    /** The final norm, which {@link Output#last} includes and {@link Output#hidden} does not. */
    public Tensor normed(Tensor hidden) { return body.finalNorm.forward(hidden); }

    /** Position of the token whose vector is that of the whole text, I64 [B]; the first where there is none. */
    private Tensor end(Tensor ids) {
        if (config.eosTokenId == WRONG_END) return ids.argmax(1);
        return ids.eq(config.eosTokenId).to(DType.I32).argmax(1);
    }
}
