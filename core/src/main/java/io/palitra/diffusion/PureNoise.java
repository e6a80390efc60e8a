package io.palitra.diffusion;

import io.palitra.engine.Tensor;

/** What the diffusers library does at alpha = 0, where a network that predicts eps leaves the data unknown. */
final class PureNoise {
    private PureNoise() {}

    /** eps at alpha = 0 puts the data at infinity, which a bound brings back. */
    record Finite(Denoiser of) implements Denoiser {
        private static final double NEARLY_NO_DATA = 1e-30;

        @Override public Tensor denoise(Tensor x, Level at) { return of.denoise(x, nearly(at)); }

        @Override public Estimate estimate(Tensor x, Level at) { return of.estimate(x, nearly(at)); }

        private static Level nearly(Level at) { return at.alpha() == 0 ? new Level(NEARLY_NO_DATA, at.sigma(), at.t()) : at; }
    }

    /** IPNDM takes no data from the network's output there. */
    record Nothing(Denoiser of) implements Denoiser {
        @Override public Tensor denoise(Tensor x, Level at) { return at.alpha() == 0 ? x.mul(0) : of.denoise(x, at); }

        @Override public Estimate estimate(Tensor x, Level at) {
            return at.alpha() == 0 ? new Estimate(x.mul(0), x.div(at.sigma())) : of.estimate(x, at);
        }
    }
}
