package io.palitra.diffusion;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;

/**
 * How far noise is raised before each step of a run: by the share gamma = min(amount / steps, sqrt(2) - 1) where sigma lies between
 * {@code from} and {@code to}. Karras et al. 2022, arXiv:2206.00364, algorithm 2, whose S_churn, S_tmin, S_tmax and S_noise these are.
 */
public record Churn(@Help(value = "how much over all steps, 0 = none", min = 0, max = 1e6) double amount,
        @Help(value = "least sigma that is raised", min = 0, max = 1e6) double from,
        @Help(value = "largest sigma that is raised", min = 0, max = 1e6) double to,
        @Help(value = "scale of the fresh noise", min = 0, max = 10) double noise) {
    /** No churn. */
    static final Churn NONE = new Churn(0, 0, Double.POSITIVE_INFINITY, 1);

    public Churn {
        if (!(amount >= 0)) throw new ArgumentException("illegal churn: " + amount + ", must be at least 0");
        if (!(from >= 0 && to >= from)) {
            throw new ArgumentException("illegal churn: from " + from + " to " + to + ", must be at least 0 and rise");
        }
        if (!(noise >= 0 && noise < Double.POSITIVE_INFINITY)) {
            throw new ArgumentException("illegal noise: " + noise + ", must be finite and at least 0");
        }
    }

    /** gamma at a sigma of a run of n network calls. */
    double gamma(double sigma, int n) {
        boolean raised = sigma >= from && sigma <= to && sigma < Double.POSITIVE_INFINITY;
        return raised ? Math.min(amount / n, Math.sqrt(2) - 1) : 0;
    }
}
