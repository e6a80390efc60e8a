package io.palitra.net;

import io.palitra.config.ArgumentException;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.data.VectorSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.nn.ConvTranspose2d;
import io.palitra.nn.GanLoss;
import io.palitra.nn.Init;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import io.palitra.nn.PooledAttention;
import io.palitra.nn.SpectralFilter;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The convolutional players of Radford et al. 2016, arXiv:1511.06434, and for points two of four linear layers; with self-attention where
 * that is asked for, as Zhang et al. 2019, arXiv:1805.08318.
 */
public final class PlainGan {
    private PlainGan() {}

    /** For points: three hidden layers of 4 width, ReLU. */
    public static final class Mlp extends GanGenerator {
        private final List<Linear> layers = new ArrayList<>();

        /** @param inputs numbers in a code */
        public Mlp(int inputs, int width, VectorSpec data, Rng rng) {
            int in = inputs, hidden = 4 * width;
            for (int i = 0; i < 4; i++) {
                layers.add(child(String.valueOf(i), new Linear(in, i < 3 ? hidden : data.size(), rng)));
                in = hidden;
            }
        }

        @Override public Tensor forward(Tensor code) {
            Tensor x = code;
            for (int i = 0; i < 3; i++) x = layers.get(i).forward(x).reluOver();
            return layers.get(3).forward(x).to(code.dtype());
        }
    }

    /** For pictures: transposed convolutions from a side of 3 or 4 up, batch norm and ReLU between; tanh at the end. */
    public static final class Upward extends GanGenerator {
        private final List<ConvTranspose2d> layers = new ArrayList<>();
        private final List<Module> norms = new ArrayList<>();
        private final @Nullable PooledAttention attention;
        private final int attended;
        private final int latent;
        private final int classes;

        /** @param attended times that the pictures' side is halved where attention stands, 0 = nowhere */
        public Upward(int latent, int classes, int width, int attended, ImageSpec data, Rng rng) {
            this.latent = latent;
            this.classes = classes;
            List<Integer> sides = sides(data);
            int steps = sides.size() - 1, channels = width << (steps - 1);
            if (attended > steps) {
                throw new ArgumentException("illegal attention: " + attended + ", must be 0 to " + steps + ", as often as the side of "
                    + data.height() + " is halved");
            }
            layers.add(child("0", new ConvTranspose2d(latent, channels, sides.get(steps), 1, 0, Init.DCGAN, false, rng)));
            for (int i = 1; i <= steps; i++) {
                int out = i < steps ? channels / 2 : data.channels(), kernel = sides.get(steps - i) % 2 == 0 ? 4 : 3;   // to 2s or 2s - 1
                Module norm = classes == 0 ? new Norm.Batch(channels) : new Norm.ConditionalBatch(channels, classes, rng);
                norms.add(child("norm." + (i - 1), norm));
                layers.add(child(String.valueOf(i), new ConvTranspose2d(channels, out, kernel, 2, 1, Init.DCGAN, i == steps, rng)));
                channels = out;
            }
            this.attended = steps - attended;
            attention = attended == 0 ? null
                : child("attention", new PooledAttention(width << (attended - 1), false, Init.DCGAN, rng.split(1)));
        }

        @Override public Tensor forward(Tensor code) {
            Tensor y = code.narrow(1, latent, classes);
            Tensor x = layers.get(0).ofPoints(code.narrow(1, 0, latent)).channelsLast();   // [B,Z] -> [B,C,side,side]
            for (int i = 0; i < norms.size(); i++) {
                Module norm = norms.get(i);
                x = norm instanceof Norm.ConditionalBatch c ? c.forward(x, y) : ((Norm.Batch) norm).forward(x);
                x = x.reluOver();
                if (attention != null && i == attended) x = attention.forward(x);
                x = layers.get(i + 1).forward(x);
            }
            return x.to(code.dtype()).tanh();
        }
    }

    /** The side, its half rounded up, and so on to 3 or 4. */
    private static List<Integer> sides(ImageSpec data) {
        if (data.width() != data.height() || data.height() < 8) {
            throw new ArgumentException("gan wants square pictures with a side of 8 or more, got " + data.height() + "x"
                + data.width() + "; " + data.sizes(1, 8));
        }
        List<Integer> sides = new ArrayList<>(List.of(data.height()));
        while (sides.get(sides.size() - 1) > 4) sides.add((sides.get(sides.size() - 1) + 1) / 2);
        return sides;
    }

    /** Items to scores [B]: a(phi(x)) + y^T V phi(x), the second for classes y [B,K] only. */
    public static final class Discriminator extends GanDiscriminator {
        private final List<SpectralFilter> body = new ArrayList<>();
        private final @Nullable PooledAttention attention;
        private final int attended;
        private final SpectralFilter head;
        private final @Nullable SpectralFilter projection;
        private final boolean deviation;

        /** @param deviation whether it also sees how much the items of a batch differ @param attended as of {@link Upward} */
        public Discriminator(int classes, int width, int attended, boolean spectral, boolean deviation, DataSpec data, Rng rng) {
            this.deviation = deviation;
            this.attended = attended;
            int features;
            if (data instanceof ImageSpec image) {
                int in = image.channels(), side = image.height();
                for (int out = width; side > 4; side /= 2, out *= 2) {   // to 3 or 4: a feature then sees most of the picture
                    body.add(child(String.valueOf(body.size()), new SpectralFilter(spectral, Init.DCGAN, rng, out, in, 4, 4)));
                    in = out;
                }
                features = (in + (deviation ? 1 : 0)) * side * side;
            } else {
                int in = (int) data.dims(), hidden = 4 * width;
                for (int i = 0; i < 3; i++) {
                    body.add(child(String.valueOf(i), new SpectralFilter(spectral, Init.DEFAULT, rng, hidden, in)));
                    in = hidden;
                }
                features = in + (deviation ? 1 : 0);
            }
            Init init = data instanceof ImageSpec ? Init.DCGAN : Init.DEFAULT;
            head = child("head", new SpectralFilter(spectral, init, rng, 1, features));
            projection = classes == 0 ? null : child("projection", new SpectralFilter(spectral, init, rng, classes, features));
            attention = attended == 0 ? null
                : child("attention", new PooledAttention(width << (attended - 1), spectral, Init.DCGAN, rng.split(1)));
        }

        @Override public Tensor forward(Tensor x, @Nullable Tensor y) {
            Tensor h = x.dims() == 4 ? x.channelsLast() : x;
            for (int i = 0; i < body.size(); i++) {
                h = body.get(i).forward(h).leakyReluOver(0.2);
                if (attention != null && i + 1 == attended) h = attention.forward(h);
            }
            if (deviation) h = GanLoss.withDeviation(h);
            return score(h.flatten(1), y, head, projection).to(x.dtype());
        }
    }

    /** a(phi) + y^T V phi, [B], of features [B,F]. Miyato and Koyama 2018, arXiv:1802.05637, section 3. */
    static Tensor score(Tensor phi, @Nullable Tensor y, SpectralFilter head, @Nullable SpectralFilter projection) {
        Tensor score = head.forward(phi).squeeze(1);
        if (projection == null || y == null) return score.to(phi.dtype());
        return score.to(y.dtype()).add(projection.forward(phi).to(y.dtype()).mul(y).sum(false, 1));
    }
}
