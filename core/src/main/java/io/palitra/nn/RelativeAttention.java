package io.palitra.nn;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.jspecify.annotations.Nullable;

/**
 * Attention that knows how far away a place is: softmax((q k^T + S) / sqrt(d)) v with S_ij = q_i . r_(i-j), where r has a learned row for
 * each distance and head. Shaw et al. 2018, arXiv:1803.02155; S is made by padding, reshaping and slicing, so that no L x L x d table is
 * built: Huang et al. 2019, "Music Transformer", arXiv:1809.04281, section 3.4.1. Farther than the rows reach S is 0.
 */
public final class RelativeAttention {
    private RelativeAttention() {}

    /**
     * S of places and those before them, [B,heads,L,L]; what stands right of the diagonal means nothing.
     *
     * @param q [B,heads,L,d]
     * @param relative [heads,M,d]; row r is of distance M - 1 - r to the left, the last row of distance 0
     */
    public static Tensor before(Tensor q, Tensor relative) {
        long n = q.size(2);
        Tensor qr = q.matmul(last(relative, n).transpose(1, 2).unsqueeze(0));   // [B,H,L,L], column c of distance L - 1 - c
        long b = q.size(0), h = q.size(1);
        return Torch.pad(qr, 1, 0, 0, 0).reshape(b, h, n + 1, n).narrow(2, 1, n);     // row i moves to the left by L - 1 - i
    }

    /**
     * S of the last place alone and all up to it, [B,heads,1,S].
     *
     * @param q [B,heads,1,d] @param relative as for {@link #before}
     * @param places S, those before and itself
     */
    public static Tensor ofLast(Tensor q, Tensor relative, long places) {
        return q.matmul(last(relative, places).transpose(1, 2).unsqueeze(0));
    }

    /**
     * S of places and all others, [B,heads,L,L].
     *
     * @param relative [heads,2 M - 1,d]; the middle row is of distance 0, rows before it of places to the left
     */
    public static Tensor bothSides(Tensor q, Tensor relative) {
        long n = q.size(2), m = (relative.size(1) + 1) / 2;
        if (relative.size(1) % 2 == 0) throw new ArgumentException("relative wants an odd number of rows, got " + relative);
        Tensor rows = m >= n ? relative.narrow(1, m - n, 2 * n - 1)
            : Torch.pad(relative, 0, 0, (int) (n - m), (int) (n - m));               // [H,2L-1,d], row L - 1 of distance 0
        Tensor qr = q.matmul(rows.transpose(1, 2).unsqueeze(0));                      // [B,H,L,2L-1]
        Tensor flat = Torch.pad(qr, 0, 1, 0, 0).reshape(q.size(0), q.size(1), 2 * n * n);
        return flat.narrow(2, n - 1, n * (2 * n - 1)).reshape(q.size(0), q.size(1), n, 2 * n - 1).narrow(3, 0, n);
    }

    /** Rows of the nearest n places, zeros where there are fewer. */
    private static Tensor last(Tensor relative, long n) {
        long m = relative.size(1);
        return m >= n ? relative.narrow(1, m - n, n) : Torch.pad(relative, 0, 0, (int) (n - m), 0);
    }

    /**
     * The attention's output [B,heads,L,d].
     *
     * @param s S, of {@link #before}, {@link #ofLast} or {@link #bothSides}
     * @param mask added to the scores, -infinity where a place is not seen; null for none
     */
    public static Tensor attend(Tensor q, Tensor k, Tensor v, Tensor s, @Nullable Tensor mask) {
        return weights(q, k, s, mask).to(v.dtype()).matmul(v);
    }

    /** What each place takes of the others, [B,heads,L,S]. */
    public static Tensor weights(Tensor q, Tensor k, Tensor s, @Nullable Tensor mask) {
        Tensor scores = q.matmul(k.transpose(2, 3)).add(s).div(Math.sqrt(q.size(3)));
        return (mask == null ? scores : scores.add(mask)).softmax(3);
    }
}
