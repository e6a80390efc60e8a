package io.palitra.diffusion;

import io.palitra.engine.Tensor;

/**
 * A network trained with alpha² + sigma² = 1 as a denoiser. At a level of another scale its input is x / sqrt(alpha² + sigma²), the
 * same item with the same share of noise: one network works at variance preserving and at variance exploding levels.
 */
public record Predictor(Prediction prediction, Net net) implements Denoiser {
    /** The network: x [B,...] where alpha² + sigma² = 1, t its time; the output is shaped as x. */
    @FunctionalInterface
    public interface Net {
        Tensor forward(Tensor x, double t);
    }

    @Override public Tensor denoise(Tensor x, Level at) { return prediction.x0(output(x, at), x, at); }

    @Override public Estimate estimate(Tensor x, Level at) {
        Tensor out = output(x, at);
        return new Estimate(prediction.x0(out, x, at), prediction.eps(out, x, at));
    }

    private Tensor output(Tensor x, Level at) {
        double scale = Math.hypot(at.alpha(), at.sigma());
        return net.forward(Math.abs(scale - 1) < 1e-12 ? x : x.div(scale), at.t());
    }
}
