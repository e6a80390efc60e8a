package io.palitra.metric;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;

/**
 * What is measured of a drawing of one channel, x [B,1,H,W] in [-1,1]. Ink is the part of 0 to 1 by which a pixel differs from the paper,
 * which is dark or light as the picture's edge is.
 */
public final class Strokes {
    private Strokes() {}

    /** Ink [B,H,W]. */
    private static Tensor ink(Tensor x) {
        if (x.dims() != 4 || x.size(1) != 1) throw new ArgumentException("strokes want pictures [B,1,H,W], got " + x);
        Tensor p = x.select(1, 0).add(1).mul(0.5);
        long h = p.size(1), w = p.size(2);
        Tensor edge = Torch.cat(1, p.select(1, 0), p.select(1, h - 1), p.select(2, 0), p.select(2, w - 1)).mean(true, 1).unsqueeze(2);
        return p.where(edge.lt(0.5), p.rsub(1));   // of light paper the dark is ink
    }

    /** Width of the strokes in pixels, [B]: twice the ink over the length of its edge. 0 for none. */
    public static Tensor thickness(Tensor x) {
        return Scope.run(() -> {
            Tensor ink = Torch.pad(ink(x), 1, 1, 1, 1);
            long h = ink.size(1), w = ink.size(2);
            // at each corner of four pixels the slope of the plane through them: its length sums to that of the edge
            Tensor a = ink.narrow(1, 0, h - 1), b = ink.narrow(1, 1, h - 1);
            Tensor al = a.narrow(2, 0, w - 1), ar = a.narrow(2, 1, w - 1), bl = b.narrow(2, 0, w - 1), br = b.narrow(2, 1, w - 1);
            Tensor across = ar.add(br).sub(al).sub(bl).mul(0.5), down = bl.add(br).sub(al).sub(ar).mul(0.5);
            Tensor edge = across.square().add(down.square()).sqrt().sumPerItem();
            return ink.sumPerItem().mul(2).div(edge.clampMin(1e-6));
        });
    }

    /** How far strokes lean to the right for each pixel up, [B]: the mixed second moment of ink over that of rows. 0 for none. */
    public static Tensor slant(Tensor x) {
        return Scope.run(() -> {
            Tensor ink = ink(x);
            long h = ink.size(1), w = ink.size(2);
            Tensor mass = ink.sumPerItem().clampMin(1e-6).reshape(-1, 1, 1);
            Tensor rows = Torch.arange(0, h).to(x.device()).reshape(1, h, 1), columns = Torch.arange(0, w).to(x.device()).reshape(1, 1, w);
            Tensor share = ink.div(mass);
            Tensor y = rows.sub(share.mul(rows).sum(true, 1, 2)), across = columns.sub(share.mul(columns).sum(true, 1, 2));
            Tensor mixed = share.mul(y).mul(across).sumPerItem(), own = share.mul(y.square()).sumPerItem();
            return mixed.neg().div(own.clampMin(1e-6));   // rows count down
        });
    }
}
