package io.palitra.nn;

import io.palitra.engine.DType;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A {@link MaskedConv2d} for pictures that are drawn pixel by pixel: a copy of its weights in Java's own arrays, where an output costs its
 * multiplications and nothing else. For one pixel a tensor operation is nearly all overhead.
 */
public final class PixelConv {
    /** One tap of the kernel: {@code rowsAbove}, {@code columns} from the left end of the kernel; weights [in,out]. */
    private record Tap(int rowsAbove, int columns, float[][] weights) {}

    private final int in;
    private final int out;
    private final int left;
    private final int right;
    private final int rowsAbove;
    private final List<Tap> taps = new ArrayList<>();
    private final float[] bias;

    /**
     * @param kernel [out,in,rows,columns]; taps that are blank for all are left out
     * @param up     rows above, of which the kernel's first is the uppermost
     * @param left   columns that the kernel reaches to the left, in taps
     * @param right  and to the right
     */
    PixelConv(Tensor kernel, Tensor bias, int up, int left, int right, int dilation) {
        out = Math.toIntExact(kernel.size(0));
        in = Math.toIntExact(kernel.size(1));
        int rows = Math.toIntExact(kernel.size(2)), columns = Math.toIntExact(kernel.size(3));
        this.left = left * dilation;
        this.right = right * dilation;
        float[] all;
        try (Scope scope = new Scope()) {
            all = kernel.to(DType.F32).permute(2, 3, 1, 0).contiguous().floats();
            this.bias = bias.to(DType.F32).floats();
        }
        int most = 0;
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                float[][] weights = new float[in][];
                for (int i = 0; i < in; i++) {
                    int from = ((r * columns + c) * in + i) * out;
                    weights[i] = Arrays.copyOfRange(all, from, from + out);
                }
                if (blank(weights)) continue;
                taps.add(new Tap((up - r) * dilation, c * dilation, weights));
                most = Math.max(most, (up - r) * dilation);
            }
        }
        rowsAbove = most;
    }

    private static boolean blank(float[][] weights) {
        for (float[] row : weights) for (float w : row) if (w != 0) return false;
        return true;
    }

    public int outputs() { return out; }

    /** Of a kernel of one tap, the own pixel: x [in] to y [out]. */
    public void of(float[] x, float[] y) {
        System.arraycopy(bias, 0, y, 0, out);
        for (Tap t : taps) add(t.weights, x, 0, y);
    }

    /** The layer on one picture of that width, before its first pixel. */
    public Pixels pixels(int width) { return new Pixels(width); }

    /** y += W x, where x begins at {@code from}. Four inputs a turn: y is read and written a quarter as often. */
    private void add(float[][] w, float[] x, int from, float[] y) {
        int i = 0;
        for (; i + 4 <= in; i += 4) {
            add4(w[i], w[i + 1], w[i + 2], w[i + 3], x[from + i], x[from + i + 1], x[from + i + 2], x[from + i + 3], y, out);
        }
        for (; i < in; i++) add1(w[i], x[from + i], y, out);
    }

    // One loop over whole arrays, one index for all of them: only so does the compiler make vector instructions of it, 4 times as fast.

    private static void add4(float[] p, float[] q, float[] r, float[] s, float a, float b, float c, float d, float[] y, int n) {
        for (int o = 0; o < n; o++) y[o] += a * p[o] + b * q[o] + c * r[o] + d * s[o];
    }

    private static void add1(float[] p, float a, float[] y, int n) { for (int o = 0; o < n; o++) y[o] += a * p[o]; }

    /** The inputs of one picture so far: as many rows as the kernel reaches up to. */
    public final class Pixels {
        private final float[][] known;   // row modulo their number, [left + width + right,in]

        private Pixels(int width) { known = new float[rowsAbove + 1][(left + width + right) * in]; }

        private float[] row(int row) { return known[row % known.length]; }

        /** Called before a row's first pixel, rows in turn from 0. */
        public void startRow(int row) { Arrays.fill(row(row), 0); }

        /** One more input, [in]. */
        public void put(int row, int column, float[] x) { System.arraycopy(x, 0, row(row), (left + column) * in, in); }

        /** One output, into y [out]. */
        public void at(int row, int column, float[] y) {
            System.arraycopy(bias, 0, y, 0, out);
            for (Tap t : taps) if (t.rowsAbove <= row) add(t.weights, row(row - t.rowsAbove), (column + t.columns) * in, y);
        }
    }
}
