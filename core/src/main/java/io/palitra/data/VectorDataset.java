package io.palitra.data;

/** Points as floats. */
public non-sealed interface VectorDataset extends Dataset {
    @Override VectorSpec spec();

    /** Writes the D numbers of point i from {@code offset} on. */
    void values(int i, float[] out, int offset);
}
