package io.palitra.diffusion;

import io.palitra.engine.Tensor;

/**
 * A network trained with alpha² + sigma² = 1 as a denoiser. A level of another scale is brought to that one: x / hypot(alpha, sigma) is
 * the same picture with the same share of noise, so one network serves variance preserving and exploding samplers alike.
 */
public record Predictor(Prediction prediction, Net net) implements Denoiser {
    /** The network: x [B,...] with unit variance of noise at its noisiest, t its time; the answer is shaped as x. */
    @FunctionalInterface
    public interface Net {
        Tensor forward(Tensor x, double t);
    }

    @Override public Tensor denoise(Tensor x, Level at) {
        double scale = Math.hypot(at.alpha(), at.sigma());
        Tensor unit = scale == 1 ? x : x.div(scale);
        return prediction.x0(net.forward(unit, at.t()), unit, unit(at, scale));
    }

    @Override public Estimate estimate(Tensor x, Level at) {
        double scale = Math.hypot(at.alpha(), at.sigma());
        Tensor unit = scale == 1 ? x : x.div(scale);
        Tensor out = net.forward(unit, at.t());
        Level u = unit(at, scale);
        return new Estimate(prediction.x0(out, unit, u), prediction.eps(out, unit, u));
    }

    private static Level unit(Level at, double scale) { return new Level(at.alpha() / scale, at.sigma() / scale, at.t()); }
}
