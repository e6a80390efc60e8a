package io.palitra.diffusion;

import io.palitra.engine.DType;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;

/**
 * Absorbing diffusion over tokens: at time t in [0,1] each token is hidden, that is a mask, with the chance m(t) = 1 - exp(-sigma(t)).
 * Sahoo et al. 2024, "Simple and effective masked diffusion language models", arXiv:2406.07524. Tokens are I64 [B,L], logits and
 * log-chances [B,L,V], times [B].
 */
public final class MaskedDiffusion {
    /** A hidden token is no token of the text, and a token that is seen is no other: their log-chance, finite so that gradients are. */
    private static final double NEVER = -1e6;
    /** Above which time the T-step loss is that of this time: m is 1 only in the limit. */
    private static final double LAST = 1 - 1e-4;

    private MaskedDiffusion() {}

    /** How the amount of noise grows with time. */
    public enum Noise {
        /** Of n tokens t n are hidden in the mean. */
        LOGLINEAR,
        /** Few are hidden for longer. */
        COSINE;

        private static final double EPS = 1e-3;

        /** sigma(t), t of F64 or F32 in [0,1]. */
        public Tensor sigma(Tensor t) {
            return switch (this) {
                case LOGLINEAR -> t.mul(-(1 - EPS)).log1p().neg();
                case COSINE -> t.mul(Math.PI / 2).cos().mul(1 - EPS).add(EPS).log().neg();
            };
        }

        /** d sigma / dt. */
        public Tensor rate(Tensor t) {
            return switch (this) {
                case LOGLINEAR -> t.mul(-(1 - EPS)).add(1).pow(-1).mul(1 - EPS);
                case COSINE -> {
                    Tensor angle = t.mul(Math.PI / 2);
                    yield angle.sin().mul((1 - EPS) * Math.PI / 2).div(angle.cos().mul(1 - EPS).add(EPS));
                }
            };
        }

        /** m(t): the chance that a token is hidden. */
        public Tensor hidden(Tensor t) { return sigma(t).neg().expm1().neg(); }

        /** m(t) of a number. */
        public double hidden(double t) {
            return this == LOGLINEAR ? (1 - EPS) * t : 1 - (EPS + (1 - EPS) * Math.cos(t * Math.PI / 2));
        }
    }

    /**
     * Logits to log p(x0 | x), the SUBS parameterisation: a mask is never predicted, and a token that is seen is kept.
     *
     * @param mask the id that hides
     */
    public static Tensor logP(Tensor logits, Tensor x, int mask) {
        return Scope.run(() -> {
            int v = (int) logits.size(2);
            Tensor never = Torch.oneHot(Torch.of(new long[] {mask}, 1), v).reshape(1, 1, v).mul(NEVER).to(logits.device())
                .to(logits.dtype());
            Tensor seen = x.eq(mask).unsqueeze(2);   // BOOL [B,L,1], true where hidden
            Tensor kept = Torch.oneHot(x, v).sub(1).mul(-NEVER).to(logits.dtype());   // 0 at the token, NEVER elsewhere
            return logits.add(never).logSoftmax(2).where(seen, kept);
        });
    }

    /** The weight of -log p of a hidden token in the bound of continuous time, sigma'(t) / (e^sigma(t) - 1): [B] to [B,1]. */
    public static Tensor weight(Noise noise, Tensor t) { return noise.rate(t).div(noise.sigma(t).expm1()).unsqueeze(1); }

    /** -log p of each token x0 times the weight; in the mean over t and x an upper bound of -log p(x0), eq. 10. @param logP [B,L,V] */
    public static Tensor losses(Noise noise, Tensor logP, Tensor x0, Tensor t) {
        return logP.gather(2, x0.unsqueeze(2)).squeeze(2).neg().mul(weight(noise, t));
    }

    /**
     * The same of {@code steps} steps of m(t) = t, each a Kullback-Leibler divergence of posteriors, times the number of steps.
     *
     * @param x tokens at time t, of which those that are {@code mask} count
     */
    public static Tensor stepLosses(Tensor logP, Tensor x0, Tensor x, int mask, Tensor t, int steps) {
        return Scope.run(() -> {
            Tensor at = t.clampMax(LAST).unsqueeze(1), before = at.sub(1.0 / steps);
            Tensor stays = logP.select(2, mask).exp();   // what is given to the mask itself: none by SUBS
            Tensor token = stays.mul(at.rsub(1)).div(at).log1p().sub(logP.gather(2, x0.unsqueeze(2)).squeeze(2));
            Tensor still = stays.mul(at.rsub(1)).div(at).log1p().sub(stays.mul(before.rsub(1)).div(before).log1p());
            Tensor share = at.pow(-1).div(steps);
            Tensor all = token.mul(share).add(still.mul(share.rsub(1))).mul(steps);
            return all.mul(x.eq(mask).to(all.dtype()));
        });
    }

    /**
     * Chances of a hidden token at the earlier time s, given that it is hidden at t: token k with p_k (m(t) - m(s)) / m(t), hidden still
     * with m(s) / m(t). [B,L,V].
     *
     * @param s and t [B]
     */
    public static Tensor posterior(Noise noise, Tensor logP, int mask, Tensor s, Tensor t) {
        return Scope.run(() -> {
            Tensor at = noise.hidden(t).reshape(-1, 1, 1), before = noise.hidden(s).reshape(-1, 1, 1);
            Tensor shown = logP.exp().mul(at.sub(before)).div(at);
            Tensor rest = Torch.oneHot(Torch.of(new long[] {mask}, 1), (int) logP.size(2)).reshape(1, 1, -1).to(logP.device())
                .to(logP.dtype());
            return shown.add(rest.mul(before.div(at)));
        });
    }

    /** Times of B items: one in each of B equal parts of [0,1), so that their mean varies little. @param u uniform, [B] */
    public static Tensor spread(Tensor u) {
        long n = u.size(0);
        return Torch.arange(0, n).to(u.device()).to(DType.F64).add(u.to(DType.F64)).div(n);
    }
}
