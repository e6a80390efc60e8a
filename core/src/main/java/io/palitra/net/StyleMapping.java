package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.EqualLinear;
import io.palitra.nn.Gained;
import io.palitra.nn.Module;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Noise and classes to a style w, by linear layers of equalised rate. Karras et al. 2019, arXiv:1812.04948, section 2. Names of tensors are
 * those of NVIDIA's {@code MappingNetwork}.
 */
public final class StyleMapping extends Module {
    /**
     * NVIDIA's {@code mapping_kwargs}.
     *
     * @param numLayers linear layers
     * @param embedFeatures numbers that classes become; 0 = as many as w has
     * @param layerFeatures numbers between layers; 0 = as many as w has
     * @param lrMultiplier share of the learning rate
     * @param wAvgBeta decay of the mean w, which truncation goes towards; null = there is no mean
     */
    public record Config(int numLayers, int embedFeatures, int layerFeatures, Gained activation, double lrMultiplier,
            @Nullable Double wAvgBeta) {
        private static final String CLASS = "MappingNetwork";
        private static final int WIDEST = 1 << 14;

        public Config {
            DiffusersConfigReader.check(numLayers >= 1 && numLayers <= 64, "num_layers", numLayers, "1 to 64");
            DiffusersConfigReader.check(embedFeatures >= 0 && embedFeatures <= WIDEST, "embed_features", embedFeatures, "1 to " + WIDEST);
            DiffusersConfigReader.check(layerFeatures >= 0 && layerFeatures <= WIDEST, "layer_features", layerFeatures, "1 to " + WIDEST);
            DiffusersConfigReader.check(lrMultiplier > 0, "lr_multiplier", lrMultiplier, "above 0");
            DiffusersConfigReader.check(wAvgBeta == null || wAvgBeta >= 0 && wAvgBeta <= 1, "w_avg_beta", String.valueOf(wAvgBeta),
                "0 to 1");
        }

        /** As NVIDIA has it unless keys say otherwise. */
        public static Config of(int layers) { return new Config(layers, 0, 0, Gained.LRELU, 0.01, 0.995); }

        /** @param mean whether the network keeps a mean w: the discriminator's does not, and has no such key */
        static Config fromJson(JsonNode json, boolean mean) {
            DiffusersConfigReader keys = new DiffusersConfigReader(json, CLASS);
            Double beta = !mean ? null : json.has("w_avg_beta") ? keys.numberOrNull("w_avg_beta") : (Double) 0.995;
            Config read = new Config(keys.whole("num_layers", 8), keys.wholeOr0("embed_features", 0), keys.wholeOr0("layer_features", 0),
                keys.choice("activation", Gained.LRELU), keys.number("lr_multiplier", 0.01), beta);
            keys.others();
            return read;
        }

        ObjectNode toJson(boolean mean) {
            ObjectNode json = DiffusersConfigReader.object(CLASS);
            json.remove("_class_name");
            json.put("num_layers", numLayers).put("embed_features", DiffusersConfigReader.orNull(embedFeatures))
                .put("layer_features", DiffusersConfigReader.orNull(layerFeatures))
                .put("activation", DiffusersConfigReader.lower(activation)).put("lr_multiplier", lrMultiplier);
            return mean ? json.put("w_avg_beta", wAvgBeta) : json;
        }
    }

    private final Config config;
    private final List<EqualLinear> layers = new ArrayList<>();
    private final @Nullable EqualLinear embed;
    private final @Nullable Tensor mean;

    /** @param z numbers of noise, 0 = none @param classes numbers of the condition, 0 = none @param w numbers in a style */
    public StyleMapping(Config config, int z, int classes, int w, Rng rng) {
        this.config = config;
        int embedded = classes == 0 ? 0 : config.embedFeatures > 0 ? config.embedFeatures : w;
        embed = classes == 0 ? null : child("embed", new EqualLinear(classes, embedded, rng));
        int in = z + embedded;
        for (int i = 0; i < config.numLayers; i++) {
            int out = i == config.numLayers - 1 ? w : config.layerFeatures > 0 ? config.layerFeatures : w;
            layers.add(child("fc" + i, new EqualLinear(in, out, true, config.lrMultiplier, 0, rng)));
            in = out;
        }
        mean = config.wAvgBeta == null ? null : buffer("w_avg", Torch.zeros(w));
    }

    /** w [B,W]. @param z [B,Z], null where there is no noise @param c the condition [B,C], null where there is none */
    public Tensor forward(@Nullable Tensor z, @Nullable Tensor c) {
        List<Tensor> in = new ArrayList<>();
        if (z != null) in.add(normed(z));
        if (embed != null && c != null) in.add(normed(embed.forward(c)));
        Tensor x = in.size() == 1 ? in.get(0) : Torch.cat(1, in);
        for (EqualLinear layer : layers) x = config.activation.of(layer.forward(x));
        return x.to(in.get(0).dtype());
    }

    /** x / sqrt(mean of squares + 1e-8), for each item. */
    static Tensor normed(Tensor x) { return x.mul(x.square().mean(true, 1).add(1e-8).rsqrt()); }

    /** The mean w, [W]; null where none is kept. */
    public @Nullable Tensor mean() { return mean; }

    /** Sets the mean w, [W]. */
    public void mean(Tensor w) {
        if (mean != null) mean.copyFrom(w);
    }
}
