package io.palitra.diffusion;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Tensor;

/**
 * A network between scalings that keep its input, its output and its error of one size at every level: D(x; sigma) = c_skip x + c_out
 * F(c_in x; c_noise), Karras et al. 2022, arXiv:2206.00364, table 1, column "ours". With {@code least} above 0 the scalings are those of a
 * consistency model, which is x itself at that sigma: Song et al. 2023, arXiv:2303.01469, appendix C. sigma is sigma / alpha, x is
 * x / alpha; c_noise is the level's time.
 *
 * @param data    sigma_data, the deviation of the data
 * @param least   sigma_min, where a consistency model is x itself; 0 of others
 * @param negated whether the network predicts -F
 */
public record Preconditioned(Predictor.Net net, double data, double least, boolean negated) implements Denoiser {
    public Preconditioned {
        if (!(data > 0 && data < Double.POSITIVE_INFINITY)) {
            throw new ArgumentException("illegal deviation of the data: " + data + ", must be finite and above 0");
        }
        if (!(least >= 0 && least < Double.POSITIVE_INFINITY)) {
            throw new ArgumentException("illegal least sigma: " + least + ", must be finite and at least 0");
        }
    }

    @Override public Tensor denoise(Tensor x, Level at) {
        if (at.alpha() == 0) throw new IllegalStateException("a preconditioned network wants a finite sigma / alpha, got pure noise");
        double sigma = at.ratio(), root = Math.hypot(sigma, data);
        Tensor y = at.alpha() == 1 ? x : x.div(at.alpha());
        Tensor out = net.forward(y.div(root), at.t());
        return y.mul(skip(sigma, data, least)).add(out.mul((negated ? -1 : 1) * (sigma - least) * data / root));
    }

    /** c_skip. */
    static double skip(double sigma, double data, double least) {
        double above = sigma - least;
        return data * data / (above * above + data * data);
    }
}
