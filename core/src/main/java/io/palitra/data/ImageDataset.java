package io.palitra.data;

/** Pictures as bytes. */
public non-sealed interface ImageDataset extends Dataset {
    @Override ImageSpec spec();

    /** Writes picture i as C*H*W bytes in 0..255, channel by channel and row by row, from {@code offset} on. */
    void pixels(int i, byte[] out, int offset);
}
