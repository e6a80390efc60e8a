package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Module;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Noise to a style to a picture. Karras et al. 2019, arXiv:1812.04948; 2020, arXiv:1912.04958. Configuration and names of tensors are those
 * of NVIDIA's {@code Generator} (stylegan2-ada-pytorch).
 */
public final class StyleGenerator extends Module {
    /**
     * NVIDIA's arguments.
     *
     * @param zDim numbers of noise
     * @param cDim numbers of the condition, 0 = none
     * @param wDim numbers in a style
     * @param imgResolution side of a picture, see {@link StylePictures#sides}
     */
    public record Config(int zDim, int cDim, int wDim, int imgResolution, int imgChannels, StyleMapping.Config mapping,
            StyleSynthesis.Config synthesis) {
        static final String CLASS = "Generator";
        private static final int WIDEST = 1 << 14;

        public Config {
            DiffusersConfigReader.check(zDim >= 0 && zDim <= WIDEST, "z_dim", zDim, "0 to " + WIDEST);
            DiffusersConfigReader.check(cDim >= 0 && cDim <= WIDEST, "c_dim", cDim, "0 to " + WIDEST);
            DiffusersConfigReader.check(zDim + cDim > 0, "z_dim", zDim, "above 0 where c_dim is 0");
            DiffusersConfigReader.check(wDim >= 1 && wDim <= WIDEST, "w_dim", wDim, "1 to " + WIDEST);
            DiffusersConfigReader.check(imgChannels >= 1 && imgChannels <= WIDEST, "img_channels", imgChannels, "1 to " + WIDEST);
            side(imgResolution, 4);
        }

        static void side(int side, int least) {
            DiffusersConfigReader.check(side >= least && side <= 1 << 12 && StylePictures.sided(side), "img_resolution", side,
                "4, 5, 6 or 7 doubled some times, and at least " + least);
        }

        /** @throws io.palitra.config.ConfigException for a key that NVIDIA's class has not, and for a value that is wrong */
        public static Config fromJson(JsonNode json) {
            DiffusersConfigReader keys = new DiffusersConfigReader(json, CLASS);
            Config read = new Config(keys.whole("z_dim", 512), keys.whole("c_dim", 0), keys.whole("w_dim", 512),
                keys.whole("img_resolution", 0), keys.whole("img_channels", 3),
                StyleMapping.Config.fromJson(keys.within("mapping_kwargs"), true),
                StyleSynthesis.Config.fromJson(keys.within("synthesis_kwargs")));
            keys.others();
            return read;
        }

        /** What {@link #fromJson} reads, and the arguments of NVIDIA's class. */
        public ObjectNode toJson() {
            ObjectNode json = DiffusersConfigReader.object(CLASS);
            json.put("z_dim", zDim).put("c_dim", cDim).put("w_dim", wDim).put("img_resolution", imgResolution)
                .put("img_channels", imgChannels);
            json.set("mapping_kwargs", mapping.toJson(true));
            json.set("synthesis_kwargs", synthesis.toJson());
            return json;
        }
    }

    private final Config config;
    private final StyleMapping mapping;
    private final StylePictures synthesis;

    public StyleGenerator(Config config, Rng rng) {
        this.config = config;
        mapping = child("mapping", new StyleMapping(config.mapping(), config.zDim(), config.cDim(), config.wDim(), rng));
        StyleSynthesis.Config s = config.synthesis();
        synthesis = child("synthesis", s.architecture() == StyleSynthesis.Architecture.ADAIN
            ? new AdainSynthesis(s, config.wDim(), config.imgResolution(), config.imgChannels(), rng)
            : new StyleSynthesis(s, config.wDim(), config.imgResolution(), config.imgChannels(), rng));
    }

    public Config config() { return config; }

    public StyleMapping mapping() { return mapping; }

    public StylePictures synthesis() { return synthesis; }

    /** Styles [B,L,W] of noise z [B,Z] and the condition c [B,C], null where there is none. */
    public Tensor styles(Tensor z, @Nullable Tensor c) { return spread(mapping.forward(config.zDim() > 0 ? z : null, c)); }

    /** One style w [B,W] for all layers: [B,L,W], a view. */
    public Tensor spread(Tensor w) { return w.unsqueeze(1).expand(w.size(0), synthesis.layers(), w.size(1)); }

    /**
     * mean + psi (w - mean) in the first {@code cutoff} layers, in all if it is 0. Karras et al. 2019, appendix B.
     *
     * @throws IllegalArgumentException where psi is not 1 and the network keeps no mean
     */
    public Tensor truncated(Tensor ws, double psi, int cutoff) {
        if (psi == 1) return ws;
        Tensor mean = mapping.mean();
        if (mean == null) throw new ArgumentException("illegal truncation: " + psi + ", must be 1: the network keeps no mean style");
        int layers = cutoff == 0 ? (int) ws.size(1) : Math.min(cutoff, (int) ws.size(1));
        Tensor near = mean.to(ws.dtype()).lerp(ws.narrow(1, 0, layers), psi);
        return layers == ws.size(1) ? near : Torch.cat(1, near, ws.narrow(1, layers, ws.size(1) - layers));
    }

    /** Pictures [B,C,H,W] of styles [B,L,W]. @param noises see {@link StylePictures#forward} */
    public Tensor draw(Tensor ws, List<Tensor> noises) { return synthesis.forward(ws, noises); }
}
