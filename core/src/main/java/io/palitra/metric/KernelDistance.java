package io.palitra.metric;

import io.palitra.engine.DType;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;

/**
 * Unbiased squared maximum mean discrepancy of two sets of features under the kernel (x.y/D + 1)^3. Binkowski et al. 2018,
 * arXiv:1801.01401. Without bias at any number of items, therefore below 0 at times.
 */
public final class KernelDistance {
    private KernelDistance() {}

    /** x [N,D], y [M,D], at least two rows each; memory N^2 + M^2. */
    public static double squared(Tensor x, Tensor y) {
        if (x.dims() != 2 || y.dims() != 2 || x.size(1) != y.size(1) || x.size(0) < 2 || y.size(0) < 2) {
            throw new IllegalArgumentException("KernelDistance wants features [N,D] and [M,D] of at least 2 rows, got " + x + " and " + y);
        }
        try (Scope scope = new Scope()) {
            Tensor a = x.to(DType.F64), b = y.to(DType.F64);
            return offDiagonalMean(kernel(a, a)) + offDiagonalMean(kernel(b, b)) - 2 * kernel(a, b).mean().item();
        }
    }

    private static Tensor kernel(Tensor x, Tensor y) { return x.matmul(y.t()).div(x.size(1)).add(1).pow(3); }

    private static double offDiagonalMean(Tensor k) {
        long n = k.size(0);
        return k.sum().sub(k.diagonal().sum()).item() / (n * (n - 1.0));
    }
}
