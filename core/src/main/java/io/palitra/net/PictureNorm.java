package io.palitra.net;

import io.palitra.engine.Tensor;
import org.jspecify.annotations.Nullable;

/** A norm of pictures [B,C,H,W]; {@link SpatialNorm} wants z. */
@FunctionalInterface
interface PictureNorm { Tensor forward(Tensor x, @Nullable Tensor z); }
