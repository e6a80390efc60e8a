package io.palitra.net;

import io.palitra.engine.Tensor;
import org.jspecify.annotations.Nullable;

/** What may follow a residual block. x [B,C,H,W] to the same shape; emb as residual blocks get it; text for those that attend to it. */
@FunctionalInterface
interface PictureAttention {
    /** Text [B,S,D'] and what is added to the scores of its tokens, [B,1,1,S]. */
    record Text(Tensor states, @Nullable Tensor bias) {}

    Tensor forward(Tensor x, @Nullable Tensor emb, @Nullable Text text);
}
