package io.palitra.diffusion;

/** Quantiles of the distribution Beta(0.6, 0.6), at which Lee et al. 2024, arXiv:2407.12173, place the steps. */
final class BetaQuantile {
    private static final double A = 0.6;
    private static final int TERMS = 60;

    private BetaQuantile() {}

    /** The quantile u, by bisection of the distribution function. */
    static double at(double u) {
        if (u > 0.5) return 1 - at(1 - u);
        double whole = 2 * series(0.5), low = 0, high = 0.5;
        for (int i = 0; i < TERMS; i++) {
            double middle = (low + high) / 2;
            if (series(middle) < u * whole) low = middle;
            else high = middle;
        }
        return u == 0 ? 0 : high;
    }

    /** Integral of y^(a-1) (1-y)^(a-1) from 0 to x, term by term of the binomial series; x at most 1/2. */
    private static double series(double x) {
        double binomial = 1, sum = 0;
        for (int k = 0; k < TERMS; k++) {
            sum += binomial / (A + k) * Math.pow(x, A + k);
            binomial *= (k + 1 - A) / (k + 1);
        }
        return sum;
    }
}
