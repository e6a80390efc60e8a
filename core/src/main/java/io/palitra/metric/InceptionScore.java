package io.palitra.metric;

import io.palitra.engine.DType;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;

/**
 * exp E KL(p(y|x) || p(y)): 1 when the classifier sees no difference between samples, the number of classes when it is certain of each and
 * all are drawn alike. Salimans et al. 2016, arXiv:1606.03498. Named after the network that gave p; with another it is not comparable.
 */
public final class InceptionScore {
    private InceptionScore() {}

    /** logits [N,classes] of samples. */
    public static double of(Tensor logits) {
        if (logits.dims() != 2 || logits.size(0) < 1) throw new IllegalArgumentException("InceptionScore wants [N,classes], got " + logits);
        try (Scope scope = new Scope()) {
            Tensor logP = logits.to(DType.F64).logSoftmax(1), p = logP.exp(), mean = p.mean(false, 0);
            // p log p is 0 at p = 0
            return Math.exp(p.mul(logP).sum(false, 1).mean().item() - mean.mul(mean.clampMin(Double.MIN_NORMAL).log()).sum().item());
        }
    }
}
