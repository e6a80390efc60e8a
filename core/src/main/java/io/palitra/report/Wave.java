package io.palitra.report;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Sounds within pages, which are to stay small. */
public final class Wave {
    private static final int HEADER = 44, SAMPLES_A_SECOND = 24, BYTES_A_SECOND = 28, SIZE = 40, BITS = 34;
    /** "RIFF" as a number; the kind and the number of channels, each 1. */
    private static final int RIFF = 0x46464952, KIND = 20, PLAIN = 0x00010001;

    private Wave() {}

    /**
     * A sound with half as many samples a second, each the mean of two: half the bytes, without the upper octave.
     *
     * @param wav of one channel of 16 bits, as {@link Synth} writes it; any other stays as it is
     */
    public static byte[] halved(byte[] wav) {
        ByteBuffer from = ByteBuffer.wrap(wav).order(ByteOrder.LITTLE_ENDIAN);
        boolean ours = wav.length > HEADER + 4 && from.getInt(0) == RIFF && from.getInt(KIND) == PLAIN && from.getShort(BITS) == 16;
        if (!ours) return wav.clone();
        int count = (wav.length - HEADER) / 4;
        ByteBuffer to = ByteBuffer.allocate(HEADER + 2 * count).order(ByteOrder.LITTLE_ENDIAN).put(wav, 0, HEADER);
        for (int i = 0; i < count; i++) to.putShort((short) ((from.getShort(HEADER + 4 * i) + from.getShort(HEADER + 4 * i + 2)) / 2));
        to.putInt(4, to.capacity() - 8).putInt(SIZE, 2 * count);
        to.putInt(SAMPLES_A_SECOND, from.getInt(SAMPLES_A_SECOND) / 2).putInt(BYTES_A_SECOND, from.getInt(BYTES_A_SECOND) / 2);
        return to.array();
    }
}
