package io.palitra.data;

import java.nio.ByteBuffer;

/** Pictures as bytes: what a reader of pictures implements. */
public interface ImageDataset extends Dataset {
    @Override ImageSpec spec();

    /** Writes picture i as C*H*W bytes in 0..255, channel by channel and row by row, from {@code offset} on. */
    void pixels(int i, byte[] out, int offset);

    @Override default void read(int i, ByteBuffer into) {
        int n = spec().bytes();
        if (into.hasArray()) {
            pixels(i, into.array(), into.arrayOffset() + into.position());
            into.position(into.position() + n);
        } else {
            byte[] one = new byte[n];
            pixels(i, one, 0);
            into.put(one);
        }
    }
}
