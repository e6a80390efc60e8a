package io.palitra.diffusion;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import java.util.function.DoubleUnaryOperator;

/** How much noise each of T steps adds: x_t has variance beta_t of fresh noise, Ho et al. 2020, arXiv:2006.11239. */
public sealed interface NoiseSchedule
        permits NoiseSchedule.Linear, NoiseSchedule.ScaledLinear, NoiseSchedule.Cosine, NoiseSchedule.Sigmoid {
    /** T, the number of trained noise levels. */
    int levels();

    /** beta_0 .. beta_{T-1}, each in (0, 1). */
    double[] betas();

    /** alphaBar_t, the product of (1 - beta) up to t. */
    default NoiseTable table() {
        double[] betas = betas(), alphaBar = new double[betas.length];
        double product = 1;
        for (int t = 0; t < betas.length; t++) {
            product *= 1 - betas[t];
            alphaBar[t] = product;
        }
        return new NoiseTable(alphaBar);
    }

    /** beta on a line. Ho et al. 2020: 1e-4 to 0.02. */
    record Linear(@Help(value = "trained noise levels", min = 1, max = 100_000) int levels, @Help("first beta") double betaStart,
            @Help("last beta") double betaEnd) implements NoiseSchedule {
        public Linear() { this(1000, 1e-4, 0.02); }

        public Linear { check(levels, betaStart, betaEnd); }

        @Override public double[] betas() { return spaced(levels, betaStart, betaEnd, b -> b); }
    }

    /** The root of beta on a line. Rombach et al. 2022, arXiv:2112.10752: 0.00085 to 0.012. */
    record ScaledLinear(@Help(value = "trained noise levels", min = 1, max = 100_000) int levels, @Help("first beta") double betaStart,
            @Help("last beta") double betaEnd) implements NoiseSchedule {
        public ScaledLinear() { this(1000, 0.00085, 0.012); }

        public ScaledLinear { check(levels, betaStart, betaEnd); }

        @Override public double[] betas() { return spaced(levels, Math.sqrt(betaStart), Math.sqrt(betaEnd), b -> b * b); }
    }

    /** alphaBar(u) = cos²(pi/2 (u + s) / (1 + s)), beta at most 0.999. Nichol and Dhariwal 2021, arXiv:2102.09672, eq. 17: s = 0.008. */
    record Cosine(@Help(value = "trained noise levels", min = 1, max = 100_000) int levels,
            @Help("offset that keeps the first betas from vanishing") double s) implements NoiseSchedule {
        private static final double LARGEST = 0.999;

        public Cosine() { this(1000, 0.008); }

        public Cosine {
            check(levels, LARGEST, LARGEST);
            if (!(s >= 0 && s < 1)) throw new ArgumentException("illegal s: " + s + ", must be from 0 to below 1");
        }

        @Override public double[] betas() {
            double[] betas = new double[levels];
            for (int t = 0; t < levels; t++) {
                betas[t] = Math.min(1 - alphaBar((t + 1.0) / levels) / alphaBar((double) t / levels), LARGEST);
            }
            return betas;
        }

        private double alphaBar(double u) {
            double c = Math.cos(Math.PI / 2 * (u + s) / (1 + s));
            return c * c;
        }
    }

    /** beta on a logistic curve from -6 to 6. Xu et al. 2022, arXiv:2203.02923. */
    record Sigmoid(@Help(value = "trained noise levels", min = 1, max = 100_000) int levels, @Help("least beta") double betaStart,
            @Help("greatest beta") double betaEnd) implements NoiseSchedule {
        public Sigmoid() { this(1000, 1e-4, 0.02); }

        public Sigmoid { check(levels, betaStart, betaEnd); }

        @Override public double[] betas() {
            return spaced(levels, -6, 6, u -> (betaEnd - betaStart) / (1 + Math.exp(-u)) + betaStart);
        }
    }

    private static double[] spaced(int n, double from, double to, DoubleUnaryOperator f) {
        double[] out = new double[n];
        for (int i = 0; i < n; i++) out[i] = f.applyAsDouble(n == 1 ? from : from + (to - from) * i / (n - 1));
        return out;
    }

    private static void check(int levels, double... betas) {
        if (levels < 1) throw new ArgumentException("illegal levels: " + levels + ", must be at least 1");
        for (double b : betas) {
            if (!(b > 0 && b < 1)) throw new ArgumentException("illegal beta: " + b + ", must be between 0 and 1");
        }
    }
}
