package io.palitra.nn;

import io.palitra.engine.Tensor;
import org.jspecify.annotations.Nullable;

/** A layer y = W x + b, to which a low-rank path may be added beside W: y = W x + b + s B A x. */
public abstract sealed class Affine extends Module permits Linear, Conv2d {
    private Lora.@Nullable Path beside;

    /** W; its first dim counts outputs. */
    abstract Tensor weight();

    abstract Tensor plain(Tensor x);

    /** x by another matrix or kernel in the place of W, without b. */
    abstract Tensor by(Tensor other, Tensor x);

    public final Tensor forward(Tensor x) {
        Tensor y = plain(x);
        return beside == null ? y : y.add(beside.of(x, this).to(y.dtype()));
    }

    final boolean hasPath() { return beside != null; }

    /** Adds a path, or with null takes it away. */
    final void beside(Lora.@Nullable Path path) { beside = path; }
}
