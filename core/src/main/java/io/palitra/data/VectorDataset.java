package io.palitra.data;

import java.nio.ByteBuffer;

/** Points as floats: what a reader of points implements. */
public interface VectorDataset extends Dataset {
    @Override VectorSpec spec();

    /** Writes the D numbers of point i from {@code offset} on. */
    void values(int i, float[] out, int offset);

    @Override default void read(int i, ByteBuffer into) {
        float[] one = new float[spec().size()];
        values(i, one, 0);
        into.asFloatBuffer().put(one);
        into.position(into.position() + Float.BYTES * one.length);
    }
}
