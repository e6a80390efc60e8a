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

/**
 * A picture's tokens, however many, to a fixed number: learned vectors attend to them and to each other (Alayrac et al. 2022,
 * arXiv:2204.14198). Names of tensors are those of transformers' {@code IdeficsPerceiverResampler}.
 */
public final class PerceiverResampler extends Module {
    private static final double EPS = 1e-5;
    private static final int WIDER = 4;

    /**
     * @param width of the picture's tokens, and of the results
     * @param heads their number; together they need not be as wide as the tokens
     * @param latents results of a picture
     * @param headNorms whether a norm of each head follows queries and keys
     */
    public record Size(int width, int depth, int heads, int headDim, int latents, boolean headNorms) {}

    private static final class Attention extends Module {
        private final int heads;
        private final Norm.Layer contextNorm;
        private final Norm.Layer latentsNorm;
        private final Norm.@Nullable Layer qNorm;
        private final Norm.@Nullable Layer kNorm;
        private final Linear q;
        private final Linear k;
        private final Linear v;
        private final Linear out;

        Attention(Size s, Rng rng) {
            heads = s.heads;
            int inner = s.heads * s.headDim;
            contextNorm = child("context_layer_norm", new Norm.Layer(s.width, EPS));
            latentsNorm = child("latents_layer_norm", new Norm.Layer(s.width, EPS));
            qNorm = s.headNorms ? child("q_layer_norm", new Norm.Layer(s.headDim, EPS)) : null;
            kNorm = s.headNorms ? child("k_layer_norm", new Norm.Layer(s.headDim, EPS)) : null;
            q = child("q_proj", new Linear(s.width, inner, false, rng));
            k = child("k_proj", new Linear(s.width, inner, false, rng));
            v = child("v_proj", new Linear(s.width, inner, false, rng));
            out = child("output_proj", new Linear(inner, s.width, false, rng));
        }

        Tensor forward(Tensor context, Tensor latents) {
            Tensor own = latentsNorm.forward(latents), all = Torch.cat(1, contextNorm.forward(context), own);
            Tensor o = Torch.attention(headed(q, own, qNorm), headed(k, all, kNorm), headed(v, all, null), false);
            return out.forward(o.transpose(1, 2).reshape(latents.size(0), latents.size(1), -1));   // [N,heads,L,d] -> [N,L,heads d]
        }

        private Tensor headed(Linear to, Tensor x, Norm.@Nullable Layer norm) {
            Tensor h = to.forward(x).reshape(x.size(0), x.size(1), heads, -1).transpose(1, 2);   // [N,heads,L,d]
            return norm == null ? h : norm.forward(h);
        }
    }

    private static final class Mlp extends Module {
        private final Norm.Layer norm;
        private final Linear fc;
        private final Linear proj;

        Mlp(int width, Rng rng) {
            norm = child("ln", new Norm.Layer(width, EPS));
            fc = child("fc", new Linear(width, WIDER * width, false, rng));
            proj = child("c_proj", new Linear(WIDER * width, width, false, rng));
        }

        Tensor forward(Tensor x) { return proj.forward(fc.forward(norm.forward(x)).relu()); }
    }

    private final Tensor latents;
    private final List<Attention> attentions = new ArrayList<>();
    private final List<Mlp> mlps = new ArrayList<>();
    private final Norm.Layer norm;

    public PerceiverResampler(Size size, Rng rng) {
        latents = parameter("latents", rng.normal(size.latents, size.width));
        for (int i = 0; i < size.depth; i++) {
            attentions.add(child("blocks." + i + ".0", new Attention(size, rng)));
            mlps.add(child("blocks." + i + ".1", new Mlp(size.width, rng)));
        }
        norm = child("layer_norm", new Norm.Layer(size.width, EPS));
    }

    /** [N,S,D] to [N,latents,D], each picture by itself. */
    public Tensor forward(Tensor context) {
        return Scope.run(() -> {
            Tensor h = latents.expand(context.size(0), latents.size(0), latents.size(1));
            for (int i = 0; i < mlps.size(); i++) {
                Tensor a = h.add(attentions.get(i).forward(context, h));
                h = a.add(mlps.get(i).forward(a));
            }
            return norm.forward(h);
        });
    }
}
