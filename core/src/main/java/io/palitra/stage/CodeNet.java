package io.palitra.stage;

import io.palitra.config.Help;
import io.palitra.net.PixelNet;
import java.util.List;

/** The network that predicts the codes of a picture one after the other. */
public sealed interface CodeNet permits Transformer, CodeNet.Pixelcnn {
    /** Convolutions over the grid of codes. van den Oord et al. 2017, arXiv:1711.00937. */
    record Pixelcnn(@Help("the convolutions") PixelNet.Config net,
            @Help(value = "numbers to a code", min = 1, max = 4096) int table) implements CodeNet {
        public Pixelcnn() { this(new PixelNet.Config.Gated(96, List.of(1, 1, 2, 1, 1, 2)), 64); }
    }
}
