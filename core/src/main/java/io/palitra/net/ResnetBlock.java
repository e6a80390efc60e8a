package io.palitra.net;

import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Conv2d;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import org.jspecify.annotations.Nullable;

/**
 * The residual block of diffusion's U-Nets, (x + f(x, emb)) / scale with f = conv act norm conv act norm (Ho et al. 2020,
 * arXiv:2006.11239, appendix B); emb enters between the convolutions. x [B,in,H,W], emb [B,E] already through act,
 * result [B,out,H',W'].
 */
final class ResnetBlock extends Module {
    /** How the block resamples the picture, before its first convolution. */
    enum Resize { NONE, HALF, DOUBLE }

    /**
     * Settings that all blocks of a network share.
     *
     * @param embedding width E of emb, 0 = the block takes none
     * @param scaleShift emb gives a scale and a shift after the second norm (Dhariwal and Nichol 2021, arXiv:2105.05233), otherwise a shift
     *     before it
     * @param scale of the result's division
     * @param spatial channels of the latent picture that modulates the norms and stands in emb's place, 0 = norms of groups
     */
    record Style(int embedding, boolean scaleShift, int groups, double eps, Activation act, double dropout, double scale, int spatial) {
        Style scaled(double by) { return new Style(embedding, scaleShift, groups, eps, act, dropout, by, spatial); }
    }

    private final Style style;
    private final Resize resize;
    private final PictureNorm norm1;
    private final Conv2d conv1;
    private final @Nullable Linear timeEmbProj;
    private final PictureNorm norm2;
    private final Conv2d conv2;
    private final @Nullable Conv2d shortcut;

    ResnetBlock(int in, int out, Resize resize, Style style, Rng rng) {
        this.style = style;
        this.resize = resize;
        norm1 = norm("norm1", in, rng);
        conv1 = child("conv1", new Conv2d(in, out, 3, 1, 1, rng));
        timeEmbProj = style.embedding == 0 ? null
            : child("time_emb_proj", new Linear(style.embedding, style.scaleShift ? 2 * out : out, rng));
        norm2 = norm("norm2", out, rng);
        conv2 = child("conv2", new Conv2d(out, out, 3, 1, 1, rng));
        shortcut = in == out ? null : child("conv_shortcut", new Conv2d(in, out, 1, 1, 0, rng));
    }

    private PictureNorm norm(String name, int channels, Rng rng) {
        if (style.spatial > 0) return child(name, new SpatialNorm(channels, style.spatial, rng));
        Norm.Group group = child(name, new Norm.Group(style.groups, channels, style.eps));
        return (x, z) -> group.forward(x);
    }

    /** rng draws the dropout of training; evaluation needs none. */
    Tensor forward(Tensor x, @Nullable Tensor emb, @Nullable Rng rng) { return Scope.run(() -> residual(x, emb, rng, false)); }

    /** The same in evaluation; x must not be used again: it is freed as soon as possible. */
    Tensor spend(Tensor x, @Nullable Tensor emb) { return Scope.run(() -> residual(x, emb, null, true)); }

    // A picture of many channels is large: each is freed as soon as possible.
    private Tensor residual(Tensor x, @Nullable Tensor emb, @Nullable Rng rng, boolean spends) {
        Tensor n = Scope.run(() -> resized(style.act.over(norm1.forward(x, emb))));
        Tensor early = spends ? skipped(x) : null;
        if (early != null && early != x) x.free();
        Tensor h = conv1.forward(n);
        n.free();
        Tensor e = timeEmbProj == null || emb == null ? null : timeEmbProj.forward(emb).unsqueeze(2).unsqueeze(3);   // [B,out or 2 out,1,1]
        Tensor a = Scope.run(() -> dropped(h, e, emb, rng));
        h.free();
        Tensor f = conv2.forward(a);
        a.free();
        Tensor sum = f.addOver(early == null ? skipped(x) : early);
        if (early != null) early.free();
        return style.scale == 1 ? sum : sum.div(style.scale);
    }

    private Tensor skipped(Tensor x) { return shortcut == null ? resized(x) : Scope.run(() -> shortcut.forward(resized(x))); }

    private Tensor modulated(Tensor h, @Nullable Tensor e, @Nullable Tensor z) {
        if (e == null) return norm2.forward(h, z);
        if (!style.scaleShift) return norm2.forward(h.addOver(e), z);
        Tensor[] s = e.chunk(2, 1);
        return norm2.forward(h, z).mul(s[0].add(1)).add(s[1]);
    }

    private Tensor dropped(Tensor h, @Nullable Tensor e, @Nullable Tensor z, @Nullable Rng rng) {
        return FeedForward.dropped(this, style.act.over(modulated(h, e, z)), style.dropout, rng);
    }

    private Tensor resized(Tensor x) {
        return switch (resize) {
            case NONE -> x;
            case HALF -> Torch.avgPool(x, 2);
            case DOUBLE -> Torch.upsampleNearest(x, 2);
        };
    }
}
