package io.palitra.data;

/** A stream of numbers, a pure function of where it begins: Steele et al. 2014, "Fast splittable pseudorandom number generators". */
public final class SplitMix {
    private long state;

    public SplitMix(long seed) { state = seed; }

    SplitMix(long item, Split split) { state = (item * 2 + split.ordinal()) * 0xD1342543DE82EF95L + 0x5851F42D4C957F2DL; }

    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    /** In [0,1). */
    public double uniform() { return (mix(state += 0x9E3779B97F4A7C15L) >>> 11) * 0x1p-53; }

    /** In a..b. */
    double between(double a, double b) { return a + (b - a) * uniform(); }

    /** 0..n-1. */
    int below(int n) { return (int) (uniform() * n); }

    /** One number in [0,1) of one key. */
    static double unit(long key) { return (mix((key + 1) * 0x9E3779B97F4A7C15L) >>> 11) * 0x1p-53; }
}
