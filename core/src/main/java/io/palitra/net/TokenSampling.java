package io.palitra.net;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
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

    /** Probability, as a share of the greatest, from which tokens are sorted first: few tokens hold nearly all of the sum. */
    private static final double NEAR = Math.exp(-8);

    public TokenSampling {
        if (!(temperature >= 0) || !Double.isFinite(temperature)) {
            throw new ArgumentException("illegal temperature: " + temperature + ", must be at least 0");
        }
        if (topK < 0) throw new ArgumentException("illegal topK: " + topK + ", must be at least 0");
        if (!(topP > 0 && topP <= 1)) throw new ArgumentException("illegal topP: " + topP + ", must be above 0 and at most 1");
    }

    /**
     * A token for each row of logits [B,V]. Row b draws from item b of rng, one draw of it; none where the likeliest is taken. Waits for
     * the device.
     *
     * @throws ArithmeticException if a logit is NaN, or none of a row is finite
     */
    int[] draw(Tensor logits, Rng rng) { return draw(logits.doubles(), (int) logits.size(0), rng); }

    /** As {@link #draw(Tensor, Rng)}, of so many rows one after the other. */
    int[] draw(double[] logits, int rows, Rng rng) {
        int n = logits.length / rows;
        int[] tokens = new int[rows];
        try (Scope scope = new Scope()) {
            double[] u = temperature == 0 ? new double[0] : rng.uniform(rows, n).doubles();
            for (int b = 0; b < rows; b++) tokens[b] = draw(logits, b * n, n, u);
        }
        return tokens;
    }

    /** As {@link #draw(double[], int, Rng)}, by numbers u of (0,1), one for each logit. */
    int[] draw(double[] logits, int rows, double[] u) {
        int n = logits.length / Math.max(1, rows);
        int[] tokens = new int[rows];
        for (int b = 0; b < rows; b++) tokens[b] = draw(logits, b * n, n, u);
        return tokens;
    }

    /**
     * That of the n tokens from {@code first} on whose waiting time -log u_i / p_i is the shortest: token i is it with chance p_i. Where
     * logits differ in their last bits, as those of other batches do, another token comes in only if two times are as close; one number
     * laid beside the sums of the chances would meet the edges of all of them. Maddison, Tarlow and Minka 2014, arXiv:1411.0030.
     */
    private int draw(double[] logits, int first, int n, double[] u) {
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
        double[] chances = new double[n];   // divided by the greatest
        for (int i = 0; i < n; i++) chances[i] = Math.exp((logits[first + i] - best) / temperature);
        if (topK > 0 || topP < 1) keepLikeliest(chances);
        double shortest = Double.POSITIVE_INFINITY;
        int token = likeliest;
        for (int i = 0; i < n; i++) {
            double c = chances[i], least = 1 - u[first + i];   // of -log u: most are too long already
            if (c == 0 || least >= shortest * c) continue;
            double time = -Math.log(u[first + i]) / c;
            if (time < shortest) {
                shortest = time;
                token = i;
            }
        }
        return token;
    }

    /** Leaves 0 of all that {@code topK} and {@code topP} do not keep. Of equals the first are kept. */
    private void keepLikeliest(double[] chances) {
        double[] near = new double[chances.length];
        int count = 0, held = -1;
        for (double least = NEAR; held < 0; least = 0) {
            count = 0;
            for (double c : chances) if (c >= least) near[count++] = c;
            Arrays.sort(near, 0, count);
            held = held(near, count, chances);
        }
        double last = near[count - held];
        int equals = 0;
        while (equals < held && near[count - held + equals] == last) equals++;
        for (int i = 0; i < chances.length; i++) {
            boolean kept = chances[i] > last || chances[i] == last && equals-- > 0;
            if (!kept) chances[i] = 0;
        }
    }

    /** How many are kept; -1 where the {@code count} largest probabilities, ascending, do not decide it. */
    private int held(double[] near, int count, double[] chances) {
        int n = chances.length, most = topK == 0 ? n : Math.min(topK, n);
        if (topK > 0 && count < most) return -1;
        if (topP == 1) return most;
        double all = 0, sum = 0;
        if (topK == 0) for (double c : chances) all += c;
        else for (int i = 0; i < most; i++) all += near[count - 1 - i];
        int held = 0;
        while (held < Math.min(most, count) && sum <= topP * all) sum += near[count - 1 - held++];
        return sum > topP * all || count == n || held == most ? held : -1;
    }
}
