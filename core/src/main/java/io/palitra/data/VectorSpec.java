package io.palitra.data;

/** Points [D] of floats, as they are. */
public record VectorSpec(int size, int classes) implements DataSpec {
    public VectorSpec {
        if (size < 1) throw new IllegalArgumentException("illegal size: " + size + ", must be at least 1");
        if (classes < 0) throw new IllegalArgumentException("illegal classes: " + classes + ", must be at least 0");
    }

    @Override public long[] shape() { return new long[] {size}; }
}
