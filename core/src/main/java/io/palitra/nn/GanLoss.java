package io.palitra.nn;

import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.function.UnaryOperator;

/**
 * What a generator and a discriminator descend, from the discriminator's scores of real and of made items, high for real ones; the scores
 * are of any shape, the losses scalars. s = log(1 + exp).
 */
public final class GanLoss {
    private GanLoss() {}

    /** Of the discriminator: E s(-D(x)) + E s(D(m)). Goodfellow et al. 2014, arXiv:1406.2661, eq. 1. */
    public static Tensor logistic(Tensor onReal, Tensor onMade) { return onReal.neg().softplus().mean().add(onMade.softplus().mean()); }

    /** Of the generator, not saturating: E s(-D(m)). Goodfellow et al. 2014, section 3. */
    public static Tensor logistic(Tensor onMade) { return onMade.neg().softplus().mean(); }

    /** Of the discriminator: E max(0, 1 - D(x)) + E max(0, 1 + D(m)). Lim and Ye 2017, arXiv:1705.02894. */
    public static Tensor hinge(Tensor onReal, Tensor onMade) { return onReal.rsub(1).relu().mean().add(onMade.add(1).relu().mean()); }

    /** Of the discriminator: E D(m) - E D(x). Arjovsky et al. 2017, arXiv:1701.07875. */
    public static Tensor wasserstein(Tensor onReal, Tensor onMade) { return onMade.mean().sub(onReal.mean()); }

    /** Of the generator beside {@link #hinge} and {@link #wasserstein}: -E D(m). */
    public static Tensor negativeScore(Tensor onMade) { return onMade.mean().neg(); }

    /** E (|grad D(m)| - 1)^2, the norm over every axis of an item. m [B,...], critic to [B]. Gulrajani et al. 2017, arXiv:1704.00028. */
    public static Tensor gradientPenalty(UnaryOperator<Tensor> critic, Tensor m) {
        return squaredSlope(critic, m).add(1e-12).sqrt().sub(1).square().mean();   // the root has no slope at 0
    }

    /** |grad D(x)|^2, [B], itself differentiable. Half its mean over real items is R1: Mescheder et al. 2018, arXiv:1801.04406. */
    public static Tensor squaredSlope(UnaryOperator<Tensor> critic, Tensor x) {
        Tensor leaf = x.detach().requiresGrad(true);
        return Torch.grad(critic.apply(leaf), leaf, true).square().sumPerItem();
    }

    /** u a + (1 - u) b, with u [B] one share for each item. */
    public static Tensor mix(Tensor a, Tensor b, Tensor u) { return b.add(a.sub(b).mul(u.broadcastTo(a.dims()))); }

    /**
     * h [B,C,...] and one more channel, everywhere the batch's standard deviation, averaged over channels and places. Karras et al. 2018,
     * arXiv:1710.10196.
     */
    public static Tensor withDeviation(Tensor h) {
        Tensor deviation = h.var(false, false, 0).add(1e-8).sqrt().mean();
        long[] shape = h.shape();
        shape[1] = 1;
        return Torch.cat(1, h, deviation.expand(shape));
    }
}
