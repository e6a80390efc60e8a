package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ConfigException;
import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Module;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Texts and pictures as points of one sphere, near where they belong together. Radford et al. 2021, arXiv:2103.00020. Configuration and
 * names of tensors are those of transformers' {@code CLIPModel}.
 */
public final class ClipNet extends Module {
    static final String NAME = "CLIPModel";

    /** @param logitScale initial log of the factor of the cosines */
    public record Config(ClipText.Config text, ClipVision.Config vision, double logitScale) {
        public Config {
            TransformerKeys.check(text.projected() && vision.projected() && text.projectionDim() == vision.projectionDim(),
                "projection_dim", text.projectionDim() + " and " + vision.projectionDim(), "the same on both sides, and projected to");
            TransformerKeys.check(Double.isFinite(logitScale), "logit_scale_init_value", logitScale, "a finite number");
        }

        /**
         * From a {@code config.json} of transformers; missing keys have its defaults.
         *
         * @throws ConfigException for another architecture, and a value that is wrong or that this network does not have
         */
        public static Config fromJson(JsonNode json) {
            TransformerKeys keys = new TransformerKeys(json);
            keys.architecture(NAME, NAME);
            int width = keys.whole("projection_dim", 512);
            ClipText.Config t = ClipText.Config.read(part(keys, "text_config"), true);
            ClipVision.Config v = ClipVision.Config.read(part(keys, "vision_config"), true);
            return new Config(
                new ClipText.Config(true, t.vocabSize(), t.hiddenSize(), t.intermediateSize(), width, t.numHiddenLayers(),
                    t.numAttentionHeads(), t.maxPositionEmbeddings(), t.hiddenAct(), t.layerNormEps(), t.eosTokenId()),
                new ClipVision.Config(true, v.hiddenSize(), v.intermediateSize(), width, v.numHiddenLayers(), v.numAttentionHeads(),
                    v.numChannels(), v.imageSize(), v.patchSize(), v.hiddenAct(), v.layerNormEps()),
                keys.number("logit_scale_init_value", 2.6592));
        }

        /** As transformers writes it. @param start of a text, the token, and what fills it up: nothing here depends on them */
        public ObjectNode toJson(int start, int padding) {
            ObjectNode json = JsonNodeFactory.instance.objectNode();
            json.put("model_type", "clip").put("projection_dim", text.projectionDim()).put("logit_scale_init_value", logitScale);
            json.putArray("architectures").add(NAME);
            ObjectNode t = json.putObject("text_config"), v = json.putObject("vision_config");
            t.put("model_type", "clip_text_model").put("vocab_size", text.vocabSize()).put("hidden_size", text.hiddenSize());
            t.put("intermediate_size", text.intermediateSize()).put("projection_dim", text.projectionDim());
            t.put("num_hidden_layers", text.numHiddenLayers()).put("num_attention_heads", text.numAttentionHeads());
            t.put("max_position_embeddings", text.maxPositionEmbeddings()).put("hidden_act", TransformerKeys.name(text.hiddenAct()));
            t.put("layer_norm_eps", text.layerNormEps()).put("eos_token_id", text.eosTokenId());
            t.put("bos_token_id", start).put("pad_token_id", padding);
            v.put("model_type", "clip_vision_model").put("hidden_size", vision.hiddenSize());
            v.put("intermediate_size", vision.intermediateSize()).put("projection_dim", vision.projectionDim());
            v.put("num_hidden_layers", vision.numHiddenLayers()).put("num_attention_heads", vision.numAttentionHeads());
            v.put("num_channels", vision.numChannels()).put("image_size", vision.imageSize()).put("patch_size", vision.patchSize());
            v.put("hidden_act", TransformerKeys.name(vision.hiddenAct())).put("layer_norm_eps", vision.layerNormEps());
            return json;
        }

        /** Early files repeat a side under a second key, which then alone holds. */
        private static JsonNode part(TransformerKeys keys, String key) {
            return keys.part(key + "_dict").or(() -> keys.part(key)).orElseGet(JsonNodeFactory.instance::objectNode);
        }
    }

    /**
     * @param text [T,P], of length 1
     * @param image [I,P], of length 1
     * @param logits [I,T], cosines times the learned factor
     */
    public record Output(Tensor text, Tensor image, Tensor logits) {}

    private final ClipText text;
    private final ClipVision vision;
    private final Tensor logitScale;

    /** A network of fresh weights. */
    public ClipNet(Config config, Rng rng) {
        text = new ClipText(config.text, rng);
        vision = new ClipVision(config.vision, rng);
        logitScale = parameter("logit_scale", Torch.full(config.logitScale));
        text.parts().forEach(this::child);
        vision.parts().forEach(this::child);
    }

    /** {@link #load} of a public file: the position ids that old ones hold are ignored. */
    public void loadPublic(Map<String, Tensor> values) {
        load(PublicTensorNames.renamed(values, key -> key.startsWith("vision_model.") ? ClipVision.publicName(key)
            : key.startsWith("text_model.") ? ClipText.publicName(key) : Optional.of(key)));
    }

    public ClipText text() { return text; }

    public ClipVision vision() { return vision; }

    /** Log of the factor of the cosines, as it is now. */
    public Tensor logitScale() { return logitScale; }

    /** Points [T,P] of texts, of length 1; as for {@link ClipText#forward}. */
    public Tensor embedText(Tensor ids, @Nullable Tensor mask) {
        return Scope.run(() -> unit(Objects.requireNonNull(text.forward(ids, mask).projected())));
    }

    /** Points [I,P] of pictures, of length 1; as for {@link ClipVision#forward}. */
    public Tensor embedImage(Tensor x) { return Scope.run(() -> unit(Objects.requireNonNull(vision.forward(x).projected()))); }

    /** Logits of every picture with every text. */
    public Output forward(Tensor ids, @Nullable Tensor mask, Tensor x) {
        Tensor t = embedText(ids, mask), i = embedImage(x);
        return new Output(t, i, Scope.run(() -> i.matmul(t.t()).mul(logitScale.exp())));
    }

    /** In F32 at least: 100 times a cosine of 8 bits would be off by tenths. */
    private static Tensor unit(Tensor x) {
        Tensor wide = x.dtype().bytes() < 4 ? x.to(DType.F32) : x;
        return wide.div(wide.square().sum(true, -1).sqrt());
    }
}
