package io.palitra.net;

import java.util.Arrays;

/**
 * How the next token is drawn from its logits. The three rules apply in this order.
 *
 * @param temperature divides the logits; 0 = the likeliest token always
 * @param topK only that many likeliest tokens; 0 = all
 * @param topP of these only the likeliest whose chances sum to this. Holtzman et al. 2020, arXiv:1904.09751
 */
public record TokenSampling(double temperature, int topK, double topP) {
    /** The likeliest token always. */
    public static final TokenSampling GREEDY = new TokenSampling(0, 0, 1);

    /** A token so many temperatures below the likeliest has a chance of e^-8 of its. */
    private static final double NEAR = 8;

    public TokenSampling {
        if (!(temperature >= 0) || !Double.isFinite(temperature)) {
            throw new IllegalArgumentException("illegal temperature: " + temperature + ", must be at least 0");
        }
        if (topK < 0) throw new IllegalArgumentException("illegal topK: " + topK + ", must be at least 0");
        if (!(topP > 0 && topP <= 1)) throw new IllegalArgumentException("illegal topP: " + topP + ", must be above 0 and at most 1");
    }

    /**
     * The token whose share of [0,1) holds u; shares lie in the order of their size, the largest first, and of equals in that of tokens.
     *
     * @throws ArithmeticException if a logit is NaN or none is finite
     */
    int draw(double[] logits, double u) { return draw(logits, 0, logits.length, u); }

    /** As {@link #draw(double[], double)}, of the {@code n} logits from {@code first} on. */
    int draw(double[] logits, int first, int n, double u) {
        double best = Double.NEGATIVE_INFINITY;
        int likeliest = 0;
        for (int i = 0; i < n; i++) {
            double l = logits[first + i];
            if (Double.isNaN(l)) throw new ArithmeticException("logit of token " + i + " is NaN");
            if (l > best) {   // the first of equals
                best = l;
                likeliest = i;
            }
        }
        if (!Double.isFinite(best)) throw new ArithmeticException("the largest logit is " + best + ", must be finite");
        if (temperature == 0) return likeliest;
        // few tokens hold nearly all of the chances: the others are sorted only when it comes to them
        for (double below = NEAR; ; below = Double.POSITIVE_INFINITY) {
            int token = draw(logits, first, n, u, best, below);
            if (token >= 0) return token;
        }
    }

    /** Among logits at most {@code below} temperatures under the best; -1 where these do not tell. */
    private int draw(double[] logits, int first, int n, double u, double best, double below) {
        boolean all = below == Double.POSITIVE_INFINITY;
        double least = best - below * temperature, rest = 0;
        double[] near = new double[n];
        int count = 0;
        for (int i = 0; i < n; i++) {
            double l = logits[first + i];
            if (l >= least) near[count++] = l;
            else if (topK == 0) rest += Math.exp((l - best) / temperature);
        }
        int kept = topK == 0 ? n : Math.min(topK, n), known = Math.min(kept, count);
        if (topK > 0 && known < kept && !all) return -1;
        Arrays.sort(near, 0, count);
        double[] sums = new double[known];   // of the chances up to and with this one, not yet divided by the whole
        double sum = 0;
        for (int i = 0; i < known; i++) {
            sum += Math.exp((near[count - 1 - i] - best) / temperature);
            sums[i] = sum;
        }
        sum += rest;
        if (topP < 1) {
            int held = place(sums, known, topP * sum) + 1;
            if (held > known) {
                if (!all) return -1;
                held = known;
            }
            known = held;
            sum = sums[known - 1];
        }
        int at = place(sums, known, u * sum);
        if (at == known) {
            if (!all) return -1;
            at = known - 1;
        }
        double value = near[count - 1 - at];
        int equals = 0;
        while (equals < at && Double.compare(near[count - at + equals], value) == 0) equals++;   // before it, of the same chance
        for (int i = 0; ; i++) if (Double.compare(logits[first + i], value) == 0 && equals-- == 0) return i;
    }

    /** Index of the first of n ascending numbers that exceeds x, or n. */
    private static int place(double[] ascending, int n, double x) {
        int at = Arrays.binarySearch(ascending, 0, n, x);
        int i = at < 0 ? -at - 1 : at;
        while (i < n && ascending[i] <= x) i++;
        return i;
    }
}
