package io.palitra.nn;

import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;

/** The distribution of the initial values of a layer's tensors: the initialisations of papers, by name. */
@FunctionalInterface
public interface Init {
    /** A tensor of that shape for a layer with {@code fanIn} inputs to each output. */
    Tensor draw(Rng rng, long fanIn, long... shape);

    /** U(-1/sqrt(fanIn), 1/sqrt(fanIn)): what PyTorch does by default to weights and biases of linear and convolution layers. */
    Init DEFAULT = (rng, fanIn, shape) -> {
        double bound = 1 / Math.sqrt(fanIn);
        // large networks are built in one scope
        return Scope.run(() -> rng.isSilent() ? rng.uniform(shape) : rng.uniform(shape).mul(2 * bound).sub(bound));
    };

    /** Glorot and Bengio 2010, uniform, for a matrix or kernel whose two first dims are out and in. */
    Init XAVIER = (rng, fanIn, shape) -> {
        double bound = Math.sqrt(6.0 / (fanIn + fanIn * (double) shape[0] / shape[1]));
        return rng.uniform(shape).mul(2 * bound).sub(bound);
    };

    /** N(0, 0.02): DCGAN, Radford et al. 2016, arXiv:1511.06434. */
    Init DCGAN = (rng, fanIn, shape) -> rng.normal(shape).mul(0.02);

    /** Orthonormal rows of the matrix [out, rest], or columns where it has more rows. Saxe et al. 2014, arXiv:1312.6120. */
    Init ORTHOGONAL = (rng, fanIn, shape) -> {
        Tensor drawn = rng.normal(shape);
        return rng.isSilent() ? drawn : Scope.run(() -> {
            Tensor a = drawn.flatten(1);
            boolean tall = a.size(0) > a.size(1);
            Tensor wide = tall ? a.t() : a;
            Tensor[] eig = Torch.eigh(wide.matmul(wide.t()));   // A A^T = Q L Q^T; (A A^T)^(-1/2) A has orthonormal rows
            Tensor rows = eig[1].mul(eig[0].clampMin(1e-12).rsqrt()).matmul(eig[1].t()).matmul(wide);
            return (tall ? rows.t() : rows).contiguous().reshape(shape);
        });
    };

    Init ZERO = (rng, fanIn, shape) -> Torch.zeros(shape);
}
