package io.palitra.net;

import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import org.jspecify.annotations.Nullable;

/**
 * A block of GPT-2: attention to tokens before, then two layers over each token, a norm before either (Radford et al. 2019). Names of
 * tensors are transformers'. A token is a row of x [B L,D], the L of a text in a row.
 */
final class GptBlock extends Module {
    /** x W + b with W [in,out], the other way round than {@link io.palitra.nn.Linear}. */
    private static final class Projection extends Module {
        private final Tensor weight;
        private final Tensor bias;

        Projection(int in, int out, double deviation, Rng rng) {
            weight = parameter("weight", rng.normal(in, out).mul(deviation));
            bias = parameter("bias", Torch.zeros(out));
        }

        Tensor forward(Tensor x) { return Torch.addmm(bias, x, weight); }
    }

    private static final double DEVIATION = 0.02;

    /** Which tokens a token attends to where no bias says so. */
    enum Sight { BEFORE, ALL }

    private final int index;
    private final int heads;
    private final double scale;
    private final Sight sight;
    private final double dropout;
    private final HiddenActivation act;
    private final Norm.Layer norm1;
    private final Projection qkv;
    private final Projection out;
    private final Norm.Layer norm2;
    private final Projection up;
    private final Projection down;

    /**
     * @param index of the block, from 0
     * @param inner width between the last two layers
     * @param scale of the queries, beside the root of a head's width
     * @param layers of the whole network: the more, the smaller the first weights that write to the residual stream, as GPT-2's
     */
    GptBlock(int index, int width, int heads, int inner, double scale, HiddenActivation act, double eps, int layers, Rng rng) {
        this(index, width, heads, inner, scale, act, eps, layers, Sight.BEFORE, 0, rng);
    }

    /** @param dropout chance that a number of what either half adds is zeroed in training */
    GptBlock(int index, int width, int heads, int inner, double scale, HiddenActivation act, double eps, int layers, Sight sight,
            double dropout, Rng rng) {
        this.sight = sight;
        this.dropout = dropout;
        this.index = index;
        this.heads = heads;
        this.scale = scale;
        this.act = act;
        double last = DEVIATION / Math.sqrt(2.0 * layers);
        norm1 = child("ln_1", new Norm.Layer(width, eps));
        qkv = child("attn.c_attn", new Projection(width, 3 * width, DEVIATION, rng));
        out = child("attn.c_proj", new Projection(width, width, last, rng));
        norm2 = child("ln_2", new Norm.Layer(width, eps));
        up = child("mlp.c_fc", new Projection(width, inner, DEVIATION, rng));
        down = child("mlp.c_proj", new Projection(inner, width, last, rng));
    }

    /**
     * x [B L,D] to the same shape.
     *
     * @param bias added to the scores, stretched to [B,heads,L,S]; null: every token attends to all of the cache and, without a cache, to
     *     itself and those before it
     * @param cache keys and values of the tokens before, to which those of x are added; null for none
     */
    Tensor forward(Tensor x, long batch, @Nullable Tensor bias, @Nullable KvCache cache) { return forward(x, batch, bias, cache, null); }

    /** @param rng draws what dropout zeroes in training; null where it zeroes nothing */
    Tensor forward(Tensor x, long batch, @Nullable Tensor bias, @Nullable KvCache cache, @Nullable Rng rng) {
        return forward(x, batch, bias, cache, null, rng);
    }

    /** As without a cache, where tokens tell each other's places by rotation. */
    Tensor forward(Tensor x, long batch, Rotary places, @Nullable Rng rng) { return forward(x, batch, null, null, places, rng); }

    private Tensor forward(Tensor x, long batch, @Nullable Tensor bias, @Nullable KvCache cache, @Nullable Rotary places,
            @Nullable Rng rng) {
        return Scope.run(() -> {
            Tensor h = dropped(out.forward(attended(norm1.forward(x), batch, bias, cache, places)), rng).addOver(x);
            return dropped(down.forward(act.of(up.forward(norm2.forward(h)))), rng).addOver(h);
        });
    }

    private Tensor dropped(Tensor x, @Nullable Rng rng) { return FeedForward.dropped(this, x, dropout, rng); }

    private Tensor attended(Tensor x, long batch, @Nullable Tensor bias, @Nullable KvCache cache, @Nullable Rotary places) {
        long length = x.size(0) / batch;
        KvCache.Heads h = cache == null ? heads(qkv.forward(x), batch, length, places) : cache.with(index, qkv.forward(x));
        Tensor q = scale == 1 ? h.q() : h.q().mul(scale);
        boolean causal = bias == null && cache == null && length > 1 && sight == Sight.BEFORE;
        Tensor o = causal ? Torch.attention(q, h.k(), h.v(), true) : Torch.attention(q, h.k(), h.v(), bias);   // [B,heads,L,d]
        return (length == 1 ? o : o.transpose(1, 2)).reshape(x.shape());
    }

    private KvCache.Heads heads(Tensor qkv, long batch, long length, @Nullable Rotary places) {
        Tensor all = qkv.reshape(batch, length, 3, heads, -1).permute(2, 0, 3, 1, 4);   // [3,B,heads,L,d]
        Tensor both = places == null ? all : places.turn(all.narrow(0, 0, 2));
        return new KvCache.Heads(both.select(0, 0), both.select(0, 1), all.select(0, 2));
    }
}
