package io.palitra.net;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import org.jspecify.annotations.Nullable;

/** Pixels that attend to a text and to each other in one attention (Nichol et al. 2021, arXiv:2112.10741): x + f(x, text). x [B,C,H,W]. */
final class AddedAttention extends Module implements PictureAttention {
    private static final double EPS = 1e-5;   // whatever the network's norm_eps
    private static final int TEXT_GROUPS = 32;

    private final int heads;
    private final Norm.Group norm;
    private final Norm.@Nullable Group groupNorm;
    private final Norm.@Nullable Layer layerNorm;
    private final Linear toQ;
    private final @Nullable Linear toK;
    private final @Nullable Linear toV;
    private final Linear textK;
    private final Linear textV;
    private final Linear toOut;

    /**
     * @param groups of the pixels' norm
     * @param onlyText pixels do not attend to each other
     */
    AddedAttention(int channels, int headDim, int textWidth, int groups, boolean onlyText, UnetCondition2d.CrossNorm textNorm, Rng rng) {
        heads = channels / headDim;
        int inner = heads * headDim;   // below the channels where the head's width does not divide them
        norm = child("group_norm", new Norm.Group(groups, channels, EPS));
        groupNorm = textNorm == UnetCondition2d.CrossNorm.GROUP_NORM
            ? child("norm_cross", new Norm.Group(TEXT_GROUPS, textWidth, EPS)) : null;
        layerNorm = textNorm == UnetCondition2d.CrossNorm.LAYER_NORM ? child("norm_cross", new Norm.Layer(textWidth, EPS)) : null;
        toQ = child("to_q", new Linear(channels, inner, rng));
        toK = onlyText ? null : child("to_k", new Linear(channels, inner, rng));
        toV = onlyText ? null : child("to_v", new Linear(channels, inner, rng));
        textK = child("add_k_proj", new Linear(textWidth, inner, rng));
        textV = child("add_v_proj", new Linear(textWidth, inner, rng));
        toOut = child("to_out.0", new Linear(inner, channels, rng));
    }

    @Override public Tensor forward(Tensor x, @Nullable Tensor emb, @Nullable Text text) {
        if (text == null) throw new ArgumentException("cross attention wants a text, got none");
        return Scope.run(() -> {
            Tensor pixels = norm.forward(x.flatten(2)).transpose(1, 2);   // [B,C,H,W] -> [B,L,C]
            Tensor words = normed(text.states());
            Tensor k = headed(textK, words), v = headed(textV, words), bias = text.bias();
            if (toK != null && toV != null) {
                k = Torch.cat(2, k, headed(toK, pixels));
                v = Torch.cat(2, v, headed(toV, pixels));
                if (bias != null) bias = Torch.cat(3, bias, Torch.zeros(x.size(0), 1, 1, pixels.size(1)).to(bias.dtype()).to(x.device()));
            }
            Tensor o = Torch.attention(headed(toQ, pixels), k, v, bias).transpose(1, 2).reshape(x.size(0), pixels.size(1), -1);
            return toOut.forward(o).transpose(1, 2).reshape(x.shape()).addOver(x);
        });
    }

    private Tensor normed(Tensor states) {
        if (layerNorm != null) return layerNorm.forward(states);
        return groupNorm == null ? states : groupNorm.forward(states.transpose(1, 2)).transpose(1, 2);
    }

    private Tensor headed(Linear to, Tensor x) {
        return to.forward(x).reshape(x.size(0), x.size(1), heads, -1).transpose(1, 2);   // [B,heads,L,d]
    }
}
