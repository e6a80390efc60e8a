package io.palitra.net;

import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import org.jspecify.annotations.Nullable;

/** Attention of several heads, to oneself or across. Vaswani et al. 2017, arXiv:1706.03762. */
class Attention extends Module {
    private final int heads;
    private final Linear toQ;
    private final Linear toK;
    private final Linear toV;
    private final Linear toOut;

    /**
     * @param contextWidth width of the context, D'
     * @param bias whether queries, keys and values have a bias; the output layer always has one
     */
    Attention(int width, int contextWidth, int heads, int headDim, boolean bias, Rng rng) {
        this.heads = heads;
        int inner = heads * headDim;
        toQ = child("to_q", new Linear(width, inner, bias, rng));
        toK = child("to_k", new Linear(contextWidth, inner, bias, rng));
        toV = child("to_v", new Linear(contextWidth, inner, bias, rng));
        toOut = child("to_out.0", new Linear(inner, width, rng));
    }

    /** x [B,L,D] to [B,L,D]; context [B,S,D'], x itself for self-attention; bias [B,1,1,S] is added to the scores. */
    final Tensor attend(Tensor x, Tensor context, @Nullable Tensor bias) {
        Tensor o = Torch.attention(headed(toQ, x), headed(toK, context), headed(toV, context), bias);
        return toOut.forward(o.transpose(1, 2).reshape(x.size(0), x.size(1), -1));   // [B,heads,L,d] -> [B,L,heads d]
    }

    private Tensor headed(Linear to, Tensor x) {
        return to.forward(x).reshape(x.size(0), x.size(1), heads, -1).transpose(1, 2);   // [B,heads,L,d]
    }
}
