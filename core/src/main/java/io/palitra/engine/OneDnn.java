package io.palitra.engine;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Whether oneDNN, libtorch's library of convolutions, computes right ones on this machine. Version 3.7.1 does not where the sizes of the
 * caches read 0, as in virtual machines on AMD's processors that hide them (CPUID leaf 8000001D): it divides its work by them. Where
 * channels do not fill a vector it loses weights, at times it writes beyond its memory, and a product written as a 1x1 convolution may
 * divide by zero. Two small convolutions are computed when the libraries load, in a few milliseconds; where they are wrong, libtorch's own
 * kernels serve in place of oneDNN's.
 */
final class OneDnn {
    private static final double TOLERANCE = 1e-4;   // of sums of some dozens of numbers up to 1; the faults seen are of the size of 1

    private OneDnn() {}

    /** Compares convolutions in F32 with the same in F64, which oneDNN does not compute. */
    static boolean sound() {
        try (PointerScope scope = new PointerScope()) {
            Tensor x = wave(3, 7, 1, 1), w = wave(7, 5, 4, 4), many = wave(3, 20, 5, 5), taps = wave(20, 20, 2, 2);
            return close(transposed(x, w), transposed(twice(x), twice(w)))
                && close(convolved(many, taps), convolved(twice(many), twice(taps)));
        }
    }

    /** sin(0), sin(1), ... in a shape. */
    private static Tensor wave(long... shape) {
        long n = 1;
        for (long s : shape) n *= s;
        return torch.arange(new Scalar((double) n)).to(ScalarType.Float).sin().reshape(shape);
    }

    private static Tensor twice(Tensor x) { return x.to(ScalarType.Double); }

    private static Tensor transposed(Tensor x, Tensor w) {
        return torch.conv_transpose2d(x, w, new TensorOptional(), new long[] {1, 1}, new long[] {0, 0}, new long[] {0, 0}, 1, 1, 1);
    }

    private static Tensor convolved(Tensor x, Tensor w) {
        return torch.conv2d(x, w, new TensorOptional(), new long[] {1, 1}, new long[] {1, 1}, new long[] {1, 1}, 1);
    }

    private static boolean close(Tensor got, Tensor wanted) {
        return twice(got).sub(wanted).abs().max().item_double() < TOLERANCE;   // false for NaN
    }
}
