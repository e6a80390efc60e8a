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
import io.palitra.nn.Conv2d;
import io.palitra.nn.Embedding;
import io.palitra.nn.Init;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The picture side of CLIP, Radford et al. 2021, arXiv:2103.00020: a vision transformer (Dosovitskiy et al. 2021, arXiv:2010.11929) with a
 * norm before its first layer. Configuration and names of tensors are those of transformers' {@code CLIPVisionModel} and
 * {@code CLIPVisionModelWithProjection}. Dropout is not built.
 */
public final class ClipVision extends Module {
    private static final String PLAIN = "CLIPVisionModel";
    private static final String PROJECTED = "CLIPVisionModelWithProjection";

    /**
     * transformers' keys in camel case.
     *
     * @param projected whether a linear layer follows the vector of the whole picture ({@code architectures} names it)
     * @param imageSize height and width of a picture
     * @param patchSize height and width of a patch; what is left at the right and below is not seen
     */
    public record Config(boolean projected, int hiddenSize, int intermediateSize, int projectionDim, int numHiddenLayers,
            int numAttentionHeads, int numChannels, int imageSize, int patchSize, HiddenActivation hiddenAct, double layerNormEps) {
        public Config {
            TransformerKeys.checkWidth("hidden_size", hiddenSize);
            TransformerKeys.checkWidth("intermediate_size", intermediateSize);
            TransformerKeys.checkWidth("projection_dim", projectionDim);
            TransformerKeys.checkDepth("num_hidden_layers", numHiddenLayers);
            TransformerKeys.checkHeads("num_attention_heads", numAttentionHeads, hiddenSize);
            TransformerKeys.checkWidth("num_channels", numChannels);
            TransformerKeys.check(imageSize >= 1 && imageSize <= 1 << 14, "image_size", imageSize, "1 to 16384");
            TransformerKeys.check(patchSize >= 1 && patchSize <= imageSize, "patch_size", patchSize, "1 to the image's " + imageSize);
            TransformerKeys.checkEps("layer_norm_eps", layerNormEps);
        }

        /** Number of patches. */
        public int patches() { return (imageSize / patchSize) * (imageSize / patchSize); }

        /**
         * From a {@code config.json} of transformers, that of a vision model or of a whole CLIP; missing keys have its defaults.
         *
         * @throws ConfigException for another architecture, and a value that is wrong or that this network does not have
         */
        public static Config fromJson(JsonNode json) {
            TransformerKeys keys = new TransformerKeys(json);
            Optional<JsonNode> part = keys.part("vision_config");
            String architecture = part.isPresent() ? keys.architecture(PLAIN, PLAIN, PROJECTED, ClipNet.NAME)
                : keys.architecture(PLAIN, PLAIN, PROJECTED);
            return read(part.orElse(json), architecture.equals(PROJECTED));
        }

        static Config read(JsonNode json, boolean projected) {
            TransformerKeys keys = new TransformerKeys(json);
            return new Config(projected, keys.whole("hidden_size", 768), keys.whole("intermediate_size", 3072),
                keys.whole("projection_dim", 512), keys.whole("num_hidden_layers", 12), keys.whole("num_attention_heads", 12),
                keys.whole("num_channels", 3), keys.whole("image_size", 224), keys.whole("patch_size", 32),
                keys.activation("hidden_act", HiddenActivation.QUICK_GELU), keys.number("layer_norm_eps", 1e-5));
        }
    }

    /**
     * @param last [B,1+N,D], without the last norm; the first of N patches is preceded by the token of the whole
     * @param pooled [B,D], the token of the whole after the last norm
     * @param projected [B,P], pooled through the projection; null where there is none
     * @param hidden [B,1+N,D] each: what goes into the first layer, then what comes out of each
     */
    public record Output(Tensor last, Tensor pooled, @Nullable Tensor projected, List<Tensor> hidden) {}

    /** A picture to tokens: one for the whole, then one for each patch. */
    private static final class Patches extends Module {
        private final Tensor whole;
        private final Conv2d patch;
        private final Embedding positions;

        Patches(Config c, Rng rng) {
            whole = parameter("class_embedding", rng.normal(c.hiddenSize).div(Math.sqrt(c.hiddenSize)));
            patch = child("patch_embedding",
                new Conv2d(c.numChannels, c.hiddenSize, c.patchSize, c.patchSize, 0, Init.DEFAULT, false, rng));
            positions = child("position_embedding", new Embedding(c.patches() + 1, c.hiddenSize, rng));
        }

        Tensor forward(Tensor x) {
            Tensor tokens = patch.forward(x).flatten(2).transpose(1, 2);   // [B,D,h,w] -> [B,N,D]
            Tensor place = Torch.arange(0, tokens.size(1) + 1).to(DType.I64).to(x.device());
            return Torch.cat(1, whole.expand(x.size(0), 1, whole.size(0)), tokens).add(positions.forward(place));   // [B,1+N,D]
        }
    }

    /** All but the projection. */
    private static final class Body extends Module {
        private final Patches patches;
        private final Norm.Layer before;
        private final ClipEncoder encoder;
        private final Norm.Layer after;

        Body(Config c, Rng rng) {
            patches = child("embeddings", new Patches(c, rng));
            before = child("pre_layrnorm", new Norm.Layer(c.hiddenSize, c.layerNormEps));   // so spelt in every file
            encoder = child("encoder", new ClipEncoder(new ClipEncoder.Size(c.hiddenSize, c.intermediateSize, c.numHiddenLayers,
                c.numAttentionHeads, c.hiddenAct, c.layerNormEps), rng));
            after = child("post_layernorm", new Norm.Layer(c.hiddenSize, c.layerNormEps));
        }

        List<Tensor> hidden(Tensor x) { return encoder.forward(before.forward(patches.forward(x)), null); }
    }

    private final Config config;
    private final Body body;
    private final @Nullable Linear projection;

    /** A network of fresh weights. */
    public ClipVision(Config config, Rng rng) {
        this.config = config;
        body = child("vision_model", new Body(config, rng));
        projection = config.projected
            ? child("visual_projection", new Linear(config.hiddenSize, config.projectionDim, false, rng)) : null;
    }

    /** What a network that holds this one registers, by its names in public files. */
    Map<String, Module> parts() {
        return projection == null ? Map.of("vision_model", body)
            : Ordered.map(Map.entry("vision_model", body), Map.entry("visual_projection", projection));
    }

    public Config config() { return config; }

    /** {@link #load} of a public file: the tables of positions that old ones hold are passed over, names of new ones mapped. */
    public void loadPublic(Map<String, Tensor> values) { load(PublicTensorNames.renamed(values, ClipVision::publicName)); }

    static Optional<String> publicName(String key) {
        if (key.equals("vision_model.embeddings.position_ids") || key.equals("embeddings.position_ids")) return Optional.empty();
        boolean bare = key.startsWith("embeddings.") || key.startsWith("encoder.") || key.startsWith("pre_layrnorm.")
            || key.startsWith("post_layernorm.");
        return Optional.of(bare ? "vision_model." + key : key);
    }

    /** x [B,C,S,S] of the configured size, channels normalised as the weights want them. The tensors belong to the innermost scope. */
    public Output forward(Tensor x) {
        int size = config.imageSize;
        if (x.dims() != 4 || x.size(1) != config.numChannels || x.size(2) != size || x.size(3) != size) {
            throw new ArgumentException("CLIP's picture encoder wants [B," + config.numChannels + "," + size + "," + size
                + "], got " + x);
        }
        try (Scope scope = new Scope()) {
            List<Tensor> hidden = body.hidden(x);
            Tensor last = hidden.get(hidden.size() - 1);
            Tensor pooled = body.after.forward(last.select(1, 0));
            Tensor projected = projection == null ? null : scope.keep(projection.forward(pooled));
            hidden.forEach(scope::keep);
            return new Output(last, scope.keep(pooled), projected, List.copyOf(hidden));
        }
    }
}
