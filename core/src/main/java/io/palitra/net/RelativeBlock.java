package io.palitra.net;

import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Embedding;
import io.palitra.nn.Init;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import io.palitra.nn.RelativeAttention;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A transformer block of relative attention, a norm before either half; to the places before, or to both sides. x [B,L,D]. */
final class RelativeBlock extends Module {
    private static final double EPS = 1e-5;

    private final int index;
    private final int heads;
    private final boolean causal;
    private final double dropout;
    private final Norm.Layer norm1;
    private final Linear qkv;
    private final Tensor relative;   // [heads,rows,d]
    private final Linear out;
    private final Norm.Layer norm2;
    private final Linear up;
    private final Linear down;

    /** @param reach distances that are told apart @param layers of the whole network */
    RelativeBlock(int index, int width, int heads, int reach, boolean causal, double dropout, int layers, Rng rng) {
        this.index = index;
        this.heads = heads;
        this.causal = causal;
        this.dropout = dropout;
        double small = 0.02 / Math.sqrt(2.0 * layers);
        Init last = (r, fanIn, shape) -> r.normal(shape).mul(small);
        norm1 = child("norm1", new Norm.Layer(width, EPS));
        qkv = child("qkv", new Linear(width, 3 * width, Init.DCGAN, Init.ZERO, rng));
        int rows = causal ? reach : 2 * reach - 1, d = width / heads;
        Embedding table = child("relative", new Embedding(heads * rows, d, Init.DCGAN, rng));
        relative = Objects.requireNonNull(table.parameters().get("weight"));
        out = child("out", new Linear(width, width, last, Init.ZERO, rng));
        norm2 = child("norm2", new Norm.Layer(width, EPS));
        up = child("up", new Linear(width, 4 * width, Init.DCGAN, Init.ZERO, rng));
        down = child("down", new Linear(4 * width, width, last, Init.ZERO, rng));
    }

    /** All places at once. @param mask [L,L], -infinity where a place is not seen; null for none @param rng of the dropout */
    Tensor forward(Tensor x, @Nullable Tensor mask, Rng rng) {
        return Scope.run(() -> {
            long b = x.size(0), n = x.size(1), width = x.size(2);
            Tensor all = qkv.forward(norm1.forward(x)).reshape(b, n, 3, heads, -1).permute(2, 0, 3, 1, 4);   // [3,B,H,L,d]
            Tensor q = all.select(0, 0), table = table(q.size(3));
            Tensor s = causal ? RelativeAttention.before(q, table) : RelativeAttention.bothSides(q, table);
            Tensor o = RelativeAttention.attend(q, all.select(0, 1), all.select(0, 2), s, mask);
            return rest(x, o.transpose(1, 2).reshape(b, n, width), rng);
        });
    }

    /** The place after those of the cache alone, to which it is added. x [B,1,D]. */
    Tensor next(Tensor x, KvCache cache, Rng rng) {
        return Scope.run(() -> {
            KvCache.Heads h = cache.with(index, qkv.forward(norm1.forward(x)).reshape(x.size(0), -1).contiguous());
            Tensor s = RelativeAttention.ofLast(h.q(), table(h.q().size(3)), h.k().size(2));
            return rest(x, RelativeAttention.attend(h.q(), h.k(), h.v(), s, null).reshape(x.shape()), rng);
        });
    }

    private Tensor table(long d) { return relative.reshape(heads, -1, d); }

    private Tensor rest(Tensor x, Tensor attended, Rng rng) {
        Tensor h = x.add(dropped(out.forward(attended), rng));
        return h.add(dropped(down.forward(up.forward(norm2.forward(h)).geluTanh()), rng));
    }

    private Tensor dropped(Tensor x, Rng rng) { return training() && dropout > 0 ? Torch.dropout(x, dropout, rng) : x; }
}
