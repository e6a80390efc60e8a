package io.palitra.hub;

import io.palitra.engine.DType;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Element types of safetensors that the engine does not have. They are read as a larger type that holds each of their values exactly;
 * complex numbers as real and imaginary part in a last dimension of 2. Types of less than a byte are not read: the format leaves open how
 * they are packed. Numbers of 8 bits: Micikevicius et al. 2022, arXiv:2209.05433; FNUZ, without infinity and -0: arXiv:2206.02915.
 */
enum WideDTypes {
    U16(2, DType.I32), U32(4, DType.I64), U64(8, DType.I64), F8_E4M3(1, DType.F32), F8_E5M2(1, DType.F32), F8_E4M3FNUZ(1, DType.F32),
    F8_E5M2FNUZ(1, DType.F32), F8_E8M0(1, DType.F32), C64(8, DType.F32);

    private final int bytes;
    private final DType as;

    WideDTypes(int bytes, DType as) {
        this.bytes = bytes;
        this.as = as;
    }

    static @Nullable WideDTypes of(String name) {
        for (WideDTypes f : values()) if (f.name().equals(name)) return f;
        return null;
    }

    /** Bytes of one element in the file. */
    int bytes() { return bytes; }

    /** The type it is read as. */
    DType as() { return as; }

    /** Bytes in memory for one element in the file. */
    int wideBytes() { return this == C64 ? 8 : as.bytes(); }

    /**
     * Appends to {@code to} the values of the elements of {@code from}, both little-endian.
     *
     * @return the byte of {@code from} where a number stands that is too large, or -1
     */
    int widen(ByteBuffer from, ByteBuffer to) {
        while (from.hasRemaining()) {
            int at = from.position();
            switch (this) {
                case U16 -> to.putInt(from.getShort() & 0xffff);
                case U32 -> to.putLong(from.getInt() & 0xffffffffL);
                case U64 -> to.putLong(from.getLong());
                case C64 -> to.putLong(from.getLong());
                default -> to.putFloat(number(from.get() & 255));
            }
            if (this == U64 && from.getLong(at) < 0) return at;
        }
        return -1;
    }

    /** The value of these 8 bits. */
    float number(int b) {
        return switch (this) {
            case F8_E4M3 -> (b & 0x7f) == 0x7f ? Float.NaN : number(b, 3, 7);
            case F8_E4M3FNUZ -> b == 0x80 ? Float.NaN : number(b, 3, 8);
            case F8_E5M2FNUZ -> b == 0x80 ? Float.NaN : number(b, 2, 16);
            case F8_E5M2 -> {
                if ((b & 0x7f) > 0x7c) yield Float.NaN;
                yield (b & 0x7f) == 0x7c ? (b < 0x80 ? Float.POSITIVE_INFINITY : Float.NEGATIVE_INFINITY) : number(b, 2, 15);
            }
            case F8_E8M0 -> b == 255 ? Float.NaN : Math.scalb(1f, b - 127);
            default -> throw new IllegalStateException(this + " is not of 8 bits");
        };
    }

    /** (-1)^s 1.m 2^(e - bias), or (-1)^s 0.m 2^(1 - bias) where e = 0. */
    private static float number(int b, int mantissaBits, int bias) {
        int e = (b & 0x7f) >> mantissaBits;
        int m = b & (1 << mantissaBits) - 1;
        float size = e == 0 ? Math.scalb((float) m, 1 - bias - mantissaBits)
            : Math.scalb((float) (m + (1 << mantissaBits)), e - bias - mantissaBits);
        return b < 0x80 ? size : -size;
    }
}
