package io.palitra.engine;

import io.palitra.config.ArgumentException;
import java.util.Arrays;
import java.util.List;

/**
 * Random numbers that are a pure function of (seed, item, draw), by {@link Philox}.
 * The first dimension of a drawn tensor counts items: row b of the k-th draw of {@code at(i)} is the same numbers as row i + b of the k-th
 * draw of {@code at(0)}, so that 64 samples at once and 4 x 16 have the same noise, on any machine and device.
 */
public final class Rng {
    /** Where the rows' numbers come from: a key and an item for each. */
    private interface Rows {
        long key(int b);

        long item(int b);

        Rows at(long i);

        Rows split(long purpose);
    }

    /** Rows of one seed, one after the other. */
    private record OfOne(long key, long first) implements Rows {
        @Override public long key(int b) { return key; }

        @Override public long item(int b) { return first + b; }

        @Override public Rows at(long i) { return new OfOne(key, first + i); }

        @Override public Rows split(long purpose) { return new OfOne(splitKey(key, purpose), 0); }
    }

    /** Rows of several, behind each other; a row knows which of its own part it is. */
    private record OfSeveral(long[] keys, long[] items, long[] places, int from) implements Rows {
        @Override public long key(int b) { return keys[row(b)]; }

        @Override public long item(int b) { return items[row(b)]; }

        private int row(int b) {
            if (from + b < keys.length) return from + b;
            throw new ArgumentException("row " + (from + b) + " is asked for of " + keys.length + " rows of several seeds");
        }

        @Override public Rows at(long i) { return new OfSeveral(keys, items, places, (int) (from + i)); }

        @Override public Rows split(long purpose) {
            return new OfSeveral(Arrays.stream(keys).map(k -> splitKey(k, purpose)).toArray(), places, places, from);
        }
    }

    private final Rows rows;
    private final Device device;
    private final boolean silent;
    private int draws;

    /** The first numbers of a seed. */
    public Rng(long seed) { this(new OfOne(mix(seed), 0), Device.CPU, false); }

    /**
     * Streams behind each other: the first {@code counts[0]} rows are those of the first, and so on. What is drawn for them at once are the
     * numbers that each gives alone.
     *
     * @param parts streams that nothing was drawn of yet
     */
    public static Rng joined(List<Rng> parts, int[] counts) {
        int n = Arrays.stream(counts).sum(), at = 0;
        long[] keys = new long[n], items = new long[n], places = new long[n];
        for (int p = 0; p < counts.length; p++) {
            Rng part = parts.get(p);
            if (part.draws > 0 || part.silent) throw new ArgumentException("only streams that nothing was drawn of can be joined");
            for (int b = 0; b < counts[p]; b++, at++) {
                keys[at] = part.rows.key(b);
                items[at] = part.rows.item(b);
                places[at] = b;
            }
        }
        return new Rng(new OfSeveral(keys, items, places, 0), parts.get(0).device, false);
    }

    /**
     * Draws nothing: its normal and uniform numbers are one 0 that stands for all. For networks whose weights are loaded next, which need
     * neither others first nor room for them.
     */
    public static Rng silent() { return new Rng(new OfOne(0, 0), Device.CPU, true); }

    /** Whether this is {@link #silent()}. */
    public boolean isSilent() { return silent; }

    private Rng(Rows rows, Device device, boolean silent) {
        this.silent = silent;
        this.rows = rows;
        this.device = device;
    }

    /** A fresh stream of the same seed, i items further on: its first row is item i where this one's is item 0. */
    public Rng at(long i) { return new Rng(rows.at(i), device, silent); }

    /** An independent stream for a purpose or step, a pure function of (seed, purpose). */
    public Rng split(long purpose) { return new Rng(rows.split(purpose), device, silent); }

    private static long splitKey(long key, long purpose) { return mix(key ^ mix(purpose + 0x632BE59BD9B4E019L)); }

    /** Leaves out so many draws, as though they had been made. */
    public void skip(int n) { draws += n; }

    /** The same numbers, delivered on a device. */
    public Rng on(Device other) { return new Rng(rows, other, silent); }

    /** Where its numbers are. */
    public Device device() { return device; }

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
        Philox philox = new Philox(0, draw, blocks);
        long key = 0;
        float[] made = new float[4 * Math.min(Philox.BLOCKS, blocks)];
        for (int b = 0; b < items; b++) {
            if (rows.key(b) != key) philox = new Philox(key = rows.key(b), draw, blocks);
            for (int block = 0; block < blocks; block += Philox.BLOCKS) {
                int n = Math.min(Philox.BLOCKS, blocks - block);
                maker.make(philox.blocks(block, n, rows.item(b)), n, made);
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
            Words words = new Words(draw, b, per);
            for (int j = 0; j < per; j++) out[b * per + j] = words.next() * bound >>> 32;   // bias below bound / 2^32
        }
        return Torch.of(out, shape).to(device);
    }

    /** 0..n-1 in an order that is a pure function of this stream: Fisher and Yates. */
    public int[] permutation(int n) {
        int[] order = new int[n];
        Words words = new Words(draws++, 0, n);
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
        Words(int draw, int row, int most) {
            blocks = Math.min(Philox.BLOCKS, most / 4 + 1);
            philox = new Philox(rows.key(row), draw, blocks);
            item = rows.item(row);
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
