package io.palitra.family;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.data.VectorSpec;
import io.palitra.engine.Guard;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Build;
import io.palitra.model.Encoder;
import io.palitra.model.Evaluates;
import io.palitra.model.Family;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Likelihood;
import io.palitra.model.Losses;
import io.palitra.model.LrSchedule;
import io.palitra.model.Measure;
import io.palitra.model.Recipe;
import io.palitra.model.Update;
import io.palitra.nn.Init;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Normalising flow by affine couplings: z = f(x) is N(0, I), f has an exact inverse, and log p(x) = log N(f(x)) + log |det df/dx|. Dinh,
 * Sohl-Dickstein and Bengio 2017, arXiv:1605.08803, eq. 3; actnorm: Kingma and Dhariwal 2018, arXiv:1807.03039, section 3.1; variational
 * dequantisation: Ho et al. 2019, arXiv:1902.00275, section 3.1; weight norm: Salimans and Kingma 2016, arXiv:1602.07868, eq. 2.
 *
 * <p>Bytes become densities by noise u in [0,1) on each: y = (byte + u) / 256, then x = logit(alpha + (1 - 2 alpha) y). What is measured of
 * pictures is a bound of log P(bytes), tight as the noise fits; of points it is their density.
 */
public final class RealNvp extends Module implements GenerativeModel<RealNvp.Sampling>, Encoder, Likelihood, Evaluates {
    /** What keeps activations between couplings in range. */
    public enum Between {
        /** A scale and shift for each channel, set by the first batch to make it standard, then learned. */
        ACTNORM,
        /** Batch statistics in training, running ones after. */
        BATCHNORM
    }

    /** How bytes become densities. */
    public enum Dequantise {
        /** u is uniform. */
        UNIFORM,
        /** u is drawn by a flow whose input is the picture, and its own density is subtracted. */
        VARIATIONAL
    }

    public record Config(
            @Help(value = "couplings: of points all; of pictures those of a scale before the squeeze, as many after, one more at the last",
                min = 1, max = 64) int couplings,
            @Help(value = "channels, or units, of the networks in the couplings; of pictures twice as many after each halving",
                min = 1, max = 1024) int width,
            @Help(value = "residual blocks in each", min = 0, max = 32) int blocks,
            @Help(value = "scales of pictures; each but the last halves the side and factors out half of the numbers", min = 1, max = 6)
            int scales,
            @Help("what stands between couplings") Between between,
            @Help("how bytes become densities") Dequantise dequantise,
            @Help(value = "margin alpha of the logit of pictures; small, it spreads the noise on black, which is then learned sooner",
                min = 1e-7, max = 0.25) double alpha) {}

    /** How samples are drawn. */
    public record Sampling(@Help(value = "standard deviation of z; 1 is the model", min = 0, max = 10) double temperature) {}

    public static final Family<Config> FAMILY = new Family<>("realnvp", "Normalising flow: exact density, exact inverse",
        "Dinh, Sohl-Dickstein and Bengio 2017, arXiv:1605.08803",
        new Config(4, 24, 1, 3, Between.ACTNORM, Dequantise.VARIATIONAL, 0.002),
        Recipe.of(7, 64, new OptimizerSpec.Adam(3e-3, 0.9, 0.999, 1e-8)).withSchedule(new LrSchedule.Cosine(200)).withClip(100)
            .withEma(0.999),
        new Sampling(1), Family.Builder.of(RealNvp.class, RealNvp::new)).learns(Family.Kind.PICTURES, Family.Kind.POINTS)
        .tiny("width=8", "couplings=2", "scales=2");

    private static final double HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI);
    /** Couplings of the flow that draws the noise on bytes. */
    private static final int NOISE_COUPLINGS = 2;

    private final Config config;
    private final DataSpec data;
    /** Scales of pictures, or one list for points; after each but the last, half of the channels leave. */
    private final List<List<Bijection>> scales = new ArrayList<>();
    private final List<Coupling> noise = new ArrayList<>();

    RealNvp(Config config, Build with) {
        DataSpec data = with.data();
        Rng init = with.init();
        this.config = config;
        this.data = data;
        if (data instanceof VectorSpec points) {
            if (points.size() < 2) throw new ArgumentException("realnvp wants points of 2 numbers or more, got " + data);
            List<Bijection> all = new ArrayList<>();
            for (int i = 0; i < config.couplings; i++) {
                add(all, "flow." + i, points.size(), config.width, Mask.half(points.size(), i), init.split(i));
            }
            scales.add(all);
        } else if (data instanceof ImageSpec image) {
            int step = 1 << config.scales - 1;
            if (image.height() % step != 0 || image.width() % step != 0) {
                throw new ArgumentException("realnvp with scales=" + config.scales + " halves the sides " + (config.scales - 1)
                    + " times and wants multiples of " + step + ", got " + image.height() + "x" + image.width() + "; "
                    + image.sizes(step, step));
            }
            pictures(image, init);
        } else {
            throw new ArgumentException("realnvp wants pictures or points, got " + data);
        }
    }

    private void pictures(ImageSpec image, Rng init) {
        int channels = image.channels(), wide = config.width, n = 0;
        for (int s = 0; s < config.scales; s++) {
            boolean last = s == config.scales - 1;
            List<Bijection> all = new ArrayList<>();
            int height = image.height() >> s, width = image.width() >> s;
            for (int i = 0; i < config.couplings + (last ? 1 : 0); i++, n++) {
                add(all, "flow." + n, channels, wide, Mask.checker(height, width, i), init.split(n));
            }
            if (!last) {
                all.add(new Squeeze());
                channels *= 4;
                wide *= 2;
                for (int i = 0; i < config.couplings; i++, n++) {
                    add(all, "flow." + n, channels, wide, Mask.half(channels, i), init.split(n));
                }
                channels /= 2;
            }
            scales.add(all);
        }
        for (int i = 0; config.dequantise == Dequantise.VARIATIONAL && i < NOISE_COUPLINGS; i++) {
            Mask mask = Mask.checker(image.height(), image.width(), i);
            noise.add(child("noise." + i, new Coupling(image.channels(), image.channels(), config.width, 1, true, mask,
                init.split(1000 + i))));
        }
    }

    private void add(List<Bijection> all, String name, int channels, int width, Mask mask, Rng rng) {
        boolean image = data instanceof ImageSpec;
        all.add(config.between == Between.ACTNORM ? child(name + ".norm", new ActNorm(channels, image))
            : child(name + ".norm", new FlowNorm(channels, image)));
        all.add(child(name + ".coupling", new Coupling(channels, 0, width, config.blocks, image, mask, rng)));
    }

    /** What a map makes of its input, and log |det| of its Jacobian for each item [B], in nats. */
    private record Mapped(Tensor z, Tensor logDet) {}

    /** An invertible part of the flow. */
    private abstract static class Bijection extends Module {
        abstract Mapped forward(Tensor x);

        abstract Tensor inverse(Tensor z);
    }

    /** Which numbers a coupling leaves as they are: 1, of shape [1,C,1,1], [1,1,H,W] or [1,C]. */
    private record Mask(float[] values, long... shape) {
        static Mask checker(int height, int width, int parity) {
            float[] m = new float[height * width];
            for (int i = 0; i < m.length; i++) m[i] = (i / width + i % width + parity) % 2;
            return new Mask(m, 1, 1, height, width);
        }

        static Mask half(int channels, int parity) {
            float[] m = new float[channels];
            for (int i = 0; i < channels; i++) m[i] = parity % 2 == 0 == i < channels / 2 ? 1 : 0;
            return new Mask(m, 1, channels);
        }
    }

    /** z = b x + (1 - b) (x exp(s(b x)) + t(b x)), eqs. 7 to 9, s = a tanh(.), a learned; other inputs of the network serve both ways. */
    private static final class Coupling extends Bijection {
        private final Tensor mask;
        private final Tensor bound;
        private final Module net;

        Coupling(int channels, int seen, int width, int blocks, boolean image, Mask kept, Rng rng) {
            Tensor m = Torch.of(kept.values, kept.shape);
            mask = buffer("mask", image && m.dims() == 2 ? m.unsqueeze(2).unsqueeze(3) : m);
            bound = parameter("bound", image ? Torch.ones(1, channels, 1, 1) : Torch.ones(1, channels));
            net = child("net", image ? new ConvNet(channels + seen, width, blocks, 2 * channels, rng)
                : new DenseNet(channels, width, blocks, 2 * channels, rng));
        }

        private Tensor[] scaleAndShift(Tensor kept, @Nullable Tensor seen) {
            Tensor in = seen == null ? kept : Torch.cat(1, kept, seen);
            Tensor[] st = (net instanceof ConvNet c ? c.forward(in) : ((DenseNet) net).forward(in)).to(kept.dtype())
                .chunk(2, 1);
            Tensor free = mask.neg().add(1);
            return new Tensor[] {st[0].tanh().mul(bound).mul(free), st[1].mul(free)};
        }

        Mapped forward(Tensor x, @Nullable Tensor seen) {
            Tensor[] st = scaleAndShift(x.mul(mask), seen);
            return new Mapped(x.mul(st[0].exp()).add(st[1]), st[0].sumPerItem());
        }

        @Override Mapped forward(Tensor x) { return forward(x, null); }

        @Override Tensor inverse(Tensor z) {
            Tensor[] st = scaleAndShift(z.mul(mask), null);
            return z.sub(st[1]).mul(st[0].neg().exp());
        }
    }

    /** z = (x - m) / d for each channel; m and d are the mean and deviation of the first batch, then learned. */
    private static final class ActNorm extends Bijection {
        /** Variance of what does not vary but for rounding, as a batch of one point. */
        private static final double ALIKE = 1e-12;

        private final Tensor shift;
        private final Tensor logScale;
        private final Tensor set;
        private final boolean image;

        ActNorm(int channels, boolean image) {
            this.image = image;
            long[] shape = image ? new long[] {1, channels, 1, 1} : new long[] {1, channels};
            shift = parameter("shift", Torch.zeros(shape));
            logScale = parameter("logScale", Torch.zeros(shape));
            set = buffer("set", Torch.zeros());
        }

        @Override Mapped forward(Tensor x) {
            if (training() && set.item() == 0) {
                try (Guard g = Torch.noGrad()) {
                    long[] dims = image ? new long[] {0, 2, 3} : new long[] {0};
                    shift.copyFrom(x.mean(true, dims));
                    Tensor v = x.var(false, true, dims);
                    logScale.copyFrom(v.add(1e-6).log().mul(-0.5).mul(v.gt(ALIKE).to(v.dtype())));   // where all is one, d = 1
                    set.fill(1);
                }
            }
            double places = image ? x.size(2) * x.size(3) : 1;
            return new Mapped(x.sub(shift).mul(logScale.exp()), logScale.sum().mul(places).expand(x.size(0)));
        }

        @Override Tensor inverse(Tensor z) { return z.mul(logScale.neg().exp()).add(shift); }
    }

    /** Batch norm as part of the flow, section 3.7: the loss includes the statistics' part of the Jacobian. */
    private static final class FlowNorm extends Bijection {
        private static final double MOMENTUM = 0.05;
        private static final double EPS = 1e-5;
        private final Tensor mean;
        private final Tensor var;
        private final boolean image;

        FlowNorm(int channels, boolean image) {
            this.image = image;
            long[] shape = image ? new long[] {1, channels, 1, 1} : new long[] {1, channels};
            mean = buffer("running_mean", Torch.zeros(shape));
            var = buffer("running_var", Torch.ones(shape));
        }

        @Override Mapped forward(Tensor x) {
            Tensor m = mean, v = var;
            if (training()) {
                long[] dims = image ? new long[] {0, 2, 3} : new long[] {0};
                m = x.mean(true, dims);
                v = x.var(false, true, dims);
                mean.copyFrom(mean.lerp(m.detach(), MOMENTUM));
                var.copyFrom(var.lerp(v.detach(), MOMENTUM));
            }
            double places = image ? x.size(2) * x.size(3) : 1;
            Tensor safe = v.add(EPS);
            return new Mapped(x.sub(m).mul(safe.rsqrt()), safe.log().sum().mul(-0.5 * places).expand(x.size(0)));
        }

        @Override Tensor inverse(Tensor z) { return z.mul(var.add(EPS).sqrt()).add(mean); }
    }

    /** [B,C,H,W] to [B,4C,H/2,W/2]. */
    private static final class Squeeze extends Bijection {
        @Override Mapped forward(Tensor x) {
            long b = x.size(0), c = x.size(1), h = x.size(2), w = x.size(3);
            Tensor z = x.reshape(b, c, h / 2, 2, w / 2, 2).permute(0, 3, 5, 1, 2, 4).reshape(b, 4 * c, h / 2, w / 2);
            return new Mapped(z, none(x));
        }

        @Override Tensor inverse(Tensor z) {
            long b = z.size(0), c = z.size(1) / 4, h = z.size(2), w = z.size(3);
            return z.reshape(b, 2, 2, c, h, w).permute(0, 3, 4, 1, 5, 2).reshape(b, c, 2 * h, 2 * w);
        }
    }

    /** Convolution of kernel k whose weight is g v / |v|, for each output on its own. */
    private static final class NormedConv extends Module {
        private final Tensor v;
        private final Tensor g;
        private final Tensor bias;
        private final int padding;

        NormedConv(int in, int out, int kernel, boolean zero, Rng rng) {
            Tensor start = Init.DEFAULT.draw(rng, (long) in * kernel * kernel, out, in, kernel, kernel);
            v = parameter("weight_v", start);
            g = parameter("weight_g", zero ? Torch.zeros(out, 1, 1, 1) : start.square().sum(true, 1, 2, 3).sqrt());
            bias = parameter("bias", Torch.zeros(out));
            padding = kernel / 2;
        }

        Tensor forward(Tensor x) {
            Tensor weight = Scope.run(() -> v.mul(g.div(v.square().sum(true, 1, 2, 3).sqrt())));
            return Torch.conv2d(x, weight, bias, 1, padding);
        }
    }

    /** With group norm in the blocks 400 steps of MNIST ended at 1.59 bits/dim, without at 1.67 (scales=3, width=24, couplings=2). */
    private static final class ConvNet extends Module {
        private final NormedConv first;
        private final List<NormedConv> blocks = new ArrayList<>();
        private final List<Norm.Group> norms = new ArrayList<>();
        private final NormedConv last;

        ConvNet(int in, int width, int count, int out, Rng rng) {
            first = child("first", new NormedConv(in, width, 3, false, rng.split(0)));
            for (int i = 0; i < 2 * count; i++) {
                blocks.add(child("blocks." + i, new NormedConv(width, width, i % 2 == 0 ? 1 : 3, false, rng.split(i + 2))));
            }
            int groups = width % 8 == 0 ? width / 8 : 1;
            for (int i = 0; i < 2 * count + 1; i++) norms.add(child("norms." + i, new Norm.Group(groups, width, 1e-5)));
            last = child("last", new NormedConv(width, out, 3, true, rng.split(1)));
        }

        Tensor forward(Tensor x) {
            return Scope.run(() -> {
                Tensor h = first.forward(x);
                for (int i = 0; i < blocks.size(); i += 2) {
                    int at = i;
                    Tensor before = h;
                    h = Scope.run(() -> {
                        Tensor r = blocks.get(at).forward(norms.get(at).forward(before).siluOver());
                        return blocks.get(at + 1).forward(norms.get(at + 1).forward(r).siluOver()).addOver(before);
                    });
                    before.free();
                }
                return last.forward(norms.get(norms.size() - 1).forward(h).siluOver());
            });
        }
    }

    private static final class DenseNet extends Module {
        private final List<Linear> layers = new ArrayList<>();

        DenseNet(int in, int width, int count, int out, Rng rng) {
            for (int i = 0; i < count + 2; i++) {
                layers.add(child(String.valueOf(i), new Linear(i == 0 ? in : width, width, rng.split(i))));
            }
            layers.add(child(String.valueOf(layers.size()), new Linear(width, out, Init.ZERO, Init.ZERO, rng)));
        }

        Tensor forward(Tensor x) {
            Tensor h = x;
            for (int i = 0; i < layers.size() - 1; i++) h = layers.get(i).forward(h).reluOver();
            return layers.get(layers.size() - 1).forward(h);
        }
    }

    /** Densities x to codes [B,D]. */
    private Mapped flow(Tensor x) {
        List<Tensor> parts = new ArrayList<>();
        Tensor h = x, logDet = null;
        for (int s = 0; s < scales.size(); s++) {
            for (Bijection f : scales.get(s)) {
                Mapped m = f.forward(h);
                h = m.z;
                logDet = logDet == null ? m.logDet : logDet.add(m.logDet);
            }
            if (s < scales.size() - 1) {
                Tensor[] half = h.chunk(2, 1);
                parts.add(half[1].flatten(1));
                h = half[0];
            }
        }
        parts.add(h.flatten(1));
        return new Mapped(Torch.cat(1, parts), java.util.Objects.requireNonNull(logDet));
    }

    /** Codes [B,D] to densities. */
    private Tensor inverse(Tensor z) {
        if (z.dims() != 2 || z.size(1) != data.dims()) {
            throw new ArgumentException("realnvp wants codes [B," + data.dims() + "], got " + z);
        }
        long[] shape = data.shape();
        long at = z.size(1);
        Tensor h = z;   // replaced at once
        for (int s = scales.size() - 1; s >= 0; s--) {
            boolean last = s == scales.size() - 1;
            int halved = last ? s : s + 1;
            long n = data.dims() >> halved;
            Tensor part = z.narrow(1, at - n, n);
            at -= n;
            if (shape.length == 3) part = part.reshape(z.size(0), shape[0] << halved, shape[1] >> halved, shape[2] >> halved);
            h = last ? part : Torch.cat(1, h, part);
            List<Bijection> all = scales.get(s);
            for (int i = all.size() - 1; i >= 0; i--) {
                Bijection f = all.get(i);
                Tensor before = h;
                h = Scope.run(() -> f.inverse(before));
                if (before != z) before.free();
            }
        }
        return h;
    }

    /** Pictures in [-1,1] to logits of (byte + u) / 256, with the log-density that u costs and the Jacobian gives, [B]. */
    private Mapped logits(Tensor x, Tensor u, Tensor cost) {
        Tensor y = x.add(1).mul(127.5).round().add(u).div(256).mul(1 - 2 * config.alpha).add(config.alpha);
        Tensor logit = y.log().sub(y.neg().log1p());
        Tensor logDet = y.log().add(y.neg().log1p()).neg().sumPerItem().add(data.dims() * (Math.log(1 - 2 * config.alpha) - Math.log(256)));
        return new Mapped(logit, logDet.sub(cost));
    }

    private Mapped dequantised(Tensor x, Rng rng) {
        if (noise.isEmpty()) return logits(x, rng.uniformLike(x).to(x.dtype()), none(x));
        Tensor eps = rng.normalLike(x).to(x.dtype()), h = eps;
        Tensor cost = eps.square().mul(-0.5).sub(HALF_LOG_2PI).sumPerItem();   // log q(u|x)
        for (Coupling c : noise) {
            Mapped m = c.forward(h, x);
            h = m.z;
            cost = cost.sub(m.logDet);
        }
        cost = cost.sub(h.logSigmoid().add(h.neg().logSigmoid()).sumPerItem());
        return logits(x, h.sigmoid(), cost);
    }

    @Override public Module net() { return this; }

    @Override public List<Update> updates() {
        return List.of(new Update("nll", this, (batch, step) -> {
            Tensor nats = logProb(batch.x(), step.rng()).mean().neg();
            return Losses.of(nats).with(data instanceof ImageSpec ? "bits per dim" : "nats", data instanceof ImageSpec
                ? nats.div(data.dims() * Math.log(2)) : nats);
        }));
    }

    @Override public Optional<Update> tested() { return Optional.of(updates().get(0)); }

    /** True of points; of pictures a bound, by the noise on their bytes. */
    @Override public boolean exact() { return data instanceof VectorSpec; }

    @Override public Tensor logProb(Tensor x, Rng rng) {
        Mapped start = data instanceof ImageSpec ? dequantised(x, rng) : new Mapped(x, none(x));
        Mapped end = flow(start.z);
        return end.z.square().mul(-0.5).sub(HALF_LOG_2PI).sumPerItem().add(end.logDet).add(start.logDet);
    }

    @Override public Sampling samplingDefaults() { return new Sampling(1); }

    @Override public Tensor sample(Sampling how, Condition given, int count, Rng rng) { return decode(prior(count, rng)
        .mul(how.temperature)); }

    @Override public boolean normalPrior() { return true; }

    @Override public Tensor prior(int n, Rng rng) { return rng.normal(n, data.dims()); }

    /** Codes [B,D] to data. */
    @Override public Tensor decode(Tensor z) {
        Tensor x = inverse(z);
        if (!(data instanceof ImageSpec)) return x;
        return values(x).mul(256).floor().clamp(0, 255).div(127.5).sub(1);
    }

    @Override public boolean lossless() { return true; }

    /** Logits to values of pictures, [0,1]. */
    private Tensor values(Tensor logits) { return logits.sigmoid().sub(config.alpha).div(1 - 2 * config.alpha); }

    /** Data to codes [B,D]; of bytes the middle. */
    @Override public Tensor encode(Tensor x) { return flow(middle(x)).z; }

    /** What the flow sees of data; of bytes the middle. */
    private Tensor middle(Tensor x) {
        return data instanceof ImageSpec ? logits(x, Torch.zerosLike(x).add(0.5), none(x)).z : x;
    }

    private static Tensor none(Tensor x) { return Torch.zeros(x.dtype(), x.size(0)).to(x.device()); }

    /** Largest change by there and back: of what the flow sees, and of data, points' coordinates or pictures' values in [0,1]. */
    record InverseError(double seen, double data) {
        InverseError max(InverseError o) { return new InverseError(Math.max(seen, o.seen), Math.max(data, o.data)); }
    }

    InverseError inverseError(Tensor x) {
        Tensor seen = middle(x), back = inverse(flow(seen).z);
        double error = back.sub(seen).abs().max().item();
        return new InverseError(error, data instanceof ImageSpec ? values(back).sub(values(seen)).abs().max().item() : error);
    }

    @Override public List<Measure> evaluate(Iterable<Batch> test, Rng rng) {
        double nats = 0;
        InverseError worst = new InverseError(0, 0);
        long items = 0;
        for (Batch batch : test) {
            try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
                nats -= logProb(batch.x(), rng.at(items)).sum().item();   // waits for the device
                worst = worst.max(inverseError(batch.x()));
                items += batch.size();
            }
        }
        boolean image = data instanceof ImageSpec;
        String of = (image ? "exact but for the noise on bytes, " + config.dequantise.name().toLowerCase(java.util.Locale.ROOT) + "; "
            : "exact density in " + data.unit() + "; ") + items + " items";
        List<Measure> measures = new ArrayList<>();
        measures.add(new Measure("-log p", nats / items, "nats", of));
        if (image) measures.add(new Measure("bits/dim", nats / items / data.dims() / Math.log(2), "bits/dim", of));
        String back = "largest change of a number by there and back, " + items + " items";
        measures.add(new Measure("inverse error", worst.data, image ? "of [0,1]" : data.unit(), back));
        if (image) measures.add(new Measure("inverse error of logits", worst.seen, "logits", back));
        return measures;
    }
}
