package io.palitra.engine;

/**
 * Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), many blocks at once, and numbers from its words.
 * Words lie as longs in arrays of their own, whose loops the compiler turns into vectors. Only +, -, *, / and square roots are used, so
 * that numbers are the same on every machine.
 */
final class Philox {
    /** Most blocks at once. */
    static final int BLOCKS = 128;

    private static final long MASK = 0xFFFFFFFFL, M0 = 0xD2511F53L, M1 = 0xCD9E8D57L, W0 = 0x9E3779B9L, W1 = 0xBB67AE85L;
    private static final double TURN = 2 * Math.PI * 0x1p-32, LN2 = 0.6931471805599453;
    private static final long ROOT_HALF = 0x3FE6A09E667F3BCDL;   // bits of sqrt(1/2)
    private static final long HALF_WAY = 0x4338000000000000L;    // bits of 2^52 + 2^51, beside which the last bit counts ones

    private final long key;
    private final long draw;
    private final long[][] words;

    Philox(long key, int draw, int mostBlocks) {
        this.key = key;
        this.draw = draw & MASK;
        words = new long[4][Math.min(BLOCKS, mostBlocks)];
    }

    /** Word k of block first + j, for j below n, is [k][j] of the result until the next call. */
    long[][] blocks(int first, int n, long item) {
        long[] a = words[0], b = words[1], c = words[2], d = words[3];
        for (int j = 0; j < n; j++) {
            a[j] = first + j & MASK;
            b[j] = draw;
            c[j] = item & MASK;
            d[j] = item >>> 32;
        }
        long k0 = key & MASK, k1 = key >>> 32;
        for (int i = 0; i < 10; i++) {
            round(a, b, c, d, n, k0, k1);
            k0 = k0 + W0 & MASK;
            k1 = k1 + W1 & MASK;
        }
        return words;
    }

    private static void round(long[] a, long[] b, long[] c, long[] d, int n, long k0, long k1) {
        for (int j = 0; j < n; j++) {
            long p = M0 * a[j], q = M1 * c[j];
            a[j] = q >>> 32 ^ b[j] ^ k0;
            b[j] = q & MASK;
            c[j] = p >>> 32 ^ d[j] ^ k1;
            d[j] = p & MASK;
        }
    }

    /** Of n blocks 4 n numbers in [0,1), by the upper 24 bits of each word. */
    static void uniform(long[][] words, int n, float[] out) {
        for (int k = 0; k < 4; k++) {
            long[] w = words[k];
            for (int j = 0; j < n; j++) out[4 * j + k] = (int) (w[j] >>> 8) * 0x1p-24f;
        }
    }

    /** Of n blocks 4 n standard normal numbers. Box and Muller 1958: two uniforms to two normals. */
    static void normal(long[][] words, int n, float[] out) {
        for (int k = 0; k < 4; k += 2) {
            long[] x = words[k], y = words[k + 1];
            for (int j = 0; j < n; j++) pair(x[j], y[j], out, 4 * j + k);
        }
    }

    /** sqrt(-2 ln u) (cos a, sin a) with u = (x + 1/2) / 2^32 and a = 2 pi y / 2^32, to 1e-11 of its size. */
    private static void pair(long x, long y, float[] out, int at) {
        double r = Math.sqrt(-2 * (log(number(2 * x + 1)) - 33 * LN2));
        int quarter = (int) (y + (1L << 29) >>> 30);                     // 0 to 4, the nearest
        double a = number(y - ((long) quarter << 30)) * TURN, z = a * a;       // a in [-pi/4,pi/4], by Taylor's sums
        double s = a * (1 - z * (1 / 6.0 - z * (1 / 120.0 - z * (1 / 5040.0 - z * (1 / 362880.0 - z * (1 / 39916800.0))))));
        double c = 1 - z * (1 / 2.0 - z * (1 / 24.0 - z * (1 / 720.0 - z * (1 / 40320.0 - z * (1 / 3628800.0 - z * (1 / 479001600.0))))));
        // the quarter is not predictable, so it is chosen and signed by bits, without branches
        long sine = Double.doubleToRawLongBits(s), cosine = Double.doubleToRawLongBits(c), swap = (sine ^ cosine) & -(quarter & 1L);
        out[at] = (float) (r * Double.longBitsToDouble(cosine ^ swap ^ (quarter + 1L & 2) << 62));
        out[at + 1] = (float) (r * Double.longBitsToDouble(sine ^ swap ^ (quarter & 2L) << 62));
    }

    /** Of less than 52 bits; by hand, since the machine's own conversion waits for what was in the register before. */
    private static double number(long v) { return Double.longBitsToDouble(HALF_WAY + v) - Double.longBitsToDouble(HALF_WAY); }

    /** Natural logarithm of v, at least 1: v = 2^e m with m in [sqrt(1/2),sqrt(2)), ln m = 2 artanh((m - 1) / (m + 1)). */
    private static double log(double v) {
        long bits = Double.doubleToRawLongBits(v), e = bits - ROOT_HALF >> 52;
        double m = Double.longBitsToDouble(bits - (e << 52)), s = (m - 1) / (m + 1), z = s * s;
        double sum = 1 + z * (1 / 3.0 + z * (1 / 5.0 + z * (1 / 7.0 + z * (1 / 9.0 + z * (1 / 11.0 + z * (1 / 13.0))))));
        return number(e) * LN2 + 2 * s * sum;
    }
}
