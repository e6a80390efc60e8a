package io.palitra.net;

import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import org.jspecify.annotations.Nullable;

/**
 * A block before one of a language model that lets its tokens attend to pictures: x + tanh(a) attention(x, pictures), then x + tanh(b)
 * MLP(x) (Alayrac et al. 2022, arXiv:2204.14198). The gates a and b begin at 0, where the block is the identity bit for bit. Names of
 * tensors are those of transformers' {@code IdeficsGatedCrossAttentionLayer}.
 */
public final class GatedCrossAttention extends Module {
    /** What is added where a picture is not attended to: finite, so that a token without any still gives a finite result. */
    private static final double HIDDEN = -Float.MAX_VALUE;

    /**
     * @param width of the text's tokens
     * @param pictureWidth of the pictures' tokens
     * @param inner width between the layers of the MLP
     * @param headNorms whether a norm of each head follows queries and keys
     * @param vectorGates a gate for each channel, otherwise one for all
     */
    public record Size(int width, int pictureWidth, int heads, int inner, HiddenActivation act, double eps, boolean headNorms,
            boolean vectorGates) {}

    private final int heads;
    private final Norm.Rms norm1;
    private final Linear q;
    private final Linear k;
    private final Linear v;
    private final Linear o;
    private final Norm.@Nullable Rms qNorm;
    private final Norm.@Nullable Rms kNorm;
    private final Norm.Rms norm2;
    private final GatedMlp mlp;
    private final Tensor alphaAttention;
    private final Tensor alphaDense;

    public GatedCrossAttention(Size s, Rng rng) {
        heads = s.heads;
        q = child("cross_attn.q_proj", new Linear(s.width, s.width, false, rng));
        k = child("cross_attn.k_proj", new Linear(s.pictureWidth, s.width, false, rng));
        v = child("cross_attn.v_proj", new Linear(s.pictureWidth, s.width, false, rng));
        o = child("cross_attn.o_proj", new Linear(s.width, s.width, false, rng));
        qNorm = s.headNorms ? child("cross_attn.q_layer_norm", new Norm.Rms(s.width / s.heads, s.eps)) : null;
        kNorm = s.headNorms ? child("cross_attn.k_layer_norm", new Norm.Rms(s.width / s.heads, s.eps)) : null;
        mlp = child("mlp", new GatedMlp(s.width, s.inner, s.act, rng));
        norm1 = child("input_layernorm", new Norm.Rms(s.width, s.eps));
        norm2 = child("post_attention_layernorm", new Norm.Rms(s.width, s.eps));
        long[] gates = s.vectorGates ? new long[] {1, 1, s.width} : new long[] {1};
        alphaAttention = parameter("alpha_cross_attn", Torch.zeros(gates));
        alphaDense = parameter("alpha_dense", Torch.zeros(gates));
    }

    /**
     * x [B,L,D] to the same shape.
     *
     * @param pictures tokens of an item's pictures in a row, [B,N S,D']
     * @param sees [B,L,N], 1 where a token attends to a picture; nothing is added by the attention to a token that sees none
     */
    public Tensor forward(Tensor x, Tensor pictures, Tensor sees) {
        return Scope.run(() -> {
            long b = x.size(0), length = x.size(1), each = pictures.size(1) / sees.size(2);
            Tensor hidden = sees.eq(0);
            Tensor bias = Torch.zeros(b, 1, length, pictures.size(1)).to(x.device())
                .maskedFill(hidden.unsqueeze(3).expand(b, length, sees.size(2), each).reshape(b, 1, length, -1), HIDDEN);
            Tensor blind = sees.any(2).eq(0).unsqueeze(2);   // [B,L,1]
            Tensor a = Torch.attention(headed(q, norm1.forward(x), qNorm), headed(k, pictures, kNorm), headed(v, pictures, null), bias);
            Tensor seen = o.forward(a.transpose(1, 2).reshape(x.shape())).maskedFill(blind, 0);
            Tensor h = x.add(seen.mul(alphaAttention.tanh()));
            return h.add(mlp.forward(norm2.forward(h)).mul(alphaDense.tanh()));
        });
    }

    private Tensor headed(Linear to, Tensor x, Norm.@Nullable Rms norm) {
        Tensor h = to.forward(x).reshape(x.size(0), x.size(1), heads, -1).transpose(1, 2);   // [B,heads,L,d]
        return norm == null ? h : norm.forward(h);
    }
}
