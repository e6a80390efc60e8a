package io.palitra.net;

import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The two layers at the end of a transformer's block, four times as wide between. [B,L,D] to [B,L,D]. */
public final class FeedForward extends Module {
    private static final int WIDER = 4;

    /** What stands between the layers. With a gate the first layer is twice as wide: Shazeer 2020, arXiv:2002.05202. */
    public enum Kind {
        GELU(false), GELU_APPROXIMATE(false), GEGLU(true),
        /** x sigmoid(1.702 x), by its name in diffusers; it has no gate. */
        GEGLU_APPROXIMATE(false),
        SWIGLU(true), LINEAR_SILU(false);

        private final boolean gated;

        Kind(boolean gated) { this.gated = gated; }

        /** The value of diffusers' {@code activation_fn}. */
        String key() { return name().toLowerCase(Locale.ROOT).replace('_', '-'); }
    }

    private final Kind kind;
    private final double dropout;
    private final Linear in;
    private final Linear out;

    FeedForward(int width, Kind kind, double dropout, Rng rng) {
        this.kind = kind;
        this.dropout = dropout;
        in = child("net.0.proj", new Linear(width, (kind.gated ? 2 : 1) * WIDER * width, rng));
        out = child("net.2", new Linear(WIDER * width, width, rng));
    }

    Tensor forward(Tensor x, @Nullable Rng rng) {
        Tensor h = in.forward(x);
        Tensor y = switch (kind) {
            case GELU -> h.gelu();
            case GELU_APPROXIMATE -> h.geluTanh();
            case GEGLU_APPROXIMATE -> h.mul(h.mul(1.702).sigmoid());
            case LINEAR_SILU -> h.silu();
            case GEGLU -> gated(h, Activation.GELU);
            case SWIGLU -> gated(h, Activation.SILU);
        };
        return out.forward(dropped(this, y, dropout, rng));
    }

    private static Tensor gated(Tensor h, Activation act) {
        Tensor[] parts = h.chunk(2, -1);
        return parts[0].mul(act.of(parts[1]));
    }

    /** The dropout of a part that is in training. */
    static Tensor dropped(Module part, Tensor x, double p, @Nullable Rng rng) {
        if (!part.training() || p == 0) return x;
        if (rng == null) throw new IllegalStateException("training with dropout " + p + " wants an Rng, got none");
        return Torch.dropout(x, p, rng);
    }
}
