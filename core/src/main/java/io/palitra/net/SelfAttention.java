package io.palitra.net;

import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import org.jspecify.annotations.Nullable;

/** Every pixel attends to every pixel: (x + attention(norm(x))) / scale. Vaswani et al. 2017, arXiv:1706.03762. x [B,C,H,W]. */
final class SelfAttention extends Module {
    private final int heads;
    private final double scale;
    private final Norm.@Nullable Group norm;
    private final Linear toQ;
    private final Linear toK;
    private final Linear toV;
    private final Linear toOut;

    /** @param groups of the norm, 0 = no norm */
    SelfAttention(int channels, int headDim, int groups, double eps, double scale, Rng rng) {
        heads = channels / headDim;
        int inner = heads * headDim;   // below the channels where the head's width does not divide them
        this.scale = scale;
        norm = groups == 0 ? null : child("group_norm", new Norm.Group(groups, channels, eps));
        toQ = child("to_q", new Linear(channels, inner, rng));
        toK = child("to_k", new Linear(channels, inner, rng));
        toV = child("to_v", new Linear(channels, inner, rng));
        toOut = child("to_out.0", new Linear(inner, channels, rng));
    }

    Tensor forward(Tensor x) { return Scope.run(() -> attended(x)); }

    private Tensor attended(Tensor x) {
        long b = x.size(0);
        Tensor pixels = (norm == null ? x : norm.forward(x)).flatten(2).transpose(1, 2);   // [B,C,H,W] -> [B,L,C]
        Tensor o = Torch.attention(headed(toQ, pixels), headed(toK, pixels), headed(toV, pixels), false);
        Tensor joined = o.transpose(1, 2).reshape(b, pixels.size(1), -1);   // [B,heads,L,d] -> [B,L,heads d]
        Tensor sum = x.add(toOut.forward(joined).transpose(1, 2).reshape(x.shape()));
        return scale == 1 ? sum : sum.div(scale);
    }

    private Tensor headed(Linear to, Tensor pixels) {
        return to.forward(pixels).reshape(pixels.size(0), pixels.size(1), heads, -1).transpose(1, 2);   // [B,heads,L,d]
    }
}
