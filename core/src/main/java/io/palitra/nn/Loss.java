package io.palitra.nn;

import io.palitra.config.ArgumentException;
import io.palitra.engine.DType;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.List;

/** Divergences and negative log-likelihoods, in nats, one value an item: results are [B], sums over every other dim. */
public final class Loss {
    private static final double HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI);
    /** Half the width of one of 256 levels over [-1,1]. */
    private static final double HALF_BIN = 1 / 255.0;
    /** Scales below exp(-7), a seventh of a level, gain nothing and overflow. */
    public static final double LEAST_LOG_SCALE = -7;

    private Loss() {}

    /** KL(N(mu, exp logVar) || N(0,1)) = 1/2 sum(mu^2 + exp logVar - 1 - logVar). Kingma and Welling 2014, arXiv:1312.6114, appendix B. */
    public static Tensor gaussianKl(Tensor mu, Tensor logVar) {
        return mu.square().add(logVar.exp()).sub(1).sub(logVar).sumPerItem().mul(0.5);
    }

    /**
     * Skew geometric Jensen-Shannon divergence of q = N(mu, exp logVar) and p = N(0,1): (1-a) KL(q||g) + a KL(p||g), where g is the
     * normalised q^a p^(1-a), again normal. a = 0 is KL(q||p), a = 1 is KL(p||q). Deasy, Simidjievski and Lio 2020, arXiv:2006.10599.
     * Not part of a bound on log p(x).
     *
     * @param a in [0,1]
     */
    public static Tensor skewJensenShannon(Tensor mu, Tensor logVar, double a) {
        if (!(a >= 0 && a <= 1)) throw new ArgumentException("illegal skew: " + a + ", must be in [0,1]");
        Tensor v = logVar.exp();
        Tensor variance = v.div(v.mul(1 - a).add(a));            // of g: 1 / (a/v + 1-a)
        Tensor mean = mu.mul(a).div(v.mul(1 - a).add(a));        // of g
        Tensor logRatio = variance.log().sub(logVar);
        Tensor fromQ = logRatio.add(v.add(mu.sub(mean).square()).div(variance)).sub(1);
        Tensor fromP = variance.log().add(mean.square().add(1).div(variance)).sub(1);
        return fromQ.mul(1 - a).add(fromP.mul(a)).sumPerItem().mul(0.5);
    }

    /**
     * -sum[t log s(x) + (1-t) log(1 - s(x))] for logits x and targets t in [0,1], both [B,...], s the logistic function. A likelihood only
     * for t in {0,1}.
     */
    public static Tensor bceWithLogits(Tensor x, Tensor t) { return Torch.bceWithLogits(x, t).sumPerItem(); }

    /** -log N(x; mu, exp logVar). x [B,...]; mu and logVar broadcast to it. */
    public static Tensor gaussianNll(Tensor x, Tensor mu, Tensor logVar) {
        Tensor z2 = x.sub(mu).square().mul(logVar.neg().exp());
        return z2.add(logVar).mul(0.5).add(HALF_LOG_2PI).sumPerItem();
    }

    /**
     * -log P(x) of 256 levels x = -1, -1 + 2/255, ..., 1 under a logistic distribution cut midway between levels: P(x) = s(a) - s(b),
     * a = (x + 1/255 - mean)/scale, b = (x - 1/255 - mean)/scale; the two outer levels are open, so that all sum to 1.
     * Kingma et al. 2016, arXiv:1606.04934, eq. 14. Log scales below -7 count as -7.
     *
     * @param x [B,...] in [-1,1]; mean and logScale broadcast to it
     */
    public static Tensor discretizedLogisticNll(Tensor x, Tensor mean, Tensor logScale) {
        Tensor inverse = logScale.clampMin(LEAST_LOG_SCALE).neg().exp();
        Tensor a = x.sub(mean).add(HALF_BIN).mul(inverse), b = x.sub(mean).sub(HALF_BIN).mul(inverse);
        // s(a) - s(b) = s(a) s(-b) (1 - e^(b-a)): exact in the tails too, where the difference itself would be 0
        Tensor inner = a.logSigmoid().add(b.neg().logSigmoid()).add(inverse.mul(-2 * HALF_BIN).expm1().neg().log());
        Tensor logP = a.logSigmoid().where(x.lt(-0.999), b.neg().logSigmoid().where(x.gt(0.999), inner));
        return logP.neg().sumPerItem();
    }

    /**
     * -log P(x) of 256 levels under a normal distribution cut midway between levels, the outer ones open; at most 27.6 nats a number. Ho et
     * al. 2020, arXiv:2006.11239, eq. 13.
     *
     * @param x [B,...] in [-1,1]; mean likewise; deviation in data units
     */
    public static Tensor discretizedGaussianNll(Tensor x, Tensor mean, double deviation) {
        Tensor off = x.sub(mean).to(DType.F64);
        Tensor above = off.add(HALF_BIN).div(deviation * Math.sqrt(2)).erf(), below = off.sub(HALF_BIN).div(deviation * Math.sqrt(2)).erf();
        Tensor one = Torch.onesLike(above);
        Tensor p = one.where(x.gt(0.999), above).sub(one.neg().where(x.lt(-0.999), below)).mul(0.5);
        return p.clampMin(1e-12).log().neg().sumPerItem().to(x.dtype());
    }

    /**
     * -log P(x) of pictures under a mixture of K discretised logistics for each pixel. Of RGB, the means for green and blue move with the
     * channels before them: m_G + c_0 R, m_B + c_1 R + c_2 G, c = tanh(coefficients). Salimans et al. 2017, arXiv:1701.05517, eqs. 2 and 3.
     * As there, levels of probability below 1e-5 count by the density in their middle.
     *
     * @param x [B,C,H,W], C = 1 or 3, 256 levels over [-1,1]
     * @param logits of the mixture [B,K,H,W]
     * @param means, logScales [B,C,K,H,W]; log scales below -7 count as -7
     * @param coefficients [B,3,K,H,W]; of grey pictures anything, for it is not looked at
     */
    public static Tensor logisticMixtureNll(Tensor x, Tensor logits, Tensor means, Tensor logScales, Tensor coefficients) {
        if (x.dims() != 4 || x.size(1) != 1 && x.size(1) != 3) {
            throw new ArgumentException("logisticMixtureNll wants x [B,C,H,W], C = 1 or 3, got " + x);
        }
        Tensor mean = x.size(1) == 1 ? means : moved(x, means, coefficients.tanh());                  // [B,C,K,H,W]

        Tensor level = x.unsqueeze(2);                                                                // [B,C,1,H,W]
        Tensor logScale = logScales.clampMin(LEAST_LOG_SCALE), inverse = logScale.neg().exp();
        Tensor mid = level.sub(mean).mul(inverse);
        Tensor a = mid.add(inverse.mul(HALF_BIN)), b = mid.sub(inverse.mul(HALF_BIN));
        Tensor p = a.sigmoid().sub(b.sigmoid());
        Tensor density = mid.sub(logScale).sub(mid.softplus().mul(2)).sub(Math.log(127.5));
        Tensor inner = p.clampMin(1e-12).log().where(p.gt(1e-5), density);
        Tensor logP = a.logSigmoid().where(level.lt(-0.999), b.neg().logSigmoid().where(level.gt(0.999), inner));
        return logP.sum(false, 1).add(logits.logSoftmax(1)).logSumExp(1).neg().sumPerItem();          // [B,K,H,W] -> [B,H,W] -> [B]
    }

    private static Tensor moved(Tensor x, Tensor means, Tensor c) {
        Tensor red = x.narrow(1, 0, 1), green = x.narrow(1, 1, 1);                                    // [B,1,H,W] against [B,K,H,W]
        Tensor meanGreen = means.select(1, 1).add(c.select(1, 0).mul(red));
        Tensor meanBlue = means.select(1, 2).add(c.select(1, 1).mul(red)).add(c.select(1, 2).mul(green));
        return Torch.stack(1, List.of(means.select(1, 0), meanGreen, meanBlue));
    }
}
