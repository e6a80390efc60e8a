package io.palitra.net;

import io.palitra.engine.Tensor;
import org.jspecify.annotations.Nullable;

/** Attention after a residual block. x [B,C,H,W] to the same shape; emb is the input of residual blocks; text for cross-attention. */
@FunctionalInterface
interface PictureAttention {
    /** Text [B,S,D'] and the attention bias of its tokens, [B,1,1,S]. */
    record Text(Tensor states, @Nullable Tensor bias) {}

    Tensor forward(Tensor x, @Nullable Tensor emb, @Nullable Text text);
}
