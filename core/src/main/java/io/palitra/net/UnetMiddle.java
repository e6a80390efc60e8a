package io.palitra.net;

import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.nn.Module;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The blocks at the lowest resolution: a residual block, and perhaps attention, and perhaps another residual block. */
final class UnetMiddle extends Module {
    private final ResnetBlock first;
    private final @Nullable PictureAttention attention;
    private final @Nullable ResnetBlock second;

    /** @param two residual blocks, or one */
    <A extends Module & PictureAttention> UnetMiddle(int channels, boolean two, ResnetBlock.Style style, @Nullable Supplier<A> attention,
            Rng rng) {
        first = child("resnets.0", new ResnetBlock(channels, channels, ResnetBlock.Resize.NONE, style, rng));
        this.attention = attention == null ? null : child("attentions.0", attention.get());
        second = two ? child("resnets.1", new ResnetBlock(channels, channels, ResnetBlock.Resize.NONE, style, rng)) : null;
    }

    Tensor forward(Tensor x, @Nullable Tensor emb, PictureAttention.@Nullable Text text, @Nullable Rng rng) {
        return Scope.run(() -> {
            Tensor h = first.forward(x, emb, rng);
            if (attention != null) h = attention.forward(h, emb, text);
            return second == null ? h : second.forward(h, emb, rng);
        });
    }
}
