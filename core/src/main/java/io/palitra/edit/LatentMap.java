package io.palitra.edit;

import io.palitra.data.Batch;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Encoder;
import java.util.ArrayList;
import java.util.List;

/**
 * A latent space seen in two dimensions: the codes themselves where they have two, else their coordinates along the two directions of most
 * variance (principal components).
 *
 * @param x first coordinates of the items
 * @param y second coordinates
 * @param labels classes, -1 where there are none
 * @param mean of the codes, [Z]
 * @param axes the two directions in columns, [Z,2]
 * @param share of the codes' variance that the two directions hold
 */
public record LatentMap(double[] x, double[] y, int[] labels, double[] mean, double[] axes, double share) {
    /** The map of every item of the batches. */
    public static LatentMap of(Encoder model, Iterable<Batch> items) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            List<Tensor> codes = new ArrayList<>();
            List<Integer> labels = new ArrayList<>();
            for (Batch b : items) {
                try (Scope turn = new Scope()) {
                    Tensor z = model.encode(b.x()).flatten(1);
                    codes.add(Torch.of(z.doubles(), z.size(0), z.size(1)).retain());   // beyond the batch's own scope
                    Tensor given = b.given().labels();
                    long[] own = given == null ? null : given.longs();
                    for (int i = 0; i < b.size(); i++) labels.add(own == null ? -1 : (int) own[i]);
                }
            }
            Tensor z = Torch.cat(0, codes);   // [N,Z]
            codes.forEach(Tensor::free);
            Tensor mean = z.mean(false, 0), centred = z.sub(mean);
            int d = (int) z.size(1);
            double share = 1;
            Tensor axes;
            if (d == 2) {
                mean = Torch.zeros(DType.F64, 2);
                centred = z;
                axes = Torch.of(new double[] {1, 0, 0, 1}, 2, 2);
            } else {
                Tensor[] eig = Torch.eigh(centred.t().matmul(centred).div(Math.max(1, z.size(0) - 1)));   // ascending
                axes = Torch.cat(1, eig[1].narrow(1, d - 1, 1), eig[1].narrow(1, d - 2, 1));
                share = eig[0].narrow(0, d - 2, 2).sum().item() / eig[0].sum().item();
            }
            Tensor p = centred.matmul(axes);   // [N,2]
            return new LatentMap(p.select(1, 0).doubles(), p.select(1, 1).doubles(),
                labels.stream().mapToInt(Integer::intValue).toArray(), mean.doubles(), axes.doubles(), share);
        }
    }

    /**
     * Codes [side*side,Z] on a grid of the map, row by row from the top: spaced evenly in rank among the items, so that dense regions
     * take more room; from the first to the 99th percentile.
     */
    public Tensor grid(int side) {
        double[] us = quantiles(x, side), vs = quantiles(y, side);
        int d = mean.length;
        float[] codes = new float[side * side * d];
        for (int r = 0; r < side; r++) {
            for (int c = 0; c < side; c++) {
                double u = us[c], v = vs[side - 1 - r];
                for (int k = 0; k < d; k++) codes[(r * side + c) * d + k] = (float) (mean[k] + u * axes[2 * k] + v * axes[2 * k + 1]);
            }
        }
        return Torch.of(codes, (long) side * side, d);
    }

    private static double[] quantiles(double[] values, int n) {
        double[] sorted = values.clone();
        java.util.Arrays.sort(sorted);
        double[] q = new double[n];
        for (int i = 0; i < n; i++) q[i] = sorted[(int) Math.round((0.01 + 0.98 * (n == 1 ? 0.5 : i / (n - 1.0))) * (sorted.length - 1))];
        return q;
    }
}
