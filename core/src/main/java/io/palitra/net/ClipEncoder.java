package io.palitra.net;

import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The pre-norm transformer of CLIP, for texts and for pictures. Radford et al. 2021, arXiv:2103.00020. [B,L,D] to [B,L,D]. */
final class ClipEncoder extends Module {
    /** @param inner width between the two layers that end a block */
    record Size(int width, int inner, int layers, int heads, HiddenActivation act, double eps) {}

    private static final class Attention extends Module {
        private final int heads;
        private final Linear q;
        private final Linear k;
        private final Linear v;
        private final Linear out;

        Attention(int width, int heads, Rng rng) {
            this.heads = heads;
            q = child("q_proj", new Linear(width, width, rng));
            k = child("k_proj", new Linear(width, width, rng));
            v = child("v_proj", new Linear(width, width, rng));
            out = child("out_proj", new Linear(width, width, rng));
        }

        Tensor forward(Tensor x, @Nullable Tensor bias) {
            Tensor o = Torch.attention(headed(q, x), headed(k, x), headed(v, x), bias);
            return out.forward(o.transpose(1, 2).reshape(x.shape()));   // [B,heads,L,d] -> [B,L,D]
        }

        private Tensor headed(Linear to, Tensor x) {
            return to.forward(x).reshape(x.size(0), x.size(1), heads, -1).transpose(1, 2);   // [B,heads,L,d]
        }
    }

    private static final class Layer extends Module {
        private final HiddenActivation act;
        private final Norm.Layer norm1;
        private final Attention attention;
        private final Norm.Layer norm2;
        private final Linear fc1;
        private final Linear fc2;

        Layer(Size s, Rng rng) {
            act = s.act;
            attention = child("self_attn", new Attention(s.width, s.heads, rng));
            norm1 = child("layer_norm1", new Norm.Layer(s.width, s.eps));
            fc1 = child("mlp.fc1", new Linear(s.width, s.inner, rng));
            fc2 = child("mlp.fc2", new Linear(s.inner, s.width, rng));
            norm2 = child("layer_norm2", new Norm.Layer(s.width, s.eps));
        }

        Tensor forward(Tensor x, @Nullable Tensor bias) {
            return Scope.run(() -> {
                Tensor h = x.add(attention.forward(norm1.forward(x), bias));
                return h.add(fc2.forward(act.of(fc1.forward(norm2.forward(h)))));
            });
        }
    }

    private final List<Layer> layers = new ArrayList<>();

    ClipEncoder(Size size, Rng rng) {
        for (int i = 0; i < size.layers; i++) layers.add(child("layers." + i, new Layer(size, rng)));
    }

    /** x and the output of each layer, in order. bias [1 or B,1,L,L] is added to the scores. */
    List<Tensor> forward(Tensor x, @Nullable Tensor bias) {
        List<Tensor> hidden = new ArrayList<>(List.of(x));
        for (Layer layer : layers) hidden.add(layer.forward(hidden.get(hidden.size() - 1), bias));
        return hidden;
    }
}
