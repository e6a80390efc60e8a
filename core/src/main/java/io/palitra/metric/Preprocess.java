package io.palitra.metric;

import io.palitra.config.ArgumentException;
import io.palitra.data.Pictures;
import io.palitra.engine.DType;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.net.InceptionV3;

/**
 * How pictures are resized for the Inception network. Distances by one are not comparable with those by the other: Parmar et al. 2022,
 * arXiv:2104.11222. Both begin with the bytes that a file of the picture would hold, since both programs named here read files.
 */
public enum Preprocess {
    /** clean-fid's "clean": Pillow's bicubic, smoothed as it shrinks, kept within 0 and 255 and not rounded; then (x - 128) / 128. */
    CLEAN {
        @Override Tensor resized(Tensor bytes) {
            Tensor across = weights(bytes, bytes.size(3)), down = weights(bytes, bytes.size(2));
            return down.matmul(bytes.matmul(across.t())).clamp(0, 255).sub(128).div(128);
        }
    },
    /** pytorch-fid's, and clean-fid's "legacy_pytorch": bilinear, with the aliasing of pictures that shrink; then 2 x / 255 - 1. */
    PYTORCH {
        @Override Tensor resized(Tensor bytes) {
            return Torch.bilinear(bytes.div(255), InceptionV3.SIZE, InceptionV3.SIZE).mul(2).sub(1);
        }
    };

    /** bytes F32 [B,3,H,W] to [B,3,299,299] as the network wants it. */
    abstract Tensor resized(Tensor bytes);

    /** x [B,1 or 3,H,W] in [-1,1], what is beyond cut off; to [B,3,299,299]. A grey picture becomes three equal channels. */
    public Tensor of(Tensor x) {
        if (x.dims() != 4 || x.size(1) != 1 && x.size(1) != 3 || x.size(2) < 1 || x.size(3) < 1) {
            throw new ArgumentException("Inception wants pictures [B,1 or 3,H,W], got " + x);
        }
        return Scope.run(() -> {
            Tensor bytes = x.to(DType.F32).add(1).mul(127.5).clamp(0, 255).round();
            Tensor sized = resized(bytes);   // grey before, colour after: a third of the work
            return sized.size(1) == 3 ? sized : sized.expand(sized.size(0), 3, sized.size(2), sized.size(3)).contiguous();
        });
    }

    /** [299,n] */
    private static Tensor weights(Tensor like, long n) {
        return Torch.of(Pictures.bicubic(Math.toIntExact(n), InceptionV3.SIZE), InceptionV3.SIZE, n).to(like.device());
    }
}
