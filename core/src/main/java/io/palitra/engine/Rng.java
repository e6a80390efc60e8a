package io.palitra.engine;

/**
 * Random numbers that are a pure function of (seed, item, draw): Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy
 * as 1, 2, 3").
 * The first dimension of a drawn tensor counts items: row b of the k-th draw of {@code at(i)} is the same numbers as row i + b of the k-th
 * draw of {@code at(0)}, so that 64 samples at once and 4 x 16 have the same noise, on any machine and device.
 */
public final class Rng {
    private static final int M0 = 0xD2511F53, M1 = 0xCD9E8D57, W0 = 0x9E3779B9, W1 = 0xBB67AE85;
    private static final double TO_UNIT = 0x1p-32;

    private final long key;
    private final long first;
    private final Device device;
    private final boolean silent;
    private int draws;

    public Rng(long seed) { this(mix(seed), 0, Device.CPU, false); }

    /**
     * Draws nothing: its normal and uniform numbers are one 0 that stands for all. For networks whose weights are loaded next, which need
     * neither others first nor room for them.
     */
    public static Rng silent() { return new Rng(0, 0, Device.CPU, true); }

    /** Whether this is {@link #silent()}. */
    public boolean isSilent() { return silent; }

    private Rng(long key, long first, Device device, boolean silent) {
        this.silent = silent;
        this.key = key;
        this.first = first;
        this.device = device;
    }

    /** A fresh stream of the same seed, i items further on: its first row is item i where this one's is item 0. */
    public Rng at(long i) { return new Rng(key, first + i, device, silent); }

    /** An independent stream for a purpose or step, a pure function of (seed, purpose). */
    public Rng split(long purpose) { return new Rng(mix(key ^ mix(purpose + 0x632BE59BD9B4E019L)), 0, device, silent); }

    /** The same numbers, delivered on a device. */
    public Rng on(Device other) { return new Rng(key, first, other, silent); }

    /** Standard normal. Box and Muller 1958: two uniforms to two normals. */
    public Tensor normal(long... shape) {
        return floats(shape, (x, out, at, end) -> {
            for (int k = 0; k < 4 && at + k < end; k += 2) {
                double r = Math.sqrt(-2 * Math.log(((x[k] & 0xFFFFFFFFL) + 0.5) * TO_UNIT));
                double a = 2 * Math.PI * ((x[k + 1] & 0xFFFFFFFFL) * TO_UNIT);
                out[at + k] = (float) (r * Math.cos(a));
                if (at + k + 1 < end) out[at + k + 1] = (float) (r * Math.sin(a));
            }
        });
    }

    public Tensor normalLike(Tensor x) { return normal(x.shape()).to(x.device()); }

    /** Uniform in [0,1). */
    public Tensor uniform(long... shape) {
        return floats(shape, (x, out, at, end) -> {
            for (int k = 0; k < 4 && at + k < end; k++) out[at + k] = (x[k] >>> 8) * 0x1p-24f;
        });
    }

    public Tensor uniformLike(Tensor x) { return uniform(x.shape()).to(x.device()); }

    /** Makes out[at] .. out[at + 3], as far as end allows, of four random words. */
    @FunctionalInterface private interface Four { void write(int[] x, float[] out, int at, int end); }

    private Tensor floats(long[] shape, Four four) {
        if (silent) return Torch.zeros(1).to(device).expand(shape);
        float[] out = new float[Torch.numel(shape)];
        int items = out.length == 0 ? 0 : shape.length == 0 ? 1 : (int) shape[0];
        int draw = draws++;
        int[] x = new int[4];
        for (int b = 0; b < items; b++) {
            int per = out.length / items, at = b * per, end = at + per;
            for (int block = 0; at < end; block++, at += 4) {
                philox(block, draw, first + b, x);
                four.write(x, out, at, end);
            }
        }
        return Torch.of(out, shape).to(device);
    }

    /** Whole numbers uniform in 0..bound-1, as I64. */
    public Tensor integers(long bound, long... shape) {
        if (bound < 1) throw new IllegalArgumentException("illegal bound: " + bound + ", must be at least 1");
        long[] out = new long[Torch.numel(shape)];
        int items = out.length == 0 ? 0 : shape.length == 0 ? 1 : (int) shape[0], per = items == 0 ? 0 : out.length / items;
        int draw = draws++;
        int[] x = new int[4];
        for (int b = 0; b < items; b++) {
            for (int j = 0; j < per; j++) {
                if ((j & 3) == 0) philox(j >>> 2, draw, first + b, x);
                out[b * per + j] = (x[j & 3] & 0xFFFFFFFFL) * bound >>> 32;   // bias below bound / 2^32
            }
        }
        return Torch.of(out, shape).to(device);
    }

    /** 0..n-1 in an order that is a pure function of this stream: Fisher and Yates. */
    public int[] permutation(int n) {
        int[] order = new int[n];
        int[] x = new int[4];
        int draw = draws++;
        for (int i = 0; i < n; i++) {
            if ((i & 3) == 0) philox(i >>> 2, draw, first, x);
            int j = (int) ((x[i & 3] & 0xFFFFFFFFL) * (i + 1L) >>> 32);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }

    private void philox(int block, int draw, long item, int[] out) {
        int c0 = block, c1 = draw, c2 = (int) item, c3 = (int) (item >>> 32);
        int k0 = (int) key, k1 = (int) (key >>> 32);
        for (int round = 0; round < 10; round++) {
            long p0 = (M0 & 0xFFFFFFFFL) * (c0 & 0xFFFFFFFFL), p1 = (M1 & 0xFFFFFFFFL) * (c2 & 0xFFFFFFFFL);
            c0 = (int) (p1 >>> 32) ^ c1 ^ k0;
            c1 = (int) p1;
            c2 = (int) (p0 >>> 32) ^ c3 ^ k1;
            c3 = (int) p0;
            k0 += W0;
            k1 += W1;
        }
        out[0] = c0;
        out[1] = c1;
        out[2] = c2;
        out[3] = c3;
    }

    /** SplitMix64's finaliser: close seeds give unrelated keys. */
    private static long mix(long z) {
        z += 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
