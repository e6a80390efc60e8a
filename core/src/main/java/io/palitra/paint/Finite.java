package io.palitra.paint;

import io.palitra.engine.DType;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;

/** NaN and infinity would become a black picture: they are refused instead, with the name of the network that made them. */
final class Finite {
    private Finite() {}

    /**
     * x itself, when all of it is finite. Waits for the device.
     *
     * @param name of the part that computed it, perhaps with the step
     * @param in   the type that the part computes in
     * @throws ArithmeticException that names the part, where some of x is NaN or Inf
     */
    static Tensor check(Tensor x, String part, DType in) {
        if (is(x)) return x;
        String more = in == DType.F16 ? "; fp16 holds nothing above 65504, bf16 and fp32 do"
            : "; its weights, or those of a LoRA, may be damaged";
        throw new ArithmeticException(part + " gives numbers that are not finite (NaN or Inf)" + more);
    }

    /** Waits for the device. */
    static boolean is(Tensor x) {
        try (Scope scope = new Scope()) { return x.isFinite().all().item() != 0; }
    }
}
