package io.palitra.diffusion;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;

/** alphaBar_t for t = 0..T-1: the trained noise levels x_t = sqrt(alphaBar_t) x0 + sqrt(1 - alphaBar_t) eps. */
public final class NoiseTable implements LevelTable {
    private final double[] alphaBar;
    private final double[] logRatios;

    /** @throws IllegalArgumentException if there are no values, or one is not from 0 to 1 */
    public NoiseTable(double[] alphaBar) {
        if (alphaBar.length == 0) throw new ArgumentException("a noise table wants at least one level");
        for (int t = 0; t < alphaBar.length; t++) {
            if (!(alphaBar[t] >= 0 && alphaBar[t] <= 1)) {
                throw new ArgumentException("illegal alphaBar at t = " + t + ": " + alphaBar[t] + ", must be from 0 to 1");
            }
        }
        this.alphaBar = alphaBar.clone();
        logRatios = new double[alphaBar.length];
        for (int t = 0; t < logRatios.length; t++) logRatios[t] = Math.log(at(t).ratio());
    }

    /** T. */
    @Override public int size() { return alphaBar.length; }

    public double alphaBar(int t) { return alphaBar[checked(t)]; }

    /** The trained level t. */
    @Override public Level at(int t) {
        double a = alphaBar[checked(t)];
        return new Level(Math.sqrt(a), Math.sqrt(1 - a), t);
    }

    /** sqrt(alphaBar) of times I64 [B], as F32 [B,1,...] of {@code dims} dims. */
    public Tensor alpha(Tensor times, int dims) { return pick(times, dims, true); }

    /** sqrt(1 - alphaBar) of times I64 [B], as F32 [B,1,...] of {@code dims} dims. */
    public Tensor sigma(Tensor times, int dims) { return pick(times, dims, false); }

    /** The level with a given sigma / alpha; its time lies between the trained ones, on a line in log sigma. Held within the table. */
    @Override public Level ofRatio(double s) { return Level.preserving(s, time(s, logRatios)); }

    /** The time of ratio s on a line between log ratios of times 0, 1, ... */
    static double time(double s, double[] logs) {
        if (logs.length == 1) return 0;
        double log = Math.log(s);
        int low = 0;
        for (int t = 0; t < logs.length - 1; t++) if (logs[t] <= log) low = t;
        double w = (log - logs[low]) / (logs[low + 1] - logs[low]);
        return low + (w > 0 ? Math.min(1, w) : 0);   // NaN where two levels are equal
    }

    /**
     * The same schedule ended in pure noise: sqrt(alphaBar) shifted so that its last is 0 and stretched so that its first stays. Lin et al.
     * 2024, arXiv:2305.08891, algorithm 1.
     */
    public NoiseTable zeroTerminalSnr() {
        int last = size() - 1;
        if (last == 0) throw new ArgumentException("a table of one level cannot both start as it is and end in noise");
        double first = Math.sqrt(alphaBar[0]), end = Math.sqrt(alphaBar[last]);
        double[] out = new double[size()];
        for (int t = 0; t <= last; t++) {
            double a = (Math.sqrt(alphaBar[t]) - end) * first / (first - end);
            out[t] = a * a;
        }
        return new NoiseTable(out);
    }

    private Tensor pick(Tensor times, int dims, boolean data) {
        float[] all = new float[size()];
        for (int t = 0; t < all.length; t++) all[t] = (float) Math.sqrt(data ? alphaBar[t] : 1 - alphaBar[t]);
        return Torch.of(all, all.length).to(times.device()).indexSelect(0, times).broadcastTo(dims);
    }

    private int checked(int t) {
        if (t < 0 || t >= alphaBar.length) {
            throw new ArgumentException("illegal time: " + t + ", must be from 0 to " + (alphaBar.length - 1));
        }
        return t;
    }
}
