package io.palitra.stage;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;

/** The size of a transformer over codes. */
public record Transformer(@Help(value = "numbers to a token; a multiple of heads", min = 8, max = 8192) int width,
        @Help(value = "blocks", min = 1, max = 128) int layers, @Help(value = "heads of attention", min = 1, max = 128) int heads)
        implements CodeNet {
    public Transformer() { this(256, 6, 8); }

    public Transformer {
        if (heads < 1 || width % heads != 0) {
            throw new ArgumentException("illegal width: " + width + ", must be a multiple of heads " + heads);
        }
    }
}
