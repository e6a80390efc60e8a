package io.palitra.metric;

import io.palitra.engine.DType;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;

/**
 * Distance of two normal distributions fitted to features: |m_a - m_b|^2 + tr(A + B - 2 (A^1/2 B A^1/2)^1/2). Heusel et al. 2017,
 * arXiv:1706.08500, eq. 6. It carries the name FID only with the features of one certain Inception network, and falls with the number of
 * items: report both.
 */
public final class Frechet {
    private Frechet() {}

    public static double distance(Moments a, Moments b) {
        try (Scope scope = new Scope()) { return distance(a.mean(), a.covariance(), b.mean(), b.covariance()); }
    }

    /** Means [D], covariances [D,D], symmetric. */
    public static double distance(Tensor meanA, Tensor covarianceA, Tensor meanB, Tensor covarianceB) {
        try (Scope scope = new Scope()) {
            Tensor a = covarianceA.to(DType.F64), b = covarianceB.to(DType.F64);
            Tensor[] e = Torch.eigh(a);                                                   // values [D], vectors in columns [D,D]
            Tensor root = e[1].mul(e[0].clampMin(0).sqrt()).matmul(e[1].t());             // rounding leaves eigenvalues just below 0
            Tensor product = root.matmul(b).matmul(root);
            Tensor cross = Torch.eigh(product.add(product.t()).mul(0.5))[0].clampMin(0).sqrt().sum();
            Tensor means = meanA.to(DType.F64).sub(meanB.to(DType.F64)).square().sum();
            return Math.max(0, means.add(a.diagonal().sum()).add(b.diagonal().sum()).sub(cross.mul(2)).item());
        }
    }
}
