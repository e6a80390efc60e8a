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

    /** As {@link #withDeviation(Tensor, int, int)} over the whole batch, one more channel. */
    public static Tensor withDeviation(Tensor h) { return withDeviation(h, (int) h.size(0), 1); }

    /**
     * h [B,C,...] and {@code more} channels, everywhere the standard deviation within a group of items, averaged over the places and over a
     * share of the channels. Items n, n + B/group, ... are one group. Karras et al. 2018, arXiv:1710.10196, section 3; in groups: 2019,
     * arXiv:1812.04948, code.
     *
     * @param group items that are compared; the largest number up to this that divides the batch
     * @param more a divisor of C
     */
    public static Tensor withDeviation(Tensor h, int group, int more) {
        int batch = (int) h.size(0), size = Math.max(1, Math.min(group, batch));
        while (batch % size != 0) size--;
        Tensor deviation = h.reshape(size, batch / size, more, -1).var(false, false, 0).add(1e-8).sqrt().mean(false, 2);   // [B/G,more]
        Tensor each = deviation.unsqueeze(0).expand(size, batch / size, more).reshape(batch, more, 1);
        long[] shape = h.shape();
        shape[1] = more;
        return Torch.cat(1, h, each.expand(batch, more, h.numel() / batch / h.size(1)).reshape(shape));
    }

    /**
     * How far a picture moves with its styles, for each item: the root of the mean over layers of |d(x . noise)/dw|^2; itself
     * differentiable. Karras et al. 2020, arXiv:1912.04958, eq. 4. x [B,C,H,W] made of ws [B,L,W], noise N(0,1) of x's shape: [B].
     */
    public static Tensor pathLengths(Tensor x, Tensor ws, Tensor noise) {
        double pixels = Math.sqrt((double) x.size(2) * x.size(3));
        return Torch.grad(x.mul(noise.div(pixels)), ws, true).square().sum(false, 2).mean(false, 1).sqrt();
    }
}
