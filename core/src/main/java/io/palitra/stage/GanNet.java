package io.palitra.stage;

import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.data.VectorSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.net.BigGan;
import io.palitra.net.BigGanDeep;
import io.palitra.net.GanDiscriminator;
import io.palitra.net.GanGenerator;
import io.palitra.net.PlainGan;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The two networks of a generative adversarial network. */
public sealed interface GanNet permits GanNet.Plain, GanNet.Biggan, GanNet.Deep {
    /**
     * What both are built by.
     *
     * @param latent numbers in z
     * @param classes that are learned, 0 = none
     * @param spectralNorm whether the discriminator's weights are divided by their largest singular values
     * @param deviation whether the discriminator also sees how much the items of a batch differ
     */
    record Sizes(int latent, int width, int classes, boolean spectralNorm, boolean deviation) {}

    /** A new one. @throws IllegalArgumentException for data that it cannot draw */
    GanGenerator generator(DataSpec data, Sizes sizes, Rng init);

    /** A new one. @throws IllegalArgumentException for data that it cannot judge */
    GanDiscriminator discriminator(DataSpec data, Sizes sizes, Rng init);

    /**
     * Noise [count,latent] to draw by.
     *
     * @param truncation largest absolute value, 0 = none
     */
    default Tensor noise(double truncation, int count, int latent, Rng rng) {
        return truncation == 0 ? rng.normal(count, latent) : truncated(truncation, count, latent, rng);
    }

    /** Normal numbers [count,latent] within [-t,t], by the inverse of their distribution function. */
    static Tensor truncated(double t, int count, int latent, Rng rng) {
        Tensor u = rng.uniform(count, latent).mul(2).sub(1);
        Tensor edge = Torch.full(t * Math.sqrt(0.5)).to(u.device()).erf();
        return u.mul(edge).erfinv().mul(Math.sqrt(2)).clamp(-t, t);   // far out, where float erf is 1, the inverse is infinite
    }

    /** Of convolutions; of points, of linear layers. Radford et al. 2016, arXiv:1511.06434. */
    record Plain(
            @Help(value = "times that the pictures' side is halved where both nets have self-attention, 1 = at half of it; 0 = nowhere",
                min = 0, max = 12) int attention) implements GanNet {
        public Plain() { this(0); }

        @Override public GanGenerator generator(DataSpec data, Sizes s, Rng init) {
            if (data instanceof ImageSpec image) {
                return new PlainGan.Upward(s.latent, s.classes, s.width, attention, image, init);
            }
            if (!(data instanceof VectorSpec points)) throw new ArgumentException("gan wants pictures or points, got " + data);
            if (attention > 0) throw new ArgumentException("illegal attention: " + attention + ", must be 0 for points");
            return new PlainGan.Mlp(s.latent + s.classes, s.width, points, init);
        }

        @Override public GanDiscriminator discriminator(DataSpec data, Sizes s, Rng init) {
            return new PlainGan.Discriminator(s.classes, s.width, attention, s.spectralNorm, s.deviation, data, init);
        }
    }

    /** Of residual blocks, all weights divided by their largest singular values. Brock et al. 2019, arXiv:1809.11096. */
    record Biggan(
            @Help(value = "times that the pictures' side is halved where both nets have self-attention, 1 = at half of it; 0 = nowhere",
                min = 0, max = 12) int attention,
            @Help(value = "numbers in the embedding of a class that all blocks of the generator share", min = 1, max = 4096) int embed,
            @Help(value = "weight of the generator's orthogonal regularisation, 0 = none", min = 0, max = 1) double orthogonal)
            implements GanNet {
        public Biggan() { this(1, 32, 1e-4); }

        @Override public GanGenerator generator(DataSpec data, Sizes s, Rng init) {
            return new BigGan.Generator(s.latent, s.classes, s.width, embed, attention, orthogonal, pictures(data), init);
        }

        @Override public GanDiscriminator discriminator(DataSpec data, Sizes s, Rng init) {
            return new BigGan.Discriminator(s.classes, s.width, attention, s.deviation, pictures(data), init);
        }

        private static ImageSpec pictures(DataSpec data) {
            if (data instanceof ImageSpec image) return image;
            throw new ArgumentException("net=biggan wants pictures, got " + data);
        }
    }

    /**
     * The generator of a public BigGAN-deep, of as many channels as {@code width} says; it has no discriminator and is drawn from, not
     * trained.
     */
    record Deep(
            @Help(value = "blocks that double the sides, which begin at 4; the first block is 0", min = 0, max = 255) List<Integer> up,
            @Help(value = "channels before each block and after the last one, in multiples of width; from 16 to 1", min = 1, max = 16)
            List<Integer> channels,
            @Help(value = "block before which self-attention stands, the first is 0; of no block: nowhere", min = 0, max = 1 << 16)
                int attention,
            @Help(value = "added to variances", min = 0, max = 1) double eps,
            @Help(value = "truncations from 0 to 1 that it has statistics of", min = 2, max = 65536) int statistics) implements GanNet {
        /** Of pictures of 128 x 128. */
        public Deep() {
            this(List.of(1, 3, 5, 7, 9), List.of(16, 16, 16, 16, 8, 8, 4, 4, 2, 2, 1), 8, 1e-4, 51);
        }

        public Deep {
            up = List.copyOf(up);
            channels = List.copyOf(channels);
            for (int i : up) {
                if (i < 0 || i > channels.size() - 2) {
                    throw new ArgumentException("illegal up: " + i + ", must be one of the blocks 0 to " + (channels.size() - 2)
                        + ", which stand between the numbers of channels");
                }
            }
        }

        /** The kind of a public configuration. */
        public static Deep of(BigGanDeep.Config c) {
            List<Integer> channels = new ArrayList<>(List.of(c.layers().get(0).in()));
            c.layers().forEach(l -> channels.add(l.out()));
            List<Integer> up = IntStream.range(0, c.layers().size()).filter(i -> c.layers().get(i).up()).boxed().toList();
            return new Deep(up, channels, c.attentionLayerPosition(), c.eps(),
                c.nStats());
        }

        private BigGanDeep.Config config(DataSpec data, Sizes s) {
            List<BigGanDeep.Layer> layers = new ArrayList<>();
            for (int i = 0; i + 1 < channels.size(); i++) {
                layers.add(new BigGanDeep.Layer(up.contains(i), channels.get(i), channels.get(i + 1)));
            }
            int side = BigGanDeep.side(layers);
            BigGanDeep.Config config = new BigGanDeep.Config(side, s.latent, s.latent, s.width, Math.max(1, s.classes), layers, attention,
                eps, statistics);
            boolean fits = data instanceof ImageSpec i && i.height() == side && i.width() == side && i.channels() == config.channels();
            if (fits && s.classes > 0) return config;
            throw new ArgumentException("net=deep of these keys draws pictures of " + config.channels() + "x" + side + "x" + side
                + " by class, got " + data + (s.classes > 0 ? "" : " and conditional=false"));
        }

        @Override public GanGenerator generator(DataSpec data, Sizes s, Rng init) { return new Public(config(data, s), init); }

        /** None. */
        @Override public GanDiscriminator discriminator(DataSpec data, Sizes s, Rng init) {
            return new GanDiscriminator() {
                @Override public Tensor forward(Tensor x, @Nullable Tensor y) { throw noDiscriminator(); }
            };
        }

        /** The refusal to train it. */
        public static ArgumentException noDiscriminator() {
            return new ArgumentException("net=deep is a public BigGAN's generator without a discriminator: it is drawn from, not trained; "
                + "net=plain and net=biggan are");
        }

        /** As the library draws it: cut at -2 and 2, then times the truncation. */
        @Override public Tensor noise(double truncation, int count, int latent, Rng rng) {
            if (truncation > 1) {
                throw new ConfigException("truncation", "illegal truncation: " + truncation + ", must be above 0 and at most 1, or 0, for "
                    + "1, of a public BigGAN");
            }
            return truncated(2, count, latent, rng).mul(truncation == 0 ? 1 : truncation);
        }
    }

    /** A {@link BigGanDeep} that codes are given to. */
    final class Public extends GanGenerator {
        private final BigGanDeep net;

        Public(BigGanDeep.Config config, Rng init) { net = child("net", new BigGanDeep(config, init)); }

        /** By the statistics of truncation 1. */
        @Override public Tensor forward(Tensor code) { return forward(code, 1); }

        @Override public Tensor forward(Tensor code, double truncation) {
            int z = net.config().zDim();
            return net.forward(code.narrow(1, 0, z), code.narrow(1, z, net.config().numClasses()), truncation == 0 ? 1 : truncation);
        }
    }
}
