package io.palitra.net;

import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;

/** A text's vector for the embedded time: its mean token attends to it. Saharia et al. 2022, arXiv:2205.11487. */
final class TextPooling extends Module {
    private static final class Pool extends Module {
        private final int heads;
        private final Tensor position;
        private final Linear k;
        private final Linear q;
        private final Linear v;

        Pool(int width, int heads, Rng rng) {
            this.heads = heads;
            position = parameter("positional_embedding", rng.normal(1, width).div(Math.sqrt(width)));
            k = child("k_proj", new Linear(width, width, rng));
            q = child("q_proj", new Linear(width, width, rng));
            v = child("v_proj", new Linear(width, width, rng));
        }

        /** [B,S,D] to [B,D]. */
        Tensor forward(Tensor x) {
            Tensor mean = x.mean(true, 1).add(position);   // [B,1,D]
            Tensor all = Torch.cat(1, mean, x);
            return Torch.attention(headed(q, mean), headed(k, all), headed(v, all), false).reshape(x.size(0), -1);
        }

        private Tensor headed(Linear to, Tensor x) {
            return to.forward(x).reshape(x.size(0), x.size(1), heads, -1).transpose(1, 2);   // [B,heads,S,d]
        }
    }

    private final Norm.Layer norm1;
    private final Pool pool;
    private final Linear proj;
    private final Norm.Layer norm2;

    TextPooling(int width, int embedding, int heads, Rng rng) {
        norm1 = child("norm1", new Norm.Layer(width, 1e-5));
        pool = child("pool", new Pool(width, heads, rng));
        proj = child("proj", new Linear(width, embedding, rng));
        norm2 = child("norm2", new Norm.Layer(embedding, 1e-5));
    }

    /** [B,S,D] to [B,E]. */
    Tensor forward(Tensor text) { return norm2.forward(proj.forward(pool.forward(norm1.forward(text)))); }
}
