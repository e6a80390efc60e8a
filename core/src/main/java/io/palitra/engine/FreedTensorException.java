package io.palitra.engine;

/** A tensor was used after the scope in which it was made, or after {@link Tensor#free}. */
public final class FreedTensorException extends IllegalStateException {
    private static final long serialVersionUID = 1;

    FreedTensorException() {
        super("a tensor was used after it was freed with its scope: Scope.keep passes one on to the scope around, Tensor.retain keeps one "
            + "beyond every scope");
    }
}
