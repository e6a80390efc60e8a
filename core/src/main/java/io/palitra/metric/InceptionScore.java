package io.palitra.metric;

import io.palitra.config.ArgumentException;
import io.palitra.engine.DType;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import java.util.Arrays;

/**
 * exp E KL(p(y|x) || p(y)): 1 when the classifier sees no difference between samples, the number of classes when it is certain of each and
 * all are drawn alike. Salimans et al. 2016, arXiv:1606.03498. Named after the network that gave p; with another it is not comparable.
 */
public final class InceptionScore {
    private double[] sum = {};      // of p(y|x) over items, for each class
    private double certain;         // of sum_y p log p over items
    private long count;

    /** logits [N,classes] of samples. */
    public static double of(Tensor logits) {
        InceptionScore score = new InceptionScore();
        score.add(logits);
        return score.score();
    }

    /** logits [B,classes] of more samples. */
    public void add(Tensor logits) {
        if (logits.dims() != 2 || logits.size(0) < 1) throw new ArgumentException("the Inception score wants [N,classes], got "
            + logits);
        try (Scope scope = new Scope()) {
            Tensor logP = logits.to(DType.F64).logSoftmax(1), p = logP.exp();
            // p log p is 0 at p = 0, where log p is no less than -1e300 or so
            certain += p.mul(logP.clampMin(-1e300)).sum().item();
            double[] more = p.sum(false, 0).doubles();
            if (sum.length == 0) sum = new double[more.length];
            for (int i = 0; i < sum.length; i++) sum[i] += more[i];
            count += logits.size(0);
        }
    }

    public double score() {
        double mean = 0;
        for (double s : sum) if (s > 0) mean += s / count * Math.log(s / count);
        return Math.exp(certain / count - mean);
    }

    /** The state so far: the sums of the classes, of p log p, and the count. */
    double[] state() {
        double[] state = Arrays.copyOf(sum, sum.length + 2);
        state[sum.length] = certain;
        state[sum.length + 1] = count;
        return state;
    }

    void restore(double[] state) {
        sum = Arrays.copyOf(state, state.length - 2);
        certain = state[state.length - 2];
        count = (long) state[state.length - 1];
    }
}
