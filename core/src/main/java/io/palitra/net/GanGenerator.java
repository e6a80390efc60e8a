package io.palitra.net;

import io.palitra.engine.Tensor;
import io.palitra.nn.Module;
import io.palitra.nn.SpectralFilter;
import org.jspecify.annotations.Nullable;

/** The player of a generative adversarial network that draws: codes [B,Z+K], noise and after it a one-hot class, to items. */
public abstract class GanGenerator extends Module {
    /** Items [B, ...data shape] of codes [B,Z+K]. */
    public abstract Tensor forward(Tensor code);

    /** As {@link #forward(Tensor)}, of noise so truncated; 0 = not at all. It matters to who has statistics of several truncations. */
    public Tensor forward(Tensor code, double truncation) { return forward(code); }

    /** What it adds to its loss, a scalar; null for nothing. */
    public @Nullable Tensor penalty() { return null; }

    /** Moves the estimates of the largest singular values; without spectral norm there is nothing to move. */
    public final void iterate() { iterate(this); }

    static void iterate(Module of) {
        for (Module part : of.modules().values()) if (part instanceof SpectralFilter filter) filter.iterate();
    }
}
