package io.palitra.engine;

import org.bytedeco.pytorch.global.torch.ScalarType;

/** Element types. Names are those of safetensors. */
public enum DType {
    F64(ScalarType.Double, 8), F32(ScalarType.Float, 4), F16(ScalarType.Half, 2), BF16(ScalarType.BFloat16, 2),
    I64(ScalarType.Long, 8), I32(ScalarType.Int, 4), I16(ScalarType.Short, 2), I8(ScalarType.Char, 1), U8(ScalarType.Byte, 1),
    BOOL(ScalarType.Bool, 1);

    final ScalarType type;
    private final int bytes;

    DType(ScalarType type, int bytes) {
        this.type = type;
        this.bytes = bytes;
    }

    /** Bytes of one element. */
    public int bytes() { return bytes; }

    /** Whether elements are floating-point numbers. */
    public boolean floating() { return this == F64 || this == F32 || this == F16 || this == BF16; }

    static DType of(ScalarType type) {
        ScalarType interned = type.intern();   // enums from native calls are not the constants
        for (DType d : values()) if (d.type == interned) return d;
        throw new IllegalStateException("element type " + interned + " is not supported");
    }
}
