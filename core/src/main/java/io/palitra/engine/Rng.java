package io.palitra.engine;

import io.palitra.config.ArgumentException;

/**
 * Random numbers that are a pure function of (seed, item, draw), by {@link Philox}.
 * The first dimension of a drawn tensor counts items: row b of the k-th draw of {@code at(i)} is the same numbers as row i + b of the k-th
 * draw of {@code at(0)}, so that 64 samples at once and 4 x 16 have the same noise, on any machine and device.
 */
public final class Rng {
    private final long key;
    private final long first;
    private final Device device;
    private final boolean silent;
    private int draws;

    /** The first numbers of a seed. */
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

    /** Leaves out so many draws, as though they had been made. */
    public void skip(int n) { draws += n; }

    /** The same numbers, delivered on a device. */
    public Rng on(Device other) { return new Rng(key, first, other, silent); }

    /** Standard normal. */
    public Tensor normal(long... shape) { return floats(shape, Philox::normal); }

    /** N(0,1) of x's shape, F32, on its device. */
    public Tensor normalLike(Tensor x) { return normal(x.shape()).to(x.device()); }

    /** Uniform in [0,1). */
    public Tensor uniform(long... shape) { return floats(shape, Philox::uniform); }

    /** Uniform in [0,1) of x's shape, F32, on its device. */
    public Tensor uniformLike(Tensor x) { return uniform(x.shape()).to(x.device()); }

    /** Makes 4 n numbers of the words of n blocks. */
    @FunctionalInterface private interface Maker { void make(long[][] words, int n, float[] out); }

    private Tensor floats(long[] shape, Maker maker) {
        if (silent) return Torch.zeros(1).to(device).expand(shape);
        Allowance.wouldFit(Float.BYTES, shape);
        float[] out = new float[Torch.numel(shape)];
        int items = out.length == 0 ? 0 : shape.length == 0 ? 1 : (int) shape[0], per = items == 0 ? 0 : out.length / items;
        int blocks = per / 4 + (per % 4 == 0 ? 0 : 1), draw = draws++;
        Philox philox = new Philox(key, draw, blocks);
        float[] made = new float[4 * Math.min(Philox.BLOCKS, blocks)];
        for (int b = 0; b < items; b++) {
            for (int block = 0; block < blocks; block += Philox.BLOCKS) {
                int n = Math.min(Philox.BLOCKS, blocks - block);
                maker.make(philox.blocks(block, n, first + b), n, made);
                System.arraycopy(made, 0, out, b * per + 4 * block, Math.min(4 * n, per - 4 * block));
            }
        }
        return Torch.of(out, shape).to(device);
    }

    /** Whole numbers uniform in 0..bound-1, as I64. */
    public Tensor integers(long bound, long... shape) {
        if (bound < 1) throw new ArgumentException("illegal bound: " + bound + ", must be at least 1");
        long[] out = new long[Torch.numel(shape)];
        int items = out.length == 0 ? 0 : shape.length == 0 ? 1 : (int) shape[0], per = items == 0 ? 0 : out.length / items;
        int draw = draws++;
        for (int b = 0; b < items; b++) {
            Words words = new Words(draw, first + b, per);
            for (int j = 0; j < per; j++) out[b * per + j] = words.next() * bound >>> 32;   // bias below bound / 2^32
        }
        return Torch.of(out, shape).to(device);
    }

    /** 0..n-1 in an order that is a pure function of this stream: Fisher and Yates. */
    public int[] permutation(int n) {
        int[] order = new int[n];
        Words words = new Words(draws++, first, n);
        for (int i = 0; i < n; i++) {
            int j = (int) (words.next() * (i + 1L) >>> 32);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }

    /** Words of an item, one after another. */
    private final class Words {
        private final Philox philox;
        private final long item;
        private final int blocks;
        private long[][] some = {};
        private int next;

        /** @param most how many words will be used */
        Words(int draw, long item, int most) {
            blocks = Math.min(Philox.BLOCKS, most / 4 + 1);
            philox = new Philox(key, draw, blocks);
            this.item = item;
        }

        long next() {
            int within = next % (4 * Philox.BLOCKS);
            if (within == 0) some = philox.blocks(next / 4, blocks, item);
            next++;
            return some[within % 4][within / 4];
        }
    }

    /** SplitMix64's finaliser: close seeds give unrelated keys. */
    private static long mix(long z) {
        z += 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
