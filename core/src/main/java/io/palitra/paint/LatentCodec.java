package io.palitra.paint;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ConfigException;
import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.net.AutoencoderKl;
import io.palitra.net.AutoencoderTiny;
import io.palitra.nn.Module;
import java.util.function.Consumer;

/** Pictures to latents as the U-Net wants them, and back. */
public sealed interface LatentCodec permits LatentCodec.Kl, LatentCodec.Tiny {
    Module net();

    /** Pixels of a picture for one of its latents, along one side. */
    int factor();

    int channels();

    /** x [B,3,H,W] in -1 to 1 to [B,C,H/f,W/f]; each picture has noise of its own. */
    default Tensor encode(Tensor x, Rng rng) { return draw(moments(x), rng); }

    /** Moments of the distribution of latents: x [B,3,H,W] in -1 to 1 to [B,M,H/f,W/f]. */
    Tensor moments(Tensor x);

    /** Latents [B,C,h,w] of moments [B,M,h,w]; each picture has noise of its own. */
    Tensor draw(Tensor moments, Rng rng);

    /** [B,C,h,w] to [B,3,f h,f w] about -1 to 1. */
    Tensor decode(Tensor z, boolean byTiles);

    /** Factor that scales the latents: two models whose coders differ in it cannot continue from each other's latents. */
    double scale();

    static LatentCodec of(String className, JsonNode config, Consumer<String> warn) {
        return switch (className) {
            case "AutoencoderKL" -> new Kl(new AutoencoderKl(AutoencoderKl.Config.fromJson(config, warn), Rng.silent()));
            case "AutoencoderTiny" -> new Tiny(new AutoencoderTiny(AutoencoderTiny.Config.fromJson(config, warn), Rng.silent()));
            default -> throw new ConfigException("vae", "no autoencoder '" + className + "'; there are AutoencoderKL, AutoencoderTiny");
        };
    }

    /** A variational autoencoder trained with an adversarial loss: Rombach et al. 2022. */
    record Kl(AutoencoderKl net) implements LatentCodec {
        @Override public int factor() { return net.config().coder().factor(); }

        @Override public int channels() { return net.config().coder().latentChannels(); }

        @Override public Tensor moments(Tensor x) {
            AutoencoderKl.Posterior q = net.encode(x.to(typeOf(net)));
            return Torch.cat(1, q.mean().to(DType.F32), q.logVar().to(DType.F32).mul(0.5).exp());
        }

        @Override public Tensor draw(Tensor moments, Rng rng) {
            Tensor[] q = moments.chunk(2, 1);   // mean, deviation: [B,C,h,w] each
            return net.scaled(q[0].add(q[1].mul(rng.normalLike(q[0]))));
        }

        @Override public Tensor decode(Tensor z, boolean byTiles) {
            Tensor in = net.unscaled(z).to(typeOf(net));
            return (byTiles ? net.decode(in, net.tiling()) : net.decode(in)).to(DType.F32);
        }

        @Override public double scale() { return net.config().coder().scalingFactor(); }
    }

    /** A small autoencoder, for previews. */
    record Tiny(AutoencoderTiny net) implements LatentCodec {
        @Override public int factor() { return net.config().factor(); }

        @Override public int channels() { return net.config().latentChannels(); }

        @Override public Tensor moments(Tensor x) { return net.encode(x.to(typeOf(net))).to(DType.F32); }

        @Override public Tensor draw(Tensor moments, Rng rng) { return moments; }

        @Override public Tensor decode(Tensor z, boolean byTiles) { return net.decode(z.to(typeOf(net))).to(DType.F32); }

        @Override public double scale() { return 1; }
    }

    private static DType typeOf(Module net) { return net.parameters().values().iterator().next().dtype(); }
}
