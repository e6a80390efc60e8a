package io.palitra.net;

import io.palitra.engine.Tensor;
import io.palitra.nn.Module;
import org.jspecify.annotations.Nullable;

/** The player of a generative adversarial network that judges: items to scores, high for real ones. */
public abstract class GanDiscriminator extends Module {
    /** Scores [B] of items [B, ...data shape]. @param y classes [B,K], one-hot; null where there are none */
    public abstract Tensor forward(Tensor x, @Nullable Tensor y);

    /** Moves the estimates of the largest singular values; without spectral norm there is nothing to move. */
    public final void iterate() { GanGenerator.iterate(this); }
}
