package io.palitra.net;

import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import org.jspecify.annotations.Nullable;

/** Embeddings of times, and of numbers like them. */
final class TimeEmbedding {
    private TimeEmbedding() {}

    /**
     * Sines and cosines of t [N] at the frequencies 10000^(-i / (width/2 - shift)): [N,width].
     *
     * @param cosinesFirst otherwise the sines are
     */
    static Tensor waves(Tensor t, int width, boolean cosinesFirst, double shift) {
        int half = width / 2;
        Tensor frequency = Torch.arange(0, half).to(t.device()).mul(-Math.log(10000)).div(half - shift).exp();
        Tensor angle = t.to(DType.F32).unsqueeze(1).mul(frequency);   // [N,half]
        Tensor waves = joined(angle, cosinesFirst);
        return width % 2 == 0 ? waves : Torch.pad(waves, 0, 1, 0, 0);
    }

    private static Tensor joined(Tensor angle, boolean cosinesFirst) {
        return cosinesFirst ? Torch.cat(1, angle.cos(), angle.sin()) : Torch.cat(1, angle.sin(), angle.cos());
    }

    /** Frequencies of N(0, scale^2) that are drawn once. Song et al. 2021, arXiv:2011.13456. */
    static final class Frequencies extends Module {
        private final Tensor weight;

        Frequencies(int n, double scale, Rng rng) { weight = buffer("weight", rng.normal(n).mul(scale)); }

        /** t [N] to [N,2n]. */
        Tensor waves(Tensor t, boolean cosinesFirst) {
            return joined(t.to(DType.F32).unsqueeze(1).mul(weight).mul(2).mul(Math.PI), cosinesFirst);
        }
    }

    /** Two layers with a nonlinearity between, and perhaps one after them. */
    static final class Mlp extends Module {
        private final Linear linear1;
        private final @Nullable Linear condProj;
        private final Linear linear2;
        private final Activation act;
        private final @Nullable Activation last;

        Mlp(int in, int out, Rng rng) { this(in, out, Activation.SILU, null, 0, rng); }

        /** @param condition width of a tensor that may be added to the input, 0 = none */
        Mlp(int in, int out, Activation act, @Nullable Activation last, int condition, Rng rng) {
            this(in, out, out, act, last, condition, rng);
        }

        Mlp(int in, int between, int out, Activation act, @Nullable Activation last, int condition, Rng rng) {
            linear1 = child("linear_1", new Linear(in, between, rng));
            condProj = condition == 0 ? null : child("cond_proj", new Linear(condition, in, false, rng));
            linear2 = child("linear_2", new Linear(between, out, rng));
            this.act = act;
            this.last = last;
        }

        Tensor forward(Tensor x) { return forward(x, null); }

        Tensor forward(Tensor x, @Nullable Tensor condition) {
            Tensor in = condition == null || condProj == null ? x : x.add(condProj.forward(condition));
            Tensor y = linear2.forward(act.of(linear1.forward(in)));
            return last == null ? y : last.of(y);
        }
    }
}
