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
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The autoencoder of VQGAN: a picture to codes of a codebook and back (van den Oord et al. 2017, arXiv:1711.00937; Esser et al. 2021,
 * arXiv:2012.09841). Configuration and names of tensors are those of diffusers' {@code VQModel}; {@link LegacyTensorNames} for its
 * oldest files.
 */
public final class VqModel extends Module {
    /** Norms of the decoder: of groups, or the same modulated by the quantised latents. */
    public enum Norms { GROUP, SPATIAL }

    /**
     * diffusers' keys in camel case, and what Python calls None is 0.
     *
     * @param numVqEmbeddings codes of the codebook
     * @param vqEmbedDim width of a code, 0 = the latent channels
     * @param lookupFromCodebook kept for the file: whether diffusers' decoder takes codes; here {@link #decodeCodes} does
     */
    public record Config(CoderConfig coder, int numVqEmbeddings, int vqEmbedDim, Norms normType, boolean lookupFromCodebook) {
        private static final String CLASS = "VQModel";

        public Config {
            DiffusersConfigReader.check(numVqEmbeddings >= 1 && numVqEmbeddings <= 1 << 24, "num_vq_embeddings", numVqEmbeddings,
                "1 to 2^24");
            DiffusersConfigReader.check(vqEmbedDim >= 0 && vqEmbedDim <= 1 << 14, "vq_embed_dim", vqEmbedDim, "1 to " + (1 << 14)
                + ", or null");
            if (normType == Norms.SPATIAL) {
                DiffusersConfigReader.check(vqEmbedDim == 0 || vqEmbedDim == coder.latentChannels(), "vq_embed_dim", vqEmbedDim,
                    "the " + coder.latentChannels() + " latent_channels, or null, with spatial norms");
                DiffusersConfigReader.check(coder.blockOutChannels().stream().allMatch(c -> c % SpatialNorm.GROUPS == 0),
                    "block_out_channels",
                    coder.blockOutChannels(), "multiples of " + SpatialNorm.GROUPS + " with spatial norms");
            }
        }

        /** Width of a code. */
        public int width() { return vqEmbedDim > 0 ? vqEmbedDim : coder.latentChannels(); }

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
            Config read = new Config(CoderConfig.read(keys, 3, false), keys.whole("num_vq_embeddings", 256),
                keys.wholeOr0("vq_embed_dim", 0), keys.choice("norm_type", Norms.GROUP), keys.yes("lookup_from_codebook", false));
            keys.others();
            return read;
        }

        /** What {@link #fromJson} reads, and diffusers' {@code VQModel.from_config}. */
        public ObjectNode toJson() {
            ObjectNode json = DiffusersConfigReader.object(CLASS);
            coder.write(json);
            return json.put("num_vq_embeddings", numVqEmbeddings).put("vq_embed_dim", DiffusersConfigReader.orNull(vqEmbedDim))
                .put("norm_type", DiffusersConfigReader.lower(normType)).put("lookup_from_codebook", lookupFromCodebook);
        }
    }

    /** How training moves the codebook: by its gradient, as a parameter, or by the owner of the network, as a buffer. */
    public enum Learned { BY_GRADIENT, BY_OWNER }

    /** The codes [K,D], uniform in [-1/K,1/K] at first. */
    private static final class Codebook extends Module {
        private final Tensor weight;

        Codebook(int codes, int width, Learned learned, Rng rng) {
            Tensor first = rng.uniform(codes, width).mul(2.0 / codes).sub(1.0 / codes);
            weight = learned == Learned.BY_GRADIENT ? parameter("weight", first) : buffer("weight", first);
        }
    }

    private final Config config;
    private final PictureEncoder encoder;
    private final Conv2d quantConv;
    private final Codebook codebook;
    private final Conv2d postQuantConv;
    private final PictureDecoder decoder;

    /** A network of fresh weights, all of them parameters. */
    public VqModel(Config config, Rng rng) { this(config, Learned.BY_GRADIENT, rng); }

    /** A network of fresh weights. */
    public VqModel(Config config, Learned codes, Rng rng) {
        this.config = config;
        int z = config.coder.latentChannels();
        encoder = child("encoder", new PictureEncoder(config.coder, z, rng));
        quantConv = child("quant_conv", new Conv2d(z, config.width(), 1, 1, 0, rng));
        codebook = child("quantize.embedding", new Codebook(config.numVqEmbeddings, config.width(), codes, rng));
        postQuantConv = child("post_quant_conv", new Conv2d(config.width(), z, 1, 1, 0, rng));
        decoder = child("decoder", new PictureDecoder(config.coder, config.normType == Norms.SPATIAL, rng));
    }

    public Config config() { return config; }

    /** All codes [K,D]: the tensor itself. */
    public Tensor codebook() { return codebook.weight; }

    /** x [B,in,H,W] in [-1,1] to latents [B,D,h,w] that are not yet codes. @throws IllegalArgumentException for another shape */
    public Tensor encode(Tensor x) {
        int least = config.coder.factor();
        if (x.dims() != 4 || x.size(1) != config.coder.inChannels() || x.size(2) < least || x.size(3) < least) {
            throw new ArgumentException("the first stage wants [B," + config.coder.inChannels() + ",H,W] of at least " + least
                + " pixels, got " + x);
        }
        return Scope.run(() -> quantConv.forward(encoder.forward(x)));
    }

    /** Of each latent pixel the nearest code: latents [B,D,h,w] to I64 [B,h,w]. */
    public Tensor codes(Tensor latents) {
        return Scope.run(() -> {
            Tensor pixels = latents(latents).permute(0, 2, 3, 1).reshape(-1, config.width());
            return Torch.cdist(pixels, codebook.weight).argmin(1).reshape(latents.size(0), latents.size(2), latents.size(3));
        });
    }

    /** I64 [B,h,w] to the codes themselves, [B,D,h,w]. */
    public Tensor lookup(Tensor codes) { return Scope.run(() -> Torch.embedding(codebook.weight, codes).permute(0, 3, 1, 2).contiguous()); }

    /** Latents to their nearest codes, both [B,D,h,w]; gradients pass straight through to the latents. */
    public Tensor quantized(Tensor latents) {
        return Scope.run(() -> latents.add(lookup(codes(latents)).sub(latents).detach()));
    }

    /** Latents [B,D,h,w] by way of their nearest codes to [B,out,f h,f w]. @throws IllegalArgumentException for another shape */
    public Tensor decode(Tensor latents) { return Scope.run(() -> decodeQuantized(quantized(latents))); }

    /** Codes I64 [B,h,w] to [B,out,f h,f w]. */
    public Tensor decodeCodes(Tensor codes) { return Scope.run(() -> decodeQuantized(lookup(codes))); }

    /** Latents [B,D,h,w] as they are, codes or not. */
    public Tensor decodeQuantized(Tensor latents) {
        return Scope.run(() -> decoder.forward(postQuantConv.forward(latents(latents)), latents));
    }

    private Tensor latents(Tensor z) {
        if (z.dims() == 4 && z.size(1) == config.width()) return z;
        throw new ArgumentException("the first stage wants latents of [B," + config.width() + ",H,W], got " + z);
    }
}
