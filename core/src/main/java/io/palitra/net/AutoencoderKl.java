package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Conv2d;
import io.palitra.nn.Module;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The autoencoder of latent diffusion: a picture to a Gaussian of latent pictures and back (Rombach et al. 2022, arXiv:2112.10752).
 * Configuration and names of tensors are those of diffusers' {@code AutoencoderKL}; {@link LegacyTensorNames} for its oldest files.
 */
public final class AutoencoderKl extends Module {
    private static final double LEAST_LOG_VAR = -30, MOST_LOG_VAR = 20;

    /**
     * diffusers' keys in camel case, and what Python calls None is 0 or empty.
     *
     * @param shiftFactor subtracted from latents before they are scaled for a diffusion model, null = nothing
     * @param latentsMean the same for each channel, or empty
     * @param latentsStd divisor of each channel, or empty
     */
    public record Config(CoderConfig coder, @Nullable Double shiftFactor, List<Double> latentsMean, List<Double> latentsStd,
            boolean useQuantConv, boolean usePostQuantConv) {
        private static final String CLASS = "AutoencoderKL";

        public Config {
            latentsMean = List.copyOf(latentsMean);
            latentsStd = List.copyOf(latentsStd);
            int z = coder.latentChannels();
            DiffusersConfigReader.check(latentsMean.isEmpty() || latentsMean.size() == z, "latents_mean", latentsMean, "one for each of "
                + z + " channels");
            DiffusersConfigReader.check(latentsStd.size() == latentsMean.size(), "latents_std", latentsStd, "one for each of latents_mean");
            DiffusersConfigReader.check(!latentsStd.contains(0.0), "latents_std", latentsStd, "other than 0");
        }

        /**
         * From a {@code config.json} of diffusers; keys that are missing have its defaults, keys that begin with _ do not describe the
         * network.
         *
         * @throws ConfigException for another class of model, an unknown key, and a value that is wrong
         */
        public static Config fromJson(JsonNode json) { return read(json, null); }

        /** As {@link #fromJson(JsonNode)}, but unknown keys are reported and ignored, as in diffusers. */
        public static Config fromJson(JsonNode json, Consumer<String> warn) { return read(json, warn); }

        private static Config read(JsonNode json, @Nullable Consumer<String> warn) {
            DiffusersConfigReader keys = new DiffusersConfigReader(json, CLASS, warn);
            Config read = new Config(CoderConfig.read(keys, 4, true), keys.numberOrNull("shift_factor"), keys.numbers("latents_mean"),
                keys.numbers("latents_std"), keys.yes("use_quant_conv", true), keys.yes("use_post_quant_conv", true));
            keys.others();
            return read;
        }

        /** What {@link #fromJson} reads, and diffusers' {@code AutoencoderKL.from_config}. */
        public ObjectNode toJson() {
            ObjectNode json = DiffusersConfigReader.object(CLASS);
            coder.write(json);
            json.put("shift_factor", shiftFactor);
            json.set("latents_mean", DiffusersConfigReader.listOrNull(latentsMean));
            json.set("latents_std", DiffusersConfigReader.listOrNull(latentsStd));
            return json.put("use_quant_conv", useQuantConv).put("use_post_quant_conv", usePostQuantConv);
        }
    }

    /** q(z|x), a Gaussian of independent numbers. mean and logVar [B,Z,h,w]. */
    public record Posterior(Tensor mean, Tensor logVar) {
        public Tensor sample(Rng rng) { return mean.add(logVar.mul(0.5).exp().mul(rng.normalLike(mean))); }

        public Tensor mode() { return mean; }
    }

    private final Config config;
    private final PictureEncoder encoder;
    private final PictureDecoder decoder;
    private final @Nullable Conv2d quantConv;
    private final @Nullable Conv2d postQuantConv;

    /** A network of fresh weights. */
    public AutoencoderKl(Config config, Rng rng) {
        this.config = config;
        int z = config.coder.latentChannels();
        encoder = child("encoder", new PictureEncoder(config.coder, 2 * z, rng));
        decoder = child("decoder", new PictureDecoder(config.coder, false, rng));
        quantConv = config.useQuantConv ? child("quant_conv", new Conv2d(2 * z, 2 * z, 1, 1, 0, rng)) : null;
        postQuantConv = config.usePostQuantConv ? child("post_quant_conv", new Conv2d(z, z, 1, 1, 0, rng)) : null;
    }

    public Config config() { return config; }

    /** x [B,in,H,W] in [-1,1]. The latents are not scaled: {@link #scaled}. @throws IllegalArgumentException for another shape */
    public Posterior encode(Tensor x) { return posterior(Scope.run(() -> moments(pictures(x)))); }

    /** By tiles, for H and W that are multiples of the {@link CoderConfig#factor}. */
    public Posterior encode(Tensor x, Tiling tiling) {
        int factor = config.coder.factor();
        if (pictures(x).size(2) % factor != 0 || x.size(3) % factor != 0) {
            throw new ArgumentException("the picture coder wants tiles of [B,C,H,W] with multiples of " + factor + ", got " + x);
        }
        return posterior(tiling.map(x, factor, 1, this::moments));
    }

    /** z [B,Z,h,w], not scaled, to [B,out,f h,f w] about [-1,1]. @throws IllegalArgumentException for another shape */
    public Tensor decode(Tensor z) { return Scope.run(() -> picture(latents(z))); }

    /** By tiles. */
    public Tensor decode(Tensor z, Tiling tiling) { return tiling.map(latents(z), 1, config.coder.factor(), this::picture); }

    /** Tiles of the size of the training's pictures, a quarter of which overlap. */
    public Tiling tiling() {
        int side = config.coder.sampleSize().isEmpty() ? 512 : config.coder.sampleSize().get(0);
        int tile = Math.max(1, side / config.coder.factor());
        return new Tiling(tile, tile / 4);
    }

    /** Latents as the input of a diffusion model: (z - mean) scale / deviation. */
    public Tensor scaled(Tensor z) {
        Tensor centred = config.latentsMean.isEmpty() ? z.sub(config.shiftFactor == null ? 0 : config.shiftFactor)
            : z.sub(channels(config.latentsMean, z)).div(channels(config.latentsStd, z));
        return centred.mul(config.coder.scalingFactor());
    }

    /** The inverse of {@link #scaled}: from a diffusion model's result to the input of {@link #decode}. */
    public Tensor unscaled(Tensor z) {
        Tensor wide = z.div(config.coder.scalingFactor());
        return config.latentsMean.isEmpty() ? wide.add(config.shiftFactor == null ? 0 : config.shiftFactor)
            : wide.mul(channels(config.latentsStd, z)).add(channels(config.latentsMean, z));
    }

    private static Tensor channels(List<Double> values, Tensor z) {
        double[] all = values.stream().mapToDouble(v -> v).toArray();
        return Torch.of(all, 1, all.length, 1, 1).to(z.dtype()).to(z.device());
    }

    private static Posterior posterior(Tensor moments) {
        Tensor[] q = moments.chunk(2, 1);   // mean, log of the variance: [B,Z,h,w] each
        return new Posterior(q[0], q[1].clamp(LEAST_LOG_VAR, MOST_LOG_VAR));
    }

    private Tensor moments(Tensor x) {
        Tensor h = encoder.forward(x);
        return quantConv == null ? h : quantConv.forward(h);
    }

    private Tensor picture(Tensor z) { return decoder.forward(postQuantConv == null ? z : postQuantConv.forward(z), null); }

    private Tensor pictures(Tensor x) { return shaped(x, config.coder.inChannels(), config.coder.factor()); }

    private Tensor latents(Tensor z) { return shaped(z, config.coder.latentChannels(), 1); }

    private static Tensor shaped(Tensor x, int channels, int least) {
        if (x.dims() == 4 && x.size(1) == channels && x.size(2) >= least && x.size(3) >= least) return x;
        throw new ArgumentException("the picture coder wants [B," + channels + ",H,W] of at least " + least + " pixels, got " + x);
    }
}
