package io.palitra.net;

import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Large pictures tile by tile: memory does not grow with the picture. Neighbours overlap and pass into each other along a straight line;
 * norms and attention see one tile, so that the result is not quite that of the whole.
 *
 * @param tile height and width of a tile, in latent pixels
 * @param overlap of neighbours, in latent pixels
 */
public record Tiling(int tile, int overlap) {
    public Tiling {
        DiffusersConfigReader.check(tile >= 1, "tile", tile, "at least 1");
        DiffusersConfigReader.check(overlap >= 0 && overlap <= tile / 2, "overlap", overlap, "0 to half the tile " + tile);
    }

    /** One item of a batch after the other. x [B,...]. */
    public static Tensor oneByOne(Tensor x, UnaryOperator<Tensor> f) {
        return Scope.run(() -> {
            List<Tensor> items = new ArrayList<>();
            for (long i = 0; i < x.size(0); i++) {
                Tensor item = x.rows(i, 1);
                items.add(Scope.run(() -> f.apply(item)));
            }
            return Torch.cat(0, items);
        });
    }

    /** f of x [B,C,H,W] by tiles. In each direction x has {@code from} pixels to a latent one, and f of x has {@code to}. */
    Tensor map(Tensor x, int from, int to, UnaryOperator<Tensor> f) {
        long height = x.size(2), width = x.size(3), side = (long) tile * from;
        if (height <= side && width <= side) return f.apply(x);
        return Scope.run(() -> {
            long stride = (long) (tile - overlap) * from, seam = (long) overlap * to, own = (long) (tile - overlap) * to;
            List<Tensor> rows = new ArrayList<>();
            List<Tensor> above = new ArrayList<>();
            for (long top = 0; top < height; top += stride) {
                List<Tensor> row = new ArrayList<>();
                List<Tensor> cut = new ArrayList<>();
                for (long left = 0; left < width; left += stride) {
                    Tensor part = x.narrow(2, top, Math.min(side, height - top)).narrow(3, left, Math.min(side, width - left));
                    Tensor y = Scope.run(() -> f.apply(part));
                    if (top > 0) y = blended(above.get(row.size()), y, seam, 2);
                    if (left > 0) y = blended(row.get(row.size() - 1), y, seam, 3);
                    row.add(y);
                    cut.add(y.narrow(2, 0, Math.min(own, y.size(2))).narrow(3, 0, Math.min(own, y.size(3))));
                }
                rows.add(Torch.cat(3, cut));
                above = row;
            }
            return Torch.cat(2, rows);
        });
    }

    /** b, whose first rows or columns come out of a's last ones. */
    private static Tensor blended(Tensor a, Tensor b, long seam, int dim) {
        long n = Math.min(seam, Math.min(a.size(dim), b.size(dim)));
        if (n == 0) return b;
        Tensor share = Torch.arange(0, n).div(n).to(b.device()).to(b.dtype());
        if (dim == 2) share = share.unsqueeze(1);
        Tensor first = b.narrow(dim, 0, n).mul(share).add(a.narrow(dim, a.size(dim) - n, n).mul(share.rsub(1)));
        return Torch.cat(dim, first, b.narrow(dim, n, b.size(dim) - n));
    }
}
