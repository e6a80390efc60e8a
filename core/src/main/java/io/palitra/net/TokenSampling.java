package io.palitra.net;

import java.util.Arrays;
import java.util.stream.IntStream;

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

    public TokenSampling {
        if (!(temperature >= 0) || !Double.isFinite(temperature)) {
            throw new IllegalArgumentException("illegal temperature: " + temperature + ", must be at least 0");
        }
        if (topK < 0) throw new IllegalArgumentException("illegal topK: " + topK + ", must be at least 0");
        if (!(topP > 0 && topP <= 1)) throw new IllegalArgumentException("illegal topP: " + topP + ", must be above 0 and at most 1");
    }

    /**
     * The token whose share of [0,1) holds u; shares lie in the order of their size, the largest first.
     *
     * @throws ArithmeticException if a logit is NaN or none is finite
     */
    int draw(double[] logits, double u) {
        int best = 0;
        for (int i = 0; i < logits.length; i++) {
            if (Double.isNaN(logits[i])) throw new ArithmeticException("logit of token " + i + " is NaN");
            if (logits[i] > logits[best]) best = i;   // the first of equals
        }
        if (!Double.isFinite(logits[best])) throw new ArithmeticException("the largest logit is " + logits[best] + ", must be finite");
        if (temperature == 0) return best;
        int[] order = IntStream.range(0, logits.length).boxed()
            .sorted((a, b) -> Double.compare(logits[b], logits[a])).mapToInt(Integer::intValue).toArray();
        int kept = topK == 0 ? order.length : Math.min(topK, order.length);
        double[] below = new double[kept];   // sum of the chances up to and with this one, not yet divided by the whole
        double sum = 0;
        for (int i = 0; i < kept; i++) {
            sum += Math.exp((logits[order[i]] - logits[best]) / temperature);
            below[i] = sum;
        }
        if (topP < 1) {
            kept = Math.min(kept, place(below, kept, topP * sum) + 1);
            sum = below[kept - 1];
        }
        return order[Math.min(place(below, kept, u * sum), kept - 1)];
    }

    /** Index of the first of n ascending numbers that exceeds x, or n. */
    private static int place(double[] ascending, int n, double x) {
        int at = Arrays.binarySearch(ascending, 0, n, x);
        int i = at < 0 ? -at - 1 : at;
        while (i < n && ascending[i] <= x) i++;
        return i;
    }
}
