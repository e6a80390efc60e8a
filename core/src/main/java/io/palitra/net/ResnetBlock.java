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
    /** What happens to the picture inside, before the first convolution. */
    enum Resize { NONE, HALF, DOUBLE }

    /**
     * What all blocks of a network share.
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
    Tensor forward(Tensor x, @Nullable Tensor emb, @Nullable Rng rng) { return Scope.run(() -> residual(x, emb, rng)); }

    private Tensor residual(Tensor x, @Nullable Tensor emb, @Nullable Rng rng) {
        Tensor h = Scope.run(() -> conv1.forward(resized(style.act.of(norm1.forward(x, emb)))));
        Tensor e = timeEmbProj == null || emb == null ? null : timeEmbProj.forward(emb).unsqueeze(2).unsqueeze(3);   // [B,out or 2 out,1,1]
        Tensor f = Scope.run(() -> conv2.forward(dropped(h, e, emb, rng)));
        Tensor kept = resized(x);
        Tensor sum = (shortcut == null ? kept : shortcut.forward(kept)).add(f);
        return style.scale == 1 ? sum : sum.div(style.scale);
    }

    private Tensor modulated(Tensor h, @Nullable Tensor e, @Nullable Tensor z) {
        if (e == null) return norm2.forward(h, z);
        if (!style.scaleShift) return norm2.forward(h.add(e), z);
        Tensor[] s = e.chunk(2, 1);
        return norm2.forward(h, z).mul(s[0].add(1)).add(s[1]);
    }

    private Tensor dropped(Tensor h, @Nullable Tensor e, @Nullable Tensor z, @Nullable Rng rng) {
        return FeedForward.dropped(this, style.act.of(modulated(h, e, z)), style.dropout, rng);
    }

    private Tensor resized(Tensor x) {
        return switch (resize) {
            case NONE -> x;
            case HALF -> Torch.avgPool(x, 2);
            case DOUBLE -> Torch.upsampleNearest(x, 2);
        };
    }
}
