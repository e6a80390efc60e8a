package io.palitra.nn;

import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;

/**
 * Divides a weight W by its largest singular value, estimated as sigma = u^T W v, where u and v follow the power iteration and are buffers.
 * W [out, ...] counts as a matrix [out, rest]. Miyato et al. 2018, arXiv:1802.05957, eq. 8, algorithm 1.
 */
public final class SpectralNorm extends Module {
    private static final int START_TURNS = 15;

    private final Tensor u;
    private final Tensor v;

    /** Starts near the singular vectors of {@code weight}. */
    public SpectralNorm(Tensor weight, Rng rng) {
        try (Guard g = Torch.noGrad()) {
            Tensor matrix = weight.detach().flatten(1);
            u = buffer("u", unit(rng.normal(matrix.size(0), 1)));     // [out,1]
            v = buffer("v", unit(matrix.t().matmul(u)));              // [rest,1]
        }
        for (int i = 0; i < START_TURNS; i++) iterate(weight);
    }

    /** W / sigma; differentiable in W, with u and v held. The same in training and in evaluation. */
    public Tensor of(Tensor weight) {
        Tensor sigma = u.t().matmul(weight.flatten(1)).matmul(v).reshape();
        return weight.div(sigma);
    }

    /** One turn of the power iteration: v = W^T u, u = W v, each scaled to length 1. */
    public void iterate(Tensor weight) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Tensor matrix = weight.detach().flatten(1);
            v.copyFrom(unit(matrix.t().matmul(u)));
            u.copyFrom(unit(matrix.matmul(v)));
        }
    }

    private static Tensor unit(Tensor x) { return x.div(x.square().sum().sqrt().clampMin(1e-12)); }
}
