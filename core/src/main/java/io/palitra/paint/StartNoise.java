package io.palitra.paint;

import io.palitra.config.Help;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;

/** The noise a picture starts from. Models are trained on {@link Gaussian}; the others move what is coarse in the picture. */
public sealed interface StartNoise permits StartNoise.Gaussian, StartNoise.Offset, StartNoise.Pyramid {
    /** Noise of one latent picture, [1,C,H,W]. */
    Tensor draw(Rng rng, long c, long h, long w);

    /** Independent numbers of N(0, 1). */
    record Gaussian() implements StartNoise {
        @Override public Tensor draw(Rng rng, long c, long h, long w) { return rng.normal(1, c, h, w); }
    }

    /** A number more for each channel: pictures become darker or brighter as a whole, which training on pure noise keeps them from. */
    record Offset(@Help(value = "deviation of the number of a channel", min = 0, max = 2) double strength) implements StartNoise {
        public Offset() { this(0.1); }

        @Override public Tensor draw(Rng rng, long c, long h, long w) {
            Tensor fine = rng.normal(1, c, h, w);
            return fine.add(rng.normal(1, c, 1, 1).mul(strength));
        }
    }

    /** Coarser and coarser noise upon it, each level weaker, all scaled to deviation 1: larger shapes and stronger contrasts. */
    record Pyramid(@Help(value = "factor from a level to the next coarser", min = 0, max = 1) double discount) implements StartNoise {
        public Pyramid() { this(0.3); }

        @Override public Tensor draw(Rng rng, long c, long h, long w) {
            Tensor sum = rng.normal(1, c, h, w);
            double weight = 1, power = 1;
            for (long hi = h / 2, wi = w / 2; hi >= 1 && wi >= 1 && discount > 0; hi /= 2, wi /= 2) {
                weight *= discount;
                power += weight * weight;
                sum = sum.add(Torch.nearest(rng.normal(1, c, hi, wi), h, w).mul(weight));
            }
            return sum.div(Math.sqrt(power));
        }
    }
}
