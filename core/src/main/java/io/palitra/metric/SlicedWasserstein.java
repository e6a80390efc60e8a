package io.palitra.metric;

import io.palitra.config.ArgumentException;
import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import java.util.Arrays;

/**
 * Root of the mean, over random directions theta of length 1, of the squared 2-Wasserstein distance of x.theta and y.theta, which on a line
 * is that of the sorted values. Bonneel et al. 2015, doi:10.1007/s10851-014-0506-3.
 */
public final class SlicedWasserstein {
    private SlicedWasserstein() {}

    /** x and y [N,D], as many rows each, in any order; in units of x. */
    public static double distance(Tensor x, Tensor y, int directions, Rng rng) {
        if (directions < 1) throw new ArgumentException("illegal directions: " + directions + ", must be at least 1");
        if (x.dims() != 2 || !Arrays.equals(x.shape(), y.shape()) || x.size(0) < 1) {
            throw new ArgumentException("the sliced distance wants features [N,D], twice, got " + x + " and " + y);
        }
        try (Scope scope = new Scope()) {
            Tensor theta = rng.normal(x.size(1), directions).to(DType.F64);
            theta = theta.div(theta.square().sum(true, 0).sqrt());                          // [D,directions]
            return sorted(x, theta).sub(sorted(y, theta)).square().mean().sqrt().item();
        }
    }

    private static Tensor sorted(Tensor x, Tensor theta) {
        Tensor along = x.to(DType.F64).matmul(theta).t().contiguous();                      // [directions,N]
        return along.smallest((int) along.size(1));
    }
}
