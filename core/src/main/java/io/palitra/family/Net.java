package io.palitra.family;

import io.palitra.config.Help;
import java.util.List;

/** The network of an autoencoder: how the encoder narrows; the decoder mirrors it. SiLU between layers (Elfwing et al. 2017). */
public sealed interface Net {
    /** Fully connected layers, for points and small pictures. */
    record Mlp(@Help(value = "widths of the encoder's hidden layers; the decoder has them in reverse", min = 1, max = 65536)
            List<Integer> hidden) implements Net {
        public Mlp() { this(List.of(512, 256)); }

        public Mlp { hidden = List.copyOf(hidden); }
    }

    /**
     * Convolutions of stride 2 that double the channels, down to sides of 4 to 7 pixels: three halvings at most of 32x32, four of 64x64,
     * two of 28x28.
     */
    record Conv(@Help(value = "channels after the first halving", min = 8, max = 4096) int width) implements Net {
        public Conv() { this(32); }

        public Conv {
            if (width % 8 != 0) throw new IllegalArgumentException("illegal width: " + width + ", must be a multiple of 8");
        }
    }
}
