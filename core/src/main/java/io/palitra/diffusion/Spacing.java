package io.palitra.diffusion;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntUnaryOperator;

/** Which of the T trained noise levels a sampler visits. The names of the first three are those of Lin et al. 2024, arXiv:2305.08891. */
public sealed interface Spacing permits Spacing.Leading, Spacing.Trailing, Spacing.Linspace, Spacing.Karras {
    /**
     * n levels from noisy to nearly clean, and {@link Level#CLEAN} at the end: n + 1 in all.
     *
     * @throws IllegalArgumentException for n below 1 or, where levels are trained ones, above T
     */
    List<Level> levels(LevelTable table, int n);

    /** Every T/n-th time counted from 0, rounded down (Song et al. 2021). Never visits T - 1; with few steps it starts far from noise. */
    record Leading() implements Spacing {
        @Override public List<Level> levels(LevelTable table, int n) { return times(table, n, i -> (n - 1 - i) * (table.size() / n)); }
    }

    /** Every T/n-th time counted from the end: starts at T - 1 whatever n. */
    record Trailing() implements Spacing {
        @Override public List<Level> levels(LevelTable table, int n) {
            return times(table, n, i -> (int) Math.rint(table.size() - i * ((double) table.size() / n)) - 1);
        }
    }

    /** n times on a line from T - 1 to 0, both ends included (T - 1 alone for n = 1). */
    record Linspace() implements Spacing {
        @Override public List<Level> levels(LevelTable table, int n) {
            double last = table.size() - 1;
            return times(table, n, i -> (int) Math.rint(n == 1 ? last : last - i * last / (n - 1)));
        }
    }

    /** sigma^(1/rho) on a line between the ends of the table: Karras et al. 2022, arXiv:2206.00364, eq. 5. */
    record Karras(@Help("7 in the paper; larger puts more steps at low noise") double rho) implements Spacing {
        public Karras() { this(7); }

        public Karras {
            if (!(rho > 0 && rho < Double.POSITIVE_INFINITY)) {
                throw new ArgumentException("illegal rho: " + rho + ", must be above 0");
            }
        }

        @Override public List<Level> levels(LevelTable table, int n) {
            double max = table.at(table.size() - 1).ratio();
            if (max == Double.POSITIVE_INFINITY) {
                throw new ArgumentException("spacing karras wants noise of finite sigma, the schedule ends at alpha = 0;"
                    + " there are trailing, linspace");
            }
            List<Level> levels = new ArrayList<>();
            for (double s : sigmas(n, table.at(0).ratio(), max)) levels.add(table.ofRatio(s));
            levels.add(Level.CLEAN);
            return List.copyOf(levels);
        }

        /** n noise levels from max down to min, in data units; max alone for n = 1. */
        public double[] sigmas(int n, double min, double max) {
            if (n < 1) throw new ArgumentException("illegal steps: " + n + ", must be at least 1");
            if (!(min > 0 && min <= max && max < Double.POSITIVE_INFINITY)) {
                throw new ArgumentException("illegal sigmas: from " + max + " to " + min + ", must be finite, above 0 and fall");
            }
            double from = Math.pow(max, 1 / rho), to = Math.pow(min, 1 / rho);
            double[] out = new double[n];
            for (int i = 0; i < n; i++) out[i] = Math.pow(from + i / Math.max(1.0, n - 1) * (to - from), rho);
            return out;
        }
    }

    private static List<Level> times(LevelTable table, int n, IntUnaryOperator time) {
        if (n < 1 || n > table.size()) {
            throw new ArgumentException("illegal steps: " + n + ", must be from 1 to the schedule's " + table.size());
        }
        List<Level> levels = new ArrayList<>();
        for (int i = 0; i < n; i++) levels.add(table.at(time.applyAsInt(i)));
        levels.add(Level.CLEAN);
        return List.copyOf(levels);
    }
}
