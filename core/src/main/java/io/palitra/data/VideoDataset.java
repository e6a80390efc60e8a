package io.palitra.data;

import java.nio.ByteBuffer;

/** Films as bytes: what a reader of films implements. */
public interface VideoDataset extends Dataset {
    @Override VideoSpec spec();

    /** Writes film i as T*C*H*W bytes in 0..255, frame by frame, from {@code offset} on. */
    void film(int i, byte[] out, int offset);

    @Override default void read(int i, ByteBuffer into) {
        int n = spec().bytes();
        if (into.hasArray()) {
            film(i, into.array(), into.arrayOffset() + into.position());
            into.position(into.position() + n);
        } else {
            byte[] one = new byte[n];
            film(i, one, 0);
            into.put(one);
        }
    }
}
