package io.palitra.stage;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.data.ImageSpec;
import io.palitra.net.AutoencoderKl;
import io.palitra.net.CoderConfig;
import java.util.List;

/** The network of an autoencoder: how the encoder narrows; the decoder mirrors it. SiLU between layers (Elfwing et al. 2017). */
public sealed interface AutoencoderNet permits AutoencoderNet.Mlp, AutoencoderNet.Conv, AutoencoderNet.Kl {
    /** Fully connected layers, for points and small pictures. */
    record Mlp(@Help(value = "widths of the encoder's hidden layers; the decoder has them in reverse", min = 1, max = 65536)
            List<Integer> hidden) implements AutoencoderNet {
        public Mlp() { this(List.of(512, 256)); }

        public Mlp { hidden = List.copyOf(hidden); }
    }

    /**
     * Convolutions of stride 2 that double the channels, down to sides of 4 to 7 pixels: three halvings at most of 32x32, four of 64x64,
     * two of 28x28.
     */
    record Conv(@Help(value = "channels after the first halving", min = 8, max = 4096) int width) implements AutoencoderNet {
        public Conv() { this(32); }

        public Conv {
            if (width % 8 != 0) throw new ArgumentException("illegal width: " + width + ", must be a multiple of 8");
        }
    }

    /**
     * The autoencoder of latent diffusion (Rombach et al. 2022, arXiv:2112.10752), whose code is a small picture: diffusers'
     * {@code AutoencoderKL}. Sides must be multiples of 2^(levels - 1). For a Vae.
     */
    record Kl(
            @Help(value = "channels of each level, from the full resolution down; each level halves it", min = 1, max = 4096)
            List<Integer> channels,
            @Help(value = "residual blocks in a level of the encoder; the decoder has one more", min = 1, max = 16) int layers,
            @Help(value = "groups of channels that are normalised together; must divide channels", min = 1, max = 4096) int groups)
                implements AutoencoderNet {
        public Kl() { this(List.of(16, 32, 64), 1, 8); }

        public Kl {
            channels = AutoencoderShape.checked(channels, groups);
        }

        /** The network of this size on pictures of that shape. @param latent channels of the code */
        public AutoencoderKl.Config autoencoder(ImageSpec image, int latent) {
            CoderConfig coder = AutoencoderShape.of(image, channels, layers, groups, latent, true, true);
            return new AutoencoderKl.Config(coder, null, List.of(), List.of(), true, true);
        }
    }
}
