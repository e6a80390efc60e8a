package io.palitra.metric;

import io.palitra.config.ArgumentException;
import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.Arrays;

/**
 * Unbiased squared maximum mean discrepancy of two sets of features under the kernel (x.y/D + 1)^3. Binkowski et al. 2018,
 * arXiv:1801.01401. Without bias at any number of items, therefore below 0 at times.
 */
public final class KernelDistance {
    /** Rows of a subset. */
    private static final int SUBSET = 1000;

    private KernelDistance() {}

    /** x [N,D], y [M,D], at least two rows each; memory N^2 + M^2. */
    public static double squared(Tensor x, Tensor y) {
        if (x.dims() != 2 || y.dims() != 2 || x.size(1) != y.size(1) || x.size(0) < 2 || y.size(0) < 2) {
            throw new ArgumentException("the kernel distance wants features [N,D] and [M,D] of at least 2 rows, got " + x + " and "
                + y);
        }
        try (Scope scope = new Scope()) {
            Tensor a = x.to(DType.F64), b = y.to(DType.F64);
            return offDiagonalMean(kernel(a, a)) + offDiagonalMean(kernel(b, b)) - 2 * kernel(a, b).mean().item();
        }
    }

    /** Mean and standard deviation over the subsets, as the paper and clean-fid report the distance. */
    public record Subsets(double mean, double deviation, int size) {}

    /**
     * {@link #squared} of {@code count} pairs of subsets drawn without replacement, of 1,000 rows each or of all where there are fewer;
     * memory N^2 + M^2.
     */
    public static Subsets subsets(Tensor x, Tensor y, int count, Rng rng) {
        if (count < 1) throw new ArgumentException("illegal count: " + count + ", must be at least 1");
        int size = (int) Math.min(SUBSET, Math.min(x.size(0), y.size(0)));
        if (size < 2) throw new ArgumentException("the kernel distance wants at least 2 rows, got " + x + " and " + y);
        try (Scope scope = new Scope()) {
            Tensor a = x.to(DType.F64), b = y.to(DType.F64);
            Tensor inA = members(count, size, a.size(0), rng.split(0)), inB = members(count, size, b.size(0), rng.split(1));
            Tensor own = within(inA, a).add(within(inB, b)).div(size * (size - 1.0));
            Tensor across = inA.matmul(kernel(a, b)).mul(inB).sum(false, 1).div((double) size * size);
            double[] each = own.sub(across.mul(2)).doubles();
            double mean = Arrays.stream(each).average().orElseThrow();
            double square = Arrays.stream(each).map(d -> (d - mean) * (d - mean)).average().orElseThrow();
            return new Subsets(mean, Math.sqrt(square), size);
        }
    }

    /** [count,n]: 1 where a row is in a subset. */
    private static Tensor members(int count, int size, long n, Rng rng) {
        double[] in = new double[(int) (count * n)];
        for (int i = 0; i < count; i++) {
            int[] order = rng.split(i).permutation((int) n);
            for (int k = 0; k < size; k++) in[(int) (i * n) + order[k]] = 1;
        }
        return Torch.of(in, count, n);
    }

    /** For each subset the sum of the kernel over its pairs of different rows: [count]. */
    private static Tensor within(Tensor in, Tensor x) {
        Tensor k = kernel(x, x);
        return in.matmul(k).mul(in).sum(false, 1).sub(in.matmul(k.diagonal().unsqueeze(1)).squeeze(1));
    }

    private static Tensor kernel(Tensor x, Tensor y) {
        Tensor base = x.matmul(y.t()).div(x.size(1)).add(1);
        return base.square().mul(base);
    }

    private static double offDiagonalMean(Tensor k) {
        long n = k.size(0);
        return k.sum().sub(k.diagonal().sum()).item() / (n * (n - 1.0));
    }
}
