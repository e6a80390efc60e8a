package io.palitra.net;

import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Conv2d;
import io.palitra.nn.Module;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/** The blocks of one resolution, on the way down or up: residual blocks, perhaps attention after each, a change of resolution. */
final class UnetLevel extends Module {
    /** A part that changes the resolution; on the way up to that of {@code like}, or to the double. */
    @FunctionalInterface private interface Resampler {
        Tensor forward(Tensor x, @Nullable Tensor emb, @Nullable Tensor like, @Nullable Rng rng);
    }

    private final List<ResnetBlock> resnets = new ArrayList<>();
    private final List<PictureAttention> attentions = new ArrayList<>();
    private @Nullable Resampler resampler;

    /**
     * @param in input channels of each residual block
     * @param attention that of a layer, null = none
     */
    <A extends Module & PictureAttention> UnetLevel(int[] in, int out, ResnetBlock.Style style, @Nullable IntFunction<A> attention,
        Rng rng) {
        for (int i = 0; i < in.length; i++) {
            resnets.add(child("resnets." + i, new ResnetBlock(in[i], out, ResnetBlock.Resize.NONE, style, rng)));
            if (attention != null) attentions.add(child("attentions." + i, attention.apply(i)));
        }
    }

    /** Input channels of the residual blocks of a level: of the first those of the level before, of the others the level's own. */
    static int[] inputs(int before, int own, int layers) {
        int[] in = new int[layers];
        Arrays.fill(in, own);
        in[0] = before;
        return in;
    }

    /** The same on the way up, where a skip connection is a further input of each block; that of the last is of the level above. */
    static int[] inputs(int below, int own, int above, int layers) {
        int[] in = new int[layers + 1];
        Arrays.fill(in, 2 * own);
        in[0] = below + own;
        in[layers] = own + above;
        return in;
    }

    /** @param padding 1 = on all sides, 0 = right and below only */
    void down(int channels, boolean resnet, int padding, ResnetBlock.Style style, Rng rng) {
        if (resnet) {
            ResnetBlock half = child("downsamplers.0", new ResnetBlock(channels, channels, ResnetBlock.Resize.HALF, style, rng));
            resampler = (x, emb, like, r) -> half.forward(x, emb, r);
        } else {
            Conv2d conv = child("downsamplers.0.conv", new Conv2d(channels, channels, 3, 2, padding, rng));
            resampler = (x, emb, like, r) -> Scope.run(() -> conv.forward(padding == 0 ? Torch.pad(x, 0, 1, 0, 1) : x));
        }
    }

    void up(int channels, boolean resnet, ResnetBlock.Style style, Rng rng) {
        if (resnet) {
            ResnetBlock twice = child("upsamplers.0", new ResnetBlock(channels, channels, ResnetBlock.Resize.DOUBLE, style, rng));
            resampler = (x, emb, like, r) -> twice.forward(x, emb, r);
        } else {
            Conv2d conv = child("upsamplers.0.conv", new Conv2d(channels, channels, 3, 1, 1, rng));
            resampler = (x, emb, like, r) -> Scope.run(() -> conv.forward(like == null ? Torch.upsampleNearest(x, 2)
                : Torch.nearest(x, like.size(2), like.size(3))));
        }
    }

    /** The way down of a U-Net; every result is kept for a skip connection. */
    Tensor descend(Tensor x, Tensor emb, PictureAttention.@Nullable Text text, @Nullable Rng rng, Deque<Tensor> kept) {
        Tensor h = x;
        for (int i = 0; i < resnets.size(); i++) {
            h = layer(i, h, emb, text, rng);
            kept.push(h);
        }
        if (resampler != null) {
            h = resampler.forward(h, emb, null, rng);
            kept.push(h);
        }
        return h;
    }

    /** The way up: an input of each block is the newest skip connection, and the result has the resolution of the next one. */
    Tensor ascend(Tensor x, Tensor emb, PictureAttention.@Nullable Text text, @Nullable Rng rng, Deque<Tensor> kept) {
        Tensor h = x;
        for (int i = 0; i < resnets.size(); i++) {
            int at = i;
            Tensor below = h;
            Tensor skip = kept.pop();
            h = Scope.run(() -> layer(at, Torch.cat(1, below, skip), emb, text, rng));
        }
        return resampler == null ? h : resampler.forward(h, emb, kept.peek(), rng);
    }

    /** Keeps nothing and frees x: the results of a large picture would fill the memory. z for spatial norms. */
    Tensor spend(Tensor x, @Nullable Tensor z) {
        Tensor h = x;
        for (int i = 0; i < resnets.size(); i++) {
            h = resnets.get(i).spend(h, z);
            if (!attentions.isEmpty()) h = freed(h, attentions.get(i).forward(h, z, null));
        }
        return resampler == null ? h : freed(h, resampler.forward(h, z, null, null));
    }

    private static Tensor freed(Tensor before, Tensor after) {
        before.free();
        return after;
    }

    private Tensor layer(int i, Tensor x, @Nullable Tensor emb, PictureAttention.@Nullable Text text, @Nullable Rng rng) {
        return attentions.isEmpty() ? resnets.get(i).forward(x, emb, rng)
            : Scope.run(() -> attentions.get(i).forward(resnets.get(i).forward(x, emb, rng), emb, text));
    }
}
