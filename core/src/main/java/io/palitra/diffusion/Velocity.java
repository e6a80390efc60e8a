package io.palitra.diffusion;

import io.palitra.engine.Tensor;

/**
 * A network trained on straight paths x = (1 - s) x0 + s eps to predict their velocity u = eps - x0: flow matching, Lipman et al. 2023,
 * arXiv:2210.02747, section 4.1, example II. At a level of another scale its input is x / (alpha + sigma), which lies on such a path at
 * s = sigma / (alpha + sigma).
 */
public record Velocity(Predictor.Net net) implements Denoiser {
    @Override public Tensor denoise(Tensor x, Level at) { return estimate(x, at).x0(); }

    @Override public Estimate estimate(Tensor x, Level at) {
        double scale = at.alpha() + at.sigma(), s = at.sigma() / scale;
        Tensor y = scale == 1 ? x : x.div(scale), u = net.forward(y, at.t());
        return new Estimate(y.sub(u.mul(s)), y.add(u.mul(1 - s)));
    }
}
