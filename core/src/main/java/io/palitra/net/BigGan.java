package io.palitra.net;

import io.palitra.config.ArgumentException;
import io.palitra.data.ImageSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Embedding;
import io.palitra.nn.GanLoss;
import io.palitra.nn.Init;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import io.palitra.nn.PooledAttention;
import io.palitra.nn.SpectralFilter;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The players of Brock et al. 2019, arXiv:1809.11096, appendix B: residual blocks, every weight divided by its largest singular value,
 * attention in both. Pictures are square, of a side from 8 that is 4 to 7 times a power of two; channels are {@code width} at half the
 * side, half of that at the side itself, and doubled with each further halving.
 */
public final class BigGan {
    private static final int LEAST = 4;

    private BigGan() {}

    /** How often the side is halved, to 4 to 7. @throws IllegalArgumentException for pictures that cannot be */
    private static int halvings(ImageSpec data, int attended) {
        int steps = 0;
        while (data.height() >> steps >= 2 * LEAST) steps++;
        if (data.width() != data.height() || steps == 0 || data.height() % (1 << steps) != 0) {
            throw new ArgumentException("net=biggan wants square pictures of a side from 8 that is 4 to 7 times a power of two, got "
                + data.height() + "x" + data.width() + "; " + data.sizes(1 << Math.max(1, steps), 2 * LEAST));
        }
        if (attended > steps) {
            throw new ArgumentException("illegal attention: " + attended + ", must be 0 to " + steps + ", as often as the side of "
                + data.height() + " is halved");
        }
        return steps;
    }

    /** Channels where the side is halved so often. */
    private static int channels(int width, int halved) { return Math.max(2, halved == 0 ? width / 2 : width << (halved - 1)); }

    private static SpectralFilter conv(int in, int out, int kernel, Rng rng) {
        return new SpectralFilter(true, Init.ORTHOGONAL, true, 1, kernel / 2, rng, out, in, kernel, kernel);
    }

    private static SpectralFilter linear(int in, long out, Rng rng) {
        return new SpectralFilter(true, Init.ORTHOGONAL, true, 1, 0, rng, out, in);
    }

    /** Doubles the sides: norm, ReLU, nearest x2, 3 x 3, norm, ReLU, 3 x 3; beside it 1 x 1. */
    private static final class UpBlock extends Module {
        private final Norm.CodeBatch before;
        private final SpectralFilter first;
        private final Norm.CodeBatch between;
        private final SpectralFilter second;
        private final SpectralFilter beside;

        UpBlock(int in, int out, int given, Rng rng) {
            before = child("norm.0", new Norm.CodeBatch(in, given, Init.ORTHOGONAL, rng.split(0)));
            first = child("conv.0", conv(in, out, 3, rng.split(1)));
            between = child("norm.1", new Norm.CodeBatch(out, given, Init.ORTHOGONAL, rng.split(2)));
            second = child("conv.1", conv(out, out, 3, rng.split(3)));
            beside = child("beside", conv(in, out, 1, rng.split(4)));
        }

        /** @param given noise and class, [B,G] */
        Tensor forward(Tensor x, Tensor given) {
            Tensor h = first.forward(Torch.upsampleNearest(before.forward(x, given).reluOver(), 2));
            h = second.forward(between.forward(h, given).reluOver());
            return h.add(Torch.upsampleNearest(beside.forward(x),
                2));   // of pixels alone, 1 x 1 is the same before and after, and a fourth
        }
    }

    /**
     * Codes [B,Z+K] to pictures. Noise is split: a part for the start, and one for each block, which goes there with an embedding of the
     * class that all share.
     */
    public static final class Generator extends GanGenerator {
        private final int latent;
        private final int classes;
        private final int side;
        private final int part;
        private final int first;
        private final double orthogonal;
        private final @Nullable Embedding embedding;
        private final SpectralFilter start;
        private final List<UpBlock> blocks = new ArrayList<>();
        private final @Nullable PooledAttention attention;
        private final int attended;
        private final Norm.Batch norm;
        private final SpectralFilter last;

        /**
         * @param embed numbers of the embedding of a class
         * @param attended times that the pictures' side is halved where attention stands, 0 = nowhere
         * @param orthogonal weight of {@link #penalty}
         */
        public Generator(int latent, int classes, int width, int embed, int attended, double orthogonal, ImageSpec data, Rng rng) {
            int steps = halvings(data, attended);
            if (latent <= steps) {
                throw new ArgumentException("illegal latent: " + latent + ", must be at least " + (steps + 1)
                    + ": a part for the start, and one for each block");
            }
            this.latent = latent;
            this.classes = classes;
            this.orthogonal = orthogonal;
            side = data.height() >> steps;
            part = latent / (steps + 1);
            first = latent - steps * part;
            embedding = classes == 0 ? null : child("embedding", new Embedding(classes, embed, rng.split(0)));
            int given = part + (classes == 0 ? 0 : embed);
            start = child("start", linear(first, (long) channels(width, steps) * side * side, rng.split(1)));
            for (int i = steps; i > 0; i--) {
                blocks.add(child("blocks." + (steps - i), new UpBlock(channels(width, i), channels(width, i - 1), given,
                    rng.split(2 + i))));
            }
            this.attended = steps - attended;
            attention = attended == 0 ? null
                : child("attention", new PooledAttention(channels(width, attended), true, Init.ORTHOGONAL, rng.split(100)));
            norm = child("norm", new Norm.Batch(channels(width, 0)));
            last = child("last", conv(channels(width, 0), data.channels(), 3, rng.split(101)));
        }

        @Override public Tensor forward(Tensor code) {
            Tensor h = start.forward(code.narrow(1, 0, first)).reshape(code.size(0), -1, side, side).channelsLast();
            @Nullable Tensor kind = embedding == null ? null
                : code.narrow(1, latent, classes).matmul(Objects.requireNonNull(embedding.parameters().get("weight")));   // [B,E]
            for (int i = 0; i < blocks.size(); i++) {
                if (attention != null && i == attended) h = attention.forward(h);
                Tensor z = code.narrow(1, first + (long) i * part, part);
                h = blocks.get(i).forward(h, kind == null ? z : Torch.cat(1, z, kind.to(z.dtype())));
            }
            return last.forward(norm.forward(h).reluOver()).to(code.dtype()).tanh();
        }

        /** How far from orthogonal the rows of its weights are, embedding aside, lengths aside. Brock et al. 2019, eq. 3. */
        @Override public @Nullable Tensor penalty() {
            if (orthogonal == 0) return null;
            List<Tensor> overlaps = new ArrayList<>();
            for (Module m : modules().values()) if (m instanceof SpectralFilter filter) overlaps.add(filter.overlap());
            return Torch.stack(0, overlaps).sum().mul(orthogonal);
        }
    }

    /** ReLU (not before the picture itself), 3 x 3, ReLU, 3 x 3, halves the sides where asked; beside it 1 x 1. */
    private static final class DownBlock extends Module {
        private final SpectralFilter first;
        private final SpectralFilter second;
        private final SpectralFilter beside;
        private final boolean begins;
        private final boolean halves;

        DownBlock(int in, int out, boolean begins, boolean halves, Rng rng) {
            first = child("conv.0", conv(in, out, 3, rng.split(0)));
            second = child("conv.1", conv(out, out, 3, rng.split(1)));
            beside = child("beside", conv(in, out, 1, rng.split(2)));
            this.begins = begins;
            this.halves = halves;
        }

        Tensor forward(Tensor x) {
            Tensor h = second.forward(first.forward(begins ? x : x.relu()).reluOver());
            return halved(h).add(beside.forward(halved(x)));
        }

        private Tensor halved(Tensor x) { return halves ? Torch.avgPool(x, 2) : x; }
    }

    /** Pictures to scores [B]: a(phi(x)) + y^T V phi(x), phi summed over space. */
    public static final class Discriminator extends GanDiscriminator {
        private final List<DownBlock> blocks = new ArrayList<>();
        private final @Nullable PooledAttention attention;
        private final int attended;
        private final SpectralFilter head;
        private final @Nullable SpectralFilter projection;
        private final boolean deviation;

        /** @param deviation whether it also sees how much the items of a batch differ @param attended as of {@link Generator} */
        public Discriminator(int classes, int width, int attended, boolean deviation, ImageSpec data, Rng rng) {
            this.deviation = deviation;
            this.attended = attended;
            int steps = halvings(data, attended), in = data.channels();
            for (int i = 0; i <= steps; i++) {
                int out = channels(width, i);
                blocks.add(child("blocks." + i, new DownBlock(in, out, i == 0, i < steps, rng.split(i))));
                in = out;
            }
            // where the side is halved k times stands what the k-th block makes, as wide as that one
            attention = attended == 0 ? null
                : child("attention", new PooledAttention(channels(width, attended - 1), true, Init.ORTHOGONAL, rng.split(100)));
            int features = in + (deviation ? 1 : 0);
            head = child("head", linear(features, 1, rng.split(101)));
            projection = classes == 0 ? null : child("projection", linear(features, classes, rng.split(102)));
        }

        @Override public Tensor forward(Tensor x, @Nullable Tensor y) {
            Tensor h = x.channelsLast();
            for (int i = 0; i < blocks.size(); i++) {
                h = blocks.get(i).forward(h);
                if (attention != null && i + 1 == attended) h = attention.forward(h);
            }
            if (deviation) h = GanLoss.withDeviation(h);
            return PlainGan.score(h.reluOver().sum(false, 2, 3), y, head, projection).to(x.dtype());
        }
    }
}
