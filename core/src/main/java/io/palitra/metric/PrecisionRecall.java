package io.palitra.metric;

import io.palitra.config.ArgumentException;
import io.palitra.engine.DType;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;

/**
 * Do samples lie where data is, and is all data reached? Each item's ball has the radius of its k-th nearest neighbour in its own set, and
 * holds what lies on its edge.
 *
 * @param precision share of samples within some real item's ball; with recall: Kynkaanniemi et al. 2019, arXiv:1904.06991
 * @param recall share of real items within some sample's ball
 * @param density mean number of real balls that hold a sample, over k, above 1 possible; with coverage: Naeem et al. 2020, arXiv:2002.09797
 * @param coverage share of real items whose ball holds a sample
 */
public record PrecisionRecall(double precision, double recall, double density, double coverage) {
    /** Rows of one block of distances, so that memory is ROWS x N. */
    private static final int ROWS = 1024;
    /**
     * What two equal features may lie apart by the rounding of a network in floats, over their length: items that look equal lie in
     * each other's balls even where the radius is 0.
     */
    private static final double ROUNDING = 1e-6;

    /** real [N,D], fake [M,D], each of more than k rows. Time N^2 + M^2 + N M. */
    public static PrecisionRecall of(Tensor real, Tensor fake, int k) {
        if (k < 1) throw new ArgumentException("illegal k: " + k + ", must be at least 1");
        if (real.dims() != 2 || fake.dims() != 2 || real.size(1) != fake.size(1) || real.size(0) <= k || fake.size(0) <= k) {
            throw new ArgumentException("precision and recall want features [N,D] and [M,D] of more than " + k + " rows, got " + real
                + " and " + fake);
        }
        try (Scope scope = new Scope()) {
            Tensor x = real.to(DType.F64), y = fake.to(DType.F64);
            long n = x.size(0), m = y.size(0);
            Tensor realRadius = radii(x, k), fakeRadius = radii(y, k).unsqueeze(0);
            Tensor holds = Torch.zeros(DType.F64, m);       // real balls that hold each sample
            double recalled = 0, covered = 0;
            for (long at = 0; at < n; at += ROWS) {
                try (Scope block = new Scope()) {
                    long rows = Math.min(ROWS, n - at);
                    Tensor distance = Torch.cdist(x.rows(at, rows), y);                          // [rows,M]
                    Tensor within = distance.le(realRadius.rows(at, rows).unsqueeze(1));
                    holds.copyFrom(holds.add(within.to(DType.F64).sum(false, 0)));
                    covered += within.any(1).to(DType.F64).sum().item();
                    recalled += distance.le(fakeRadius).any(1).to(DType.F64).sum().item();
                }
            }
            double precision = holds.gt(0).to(DType.F64).mean().item();
            return new PrecisionRecall(precision, recalled / n, holds.mean().item() / k, covered / n);
        }
    }

    /** Distance of each row of x [N,D] to the k-th nearest other, and what rounding may add: [N]. */
    private static Tensor radii(Tensor x, int k) {
        Tensor radii = Torch.zeros(DType.F64, x.size(0));
        for (long at = 0; at < x.size(0); at += ROWS) {
            try (Scope block = new Scope()) {
                long rows = Math.min(ROWS, x.size(0) - at);
                Tensor nearest = Torch.cdist(x.rows(at, rows), x).smallest(k + 1);               // the first is the row itself
                radii.rows(at, rows).copyFrom(nearest.select(1, k).add(x.rows(at, rows).square().sum(false, 1).sqrt().mul(ROUNDING)));
            }
        }
        return radii;
    }
}
