package io.palitra.diffusion;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Tensor;

/**
 * A network trained with alpha² + sigma² = 1 as a denoiser. At a level of another scale its input is x / sqrt(alpha² + sigma²), the
 * same item with the same share of noise: one network works at variance preserving and at variance exploding levels.
 *
 * @param variance whether the network's output has twice the channels, those of a step's variance last
 */
public record Predictor(Prediction prediction, Net net, boolean variance) implements Denoiser {
    public Predictor(Prediction prediction, Net net) { this(prediction, net, false); }

    /** The network: x [B,...] where alpha² + sigma² = 1, t its time; the output is shaped as x, or has twice its channels. */
    @FunctionalInterface
    public interface Net {
        Tensor forward(Tensor x, double t);
    }

    @Override public Tensor denoise(Tensor x, Level at) {
        return variance ? estimate(x, at).x0() : prediction.x0(output(x, at), x, at);
    }

    @Override public Estimate estimate(Tensor x, Level at) {
        Tensor out = output(x, at);
        if (!variance) return new Estimate(prediction.x0(out, x, at), prediction.eps(out, x, at));
        if (out.size(1) != 2 * x.size(1)) {
            throw new ArgumentException("a learned variance wants a network of " + 2 * x.size(1) + " output channels, got " + out.size(1));
        }
        Tensor[] halves = out.chunk(2, 1);
        return new Estimate(prediction.x0(halves[0], x, at), prediction.eps(halves[0], x, at), halves[1]);
    }

    private Tensor output(Tensor x, Level at) {
        double scale = Math.hypot(at.alpha(), at.sigma());
        return net.forward(Math.abs(scale - 1) < 1e-12 ? x : x.div(scale), at.t());
    }
}
