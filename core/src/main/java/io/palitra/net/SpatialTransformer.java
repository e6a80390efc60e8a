package io.palitra.net;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.nn.Conv2d;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Pixels that attend to each other and to a text (Rombach et al. 2022, arXiv:2112.10752): x + f(x, text). x [B,C,H,W]. */
final class SpatialTransformer extends Module implements PictureAttention {
    /**
     * Settings that all transformers of a network share.
     *
     * @param groups of the norm
     * @param linear projections to and from the blocks are linear layers, otherwise convolutions of one pixel
     */
    record Style(int groups, boolean linear) {}

    /** x + attention(x), + attention(x, text), + feed-forward, each after a norm. */
    private static final class Block extends Module {
        private final boolean onlyText;
        private final Norm.Layer norm1;
        private final Attention attn1;
        private final Norm.Layer norm2;
        private final Attention attn2;
        private final Norm.Layer norm3;
        private final FeedForward ff;

        Block(int width, int heads, int textWidth, boolean onlyText, Rng rng) {
            this.onlyText = onlyText;
            int headDim = width / heads;
            norm1 = child("norm1", new Norm.Layer(width, 1e-5));
            attn1 = child("attn1", new Attention(width, onlyText ? textWidth : width, heads, headDim, false, rng));
            norm2 = child("norm2", new Norm.Layer(width, 1e-5));
            attn2 = child("attn2", new Attention(width, textWidth, heads, headDim, false, rng));
            norm3 = child("norm3", new Norm.Layer(width, 1e-5));
            ff = child("ff", new FeedForward(width, FeedForward.Kind.GEGLU, 0, rng));
        }

        Tensor forward(Tensor x, Text text) {
            Tensor n1 = norm1.forward(x);
            Tensor a = attn1.attend(n1, onlyText ? text.states() : n1, null).addOver(x);
            Tensor b = attn2.attend(norm2.forward(a), text.states(), text.bias()).addOver(a);
            return ff.forward(norm3.forward(b), null).addOver(b);
        }
    }

    private final Norm.Group norm;
    private final @Nullable Linear linearIn;
    private final @Nullable Conv2d convIn;
    private final List<Block> blocks = new ArrayList<>();
    private final @Nullable Linear linearOut;
    private final @Nullable Conv2d convOut;

    /** @param onlyText the first attention of a block is to the text, too */
    SpatialTransformer(int channels, int heads, int layers, int textWidth, boolean onlyText, Style style, Rng rng) {
        int inner = heads * (channels / heads);   // below the channels where the heads do not divide them
        norm = child("norm", new Norm.Group(style.groups, channels, 1e-6));
        linearIn = style.linear ? child("proj_in", new Linear(channels, inner, rng)) : null;
        convIn = style.linear ? null : child("proj_in", new Conv2d(channels, inner, 1, 1, 0, rng));
        for (int i = 0; i < layers; i++) {
            blocks.add(child("transformer_blocks." + i, new Block(inner, heads, textWidth, onlyText, rng)));
        }
        linearOut = style.linear ? child("proj_out", new Linear(inner, channels, rng)) : null;
        convOut = style.linear ? null : child("proj_out", new Conv2d(inner, channels, 1, 1, 0, rng));
    }

    @Override public Tensor forward(Tensor x, @Nullable Tensor emb, @Nullable Text text) {
        if (text == null) throw new ArgumentException("cross attention wants a text, got none");
        return Scope.run(() -> {
            Tensor h = pixels(x);
            for (Block block : blocks) {
                Tensor in = h;
                h = Scope.run(() -> block.forward(in, text));
            }
            return picture(h, x.size(2), x.size(3)).addOver(x);
        });
    }

    /** [B,C,H,W] to [B,H W,D]. */
    private Tensor pixels(Tensor x) {
        Tensor n = norm.forward(x);
        if (convIn != null) return convIn.forward(n).flatten(2).transpose(1, 2);
        Tensor pixels = n.flatten(2).transpose(1, 2);
        return linearIn == null ? pixels : linearIn.forward(pixels);
    }

    private Tensor picture(Tensor pixels, long height, long width) {
        Tensor p = linearOut == null ? pixels : linearOut.forward(pixels);
        Tensor picture = p.transpose(1, 2).reshape(p.size(0), p.size(2), height, width);
        return convOut == null ? picture : convOut.forward(picture);
    }
}
