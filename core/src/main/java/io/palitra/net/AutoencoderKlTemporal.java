package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Conv2d;
import io.palitra.nn.Init;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The autoencoder of latent diffusion whose decoder looks at the frames beside each frame (Blattmann et al. 2023, arXiv:2311.15127).
 * Configuration and names of tensors are those of diffusers' {@code AutoencoderKLTemporalDecoder}, the {@code vae} of Stable Video
 * Diffusion.
 */
public final class AutoencoderKlTemporal extends Module {
    private static final int GROUPS = 32;
    private static final double EPS = 1e-6, TEMPORAL_EPS = 1e-5;
    private static final double LEAST_LOG_VAR = -30, MOST_LOG_VAR = 20;

    /** @param coder of the encoder and of the decoder's widths; 32 groups and SiLU always, and no types of levels on the way up */
    public record Config(CoderConfig coder) {
        private static final String CLASS = "AutoencoderKLTemporalDecoder";

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
            List<CoderConfig.Block> down = keys.choices("down_block_types", List.of(CoderConfig.Block.PLAIN), CoderConfig.Block.values(),
                b -> b.down);
            CoderConfig coder = new CoderConfig(keys.whole("in_channels", 3), keys.whole("out_channels", 3), down,
                Collections.nCopies(down.size(), CoderConfig.Block.PLAIN), keys.wholes("block_out_channels", List.of(64)),
                keys.whole("layers_per_block", 1), Activation.SILU, keys.whole("latent_channels", 4), GROUPS,
                keys.size("sample_size", List.of(32)), keys.number("scaling_factor", 0.18215), true, keys.yes("force_upcast", true));
            keys.others();
            return new Config(coder);
        }

        /** What {@link #fromJson} reads, and diffusers' {@code AutoencoderKLTemporalDecoder.from_config}. */
        public ObjectNode toJson() {
            ObjectNode json = DiffusersConfigReader.object(CLASS);
            json.put("in_channels", coder.inChannels()).put("out_channels", coder.outChannels());
            ArrayNode down = json.putArray("down_block_types");
            coder.downBlockTypes().forEach(b -> down.add(b.down));
            coder.blockOutChannels().forEach(json.putArray("block_out_channels")::add);
            json.put("layers_per_block", coder.layersPerBlock()).put("latent_channels", coder.latentChannels());
            json.set("sample_size", DiffusersConfigReader.oneOrList(coder.sampleSize()));
            return json.put("scaling_factor", coder.scalingFactor()).put("force_upcast", coder.forceUpcast());
        }
    }

    /** A convolution over three frames at each place. */
    private static final class FrameConv extends Module {
        private final Tensor weight;
        private final Tensor bias;

        FrameConv(int channels, Rng rng) {
            weight = parameter("weight", Init.DEFAULT.draw(rng, 3L * channels, channels, channels, 3, 1, 1));
            bias = parameter("bias", Init.DEFAULT.draw(rng, 3L * channels, channels));
        }

        /** x [B,C,F,H W]. */
        Tensor forward(Tensor x) { return Torch.conv2d(x, weight.squeeze(4), bias, 1, new long[] {1, 0}); }
    }

    /** A residual block over frames: x + f(x), f = conv act norm conv act norm. x [B,C,F,H W]. */
    private static final class FrameBlock extends Module {
        private final Norm.Group norm1;
        private final FrameConv conv1;
        private final Norm.Group norm2;
        private final FrameConv conv2;

        FrameBlock(int channels, Rng rng) {
            norm1 = child("norm1", new Norm.Group(GROUPS, channels, TEMPORAL_EPS));
            conv1 = child("conv1", new FrameConv(channels, rng));
            norm2 = child("norm2", new Norm.Group(GROUPS, channels, TEMPORAL_EPS));
            conv2 = child("conv2", new FrameConv(channels, rng));
        }

        Tensor forward(Tensor x) {
            return x.add(conv2.forward(norm2.forward(conv1.forward(norm1.forward(x).silu())).silu()));
        }
    }

    /** Frames by themselves and together, in a learned proportion. */
    private static final class Block extends Module {
        private final ResnetBlock spatial;
        private final FrameBlock temporal;
        private final Tensor mix;

        Block(int in, int out, ResnetBlock.Style style, Rng rng) {
            spatial = child("spatial_res_block", new ResnetBlock(in, out, ResnetBlock.Resize.NONE, style, rng));
            temporal = child("temporal_res_block", new FrameBlock(out, rng));
            mix = child("time_mixer", new Mixer()).factor;
        }

        /** x [B F,C,H,W]. */
        Tensor forward(Tensor x, long frames) {
            return Scope.run(() -> {
                Tensor own = together(spatial.forward(x, null, null), frames);
                return apart(own.add(temporal.forward(own).sub(own).mul(mix.sigmoid())), x.size(2), x.size(3));
            });
        }
    }

    private static final class Mixer extends Module {
        private final Tensor factor = parameter("mix_factor", Torch.zeros(1));
    }

    /** [B F,C,H,W] to [B,C,F,H W]. */
    private static Tensor together(Tensor x, long frames) {
        return x.reshape(x.size(0) / frames, frames, x.size(1), x.size(2) * x.size(3)).transpose(1, 2);
    }

    /** [B,C,F,H W] to [B F,C,H,W]. */
    private static Tensor apart(Tensor x, long height, long width) {
        return x.transpose(1, 2).reshape(x.size(0) * x.size(2), x.size(1), height, width);
    }

    /** The blocks of one resolution, and perhaps a doubling of it. */
    private static final class Level extends Module {
        private final List<Block> resnets = new ArrayList<>();
        private final @Nullable Conv2d up;

        Level(int in, int out, int layers, boolean doubles, ResnetBlock.Style style, Rng rng) {
            for (int i = 0; i < layers; i++) resnets.add(child("resnets." + i, new Block(i == 0 ? in : out, out, style, rng)));
            up = doubles ? child("upsamplers.0.conv", new Conv2d(out, out, 3, 1, 1, rng)) : null;
        }

        Tensor forward(Tensor x, long frames) {
            Tensor h = x;
            for (Block block : resnets) h = block.forward(h, frames);
            return up == null ? h : up.forward(Torch.upsampleNearest(h, 2));
        }
    }

    /** Two residual blocks and attention between them; of one layer, the first block alone. */
    private static final class Middle extends Module {
        private final List<Block> resnets = new ArrayList<>();
        private final SelfAttention attention;

        Middle(int channels, int layers, ResnetBlock.Style style, Rng rng) {
            for (int i = 0; i < layers; i++) resnets.add(child("resnets." + i, new Block(channels, channels, style, rng)));
            attention = child("attentions.0", new SelfAttention(channels, channels, GROUPS, style, rng));
        }

        /** Blocks from the third on are in the files, and diffusers does not run them either. */
        Tensor forward(Tensor x, long frames) {
            Tensor h = resnets.get(0).forward(x, frames);
            return resnets.size() == 1 ? h : resnets.get(1).forward(attention.forward(h, null, null), frames);
        }
    }

    private static final class Decoder extends Module {
        private final Conv2d convIn;
        private final Middle middle;
        private final List<Level> ups = new ArrayList<>();
        private final Norm.Group normOut;
        private final Conv2d convOut;
        private final FrameConv timeConvOut;

        Decoder(CoderConfig c, Rng rng) {
            List<Integer> channels = c.blockOutChannels();
            int n = channels.size(), last = channels.get(n - 1);
            ResnetBlock.Style style = new ResnetBlock.Style(0, false, GROUPS, EPS, Activation.SILU, 0, 1, 0);
            convIn = child("conv_in", new Conv2d(c.latentChannels(), last, 3, 1, 1, rng));
            middle = child("mid_block", new Middle(last, c.layersPerBlock(), style, rng));
            for (int i = 0; i < n; i++) {
                int in = channels.get(Math.min(n - 1, n - i)), out = channels.get(n - 1 - i);
                ups.add(child("up_blocks." + i, new Level(in, out, c.layersPerBlock() + 1, i < n - 1, style, rng)));
            }
            normOut = child("conv_norm_out", new Norm.Group(GROUPS, channels.get(0), EPS));
            convOut = child("conv_out", new Conv2d(channels.get(0), c.outChannels(), 3, 1, 1, rng));
            timeConvOut = child("time_conv_out", new FrameConv(c.outChannels(), rng));
        }

        Tensor forward(Tensor z, long frames) {
            Tensor h = middle.forward(convIn.forward(z), frames);
            for (Level level : ups) {
                Tensor in = h;
                h = Scope.run(() -> level.forward(in, frames));
            }
            Tensor pictures = convOut.forward(normOut.forward(h).silu());
            return apart(timeConvOut.forward(together(pictures, frames)), pictures.size(2), pictures.size(3));
        }
    }

    private final Config config;
    private final PictureEncoder encoder;
    private final Decoder decoder;
    private final Conv2d quantConv;

    /** A network of fresh weights. */
    public AutoencoderKlTemporal(Config config, Rng rng) {
        this.config = config;
        int z = config.coder.latentChannels();
        encoder = child("encoder", new PictureEncoder(config.coder, 2 * z, rng));
        decoder = child("decoder", new Decoder(config.coder, rng));
        quantConv = child("quant_conv", new Conv2d(2 * z, 2 * z, 1, 1, 0, rng));
    }

    public Config config() { return config; }

    /** x [B F,in,H,W] in [-1,1], each frame by itself; the latents are not scaled. @throws IllegalArgumentException for another shape */
    public AutoencoderKl.Posterior encode(Tensor x) {
        shaped(x, config.coder.inChannels(), config.coder.factor());
        Tensor[] q = Scope.run(() -> quantConv.forward(encoder.forward(x))).chunk(2, 1);   // mean, log of the variance: [B F,Z,h,w] each
        return new AutoencoderKl.Posterior(q[0], q[1].clamp(LEAST_LOG_VAR, MOST_LOG_VAR));
    }

    /**
     * z [B F,Z,h,w], not scaled, the frames of a video in a row, to [B F,out,f h,f w] about [-1,1].
     *
     * @param frames of each video, F
     * @throws IllegalArgumentException for another shape, and a number that does not divide the items
     */
    public Tensor decode(Tensor z, int frames) {
        shaped(z, config.coder.latentChannels(), 1);
        if (frames < 1 || z.size(0) % frames != 0) {
            throw new ArgumentException("the video decoder wants videos of " + frames + " frames each, got " + z.size(0)
                + " frames in all");
        }
        return Scope.run(() -> decoder.forward(z, frames));
    }

    private static void shaped(Tensor x, int channels, int least) {
        if (x.dims() == 4 && x.size(1) == channels && x.size(2) >= least && x.size(3) >= least) return;
        throw new ArgumentException("the video coder wants [B F," + channels + ",H,W] of at least " + least + " pixels, got " + x);
    }
}
