package io.palitra.net;

import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.nn.Norm;
import org.jspecify.annotations.Nullable;

/** Every pixel attends to every pixel: (x + attention(norm(x))) / scale. x [B,C,H,W]. */
final class SelfAttention extends Attention implements PictureAttention {
    private final double scale;
    private final PictureNorm norm;

    /** @param groups of the norm, 0 = no norm; where the style is spatial the norm is */
    SelfAttention(int channels, int headDim, int groups, ResnetBlock.Style style, Rng rng) {
        // below the channels in all where the head's width does not divide them
        super(channels, channels, channels / headDim, headDim, true, rng);
        scale = style.scale();
        if (style.spatial() > 0) {
            norm = child("spatial_norm", new SpatialNorm(channels, style.spatial(), rng));
        } else if (groups > 0) {
            Norm.Group group = child("group_norm", new Norm.Group(groups, channels, style.eps()));
            norm = (x, z) -> group.forward(x);
        } else {
            norm = (x, z) -> x;
        }
    }

    @Override public Tensor forward(Tensor x, @Nullable Tensor emb, @Nullable Text text) {
        return Scope.run(() -> {
            Tensor pixels = norm.forward(x, emb).flatten(2).transpose(1, 2);   // [B,C,H,W] -> [B,L,C]
            Tensor sum = x.add(attend(pixels, pixels, null).transpose(1, 2).reshape(x.shape()));
            return scale == 1 ? sum : sum.div(scale);
        });
    }
}
