package io.palitra.family;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.data.VectorSpec;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Build;
import io.palitra.model.Energy;
import io.palitra.model.Family;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Losses;
import io.palitra.model.LrSchedule;
import io.palitra.model.Recipe;
import io.palitra.model.Step;
import io.palitra.model.Update;
import io.palitra.nn.Init;
import io.palitra.nn.Module;
import io.palitra.nn.SpectralNorm;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Energy-based model: p(x) is proportional to exp(-E(x)). Contrastive divergence lowers E on data and raises it on samples, which Langevin
 * dynamics draws from a buffer of earlier samples. Hinton 2002; Du and Mordatch 2019, arXiv:1903.08689, algorithm 1; Langevin dynamics:
 * Welling and Teh 2011, eq. 3; spectral norm: Miyato et al. 2018, arXiv:1802.05957, eq. 8.
 *
 * <p>The buffer is a part of the model's state, so that a resumed run draws what the run never stopped would have drawn.
 */
public final class Ebm extends Module implements GenerativeModel<Ebm.Sampling>, Energy {
    /** How a chain moves through the data's space. */
    public sealed interface Langevin permits Langevin.Cold, Langevin.Unadjusted {
        int steps();

        /** One move of x [B,...] by the energy's gradient there; noise is standard normal. */
        Tensor move(Tensor x, Tensor gradient, Tensor noise);

        /**
         * What the literature trains and draws with: x + N(0, noise^2), then - stepSize clip(grad E), in range after each. Its noise is far
         * smaller than its steps require, so it samples exp(-E/T) of a low temperature T, not exp(-E).
         */
        record Cold(@Help(value = "moves of a chain", min = 1, max = 100_000) int steps,
                @Help(value = "factor of the gradient", min = 0, max = 1000) double stepSize,
                @Help(value = "deviation of the noise, data units", min = 0, max = 10) double noise,
                @Help(value = "largest number of a gradient", min = 0, max = 1e6) double clip) implements Langevin {
            public Cold() { this(256, 10, 0.005, 0.03); }

            @Override public Tensor move(Tensor x, Tensor gradient, Tensor noise) {
                return x.sub(gradient.clamp(-clip, clip).mul(stepSize)).clamp(-1, 1);
            }
        }

        /** The unadjusted Langevin algorithm: x - stepSize/2 grad E + sqrt(stepSize) N(0, 1), which samples exp(-E) up to O(stepSize). */
        record Unadjusted(@Help(value = "moves of a chain", min = 1, max = 100_000) int steps,
                @Help(value = "size of a move, data units squared", min = 1e-9, max = 10) double stepSize) implements Langevin {
            public Unadjusted() { this(1000, 1e-3); }

            @Override public Tensor move(Tensor x, Tensor gradient, Tensor noise) {
                return x.sub(gradient.mul(stepSize / 2)).add(noise.mul(Math.sqrt(stepSize)));
            }
        }
    }

    public record Config(
            @Help(value = "channels of the first convolution; points: a fourth of a hidden layer", min = 1, max = 1024) int width,
            @Help(value = "moves of a chain in a training step", min = 1, max = 10_000) int steps,
            @Help(value = "factor of the gradient in a move", min = 0, max = 1000) double stepSize,
            @Help(value = "deviation of the noise in a move, and on the data, data units", min = 0, max = 1) double noise,
            @Help(value = "largest number of a gradient in a move", min = 0, max = 1e6) double clip,
            @Help(value = "samples kept to start chains from", min = 1, max = 1_000_000) int buffer,
            @Help(value = "share of chains that start from fresh noise", min = 0, max = 1) double fresh,
            @Help(value = "weight of the mean square of energies, which keeps them from drifting", min = 0, max = 1e3) double regularizer,
            @Help("whether weights are divided by their largest singular values") boolean spectralNorm) {}

    /** How samples are drawn. */
    public record Sampling(@Help("how chains move, from uniform noise") Langevin langevin) {}

    public static final Family<Config> FAMILY = new Family<>("ebm", "Energy-based model: samples run downhill from noise",
        "Du and Mordatch 2019, arXiv:1903.08689",
        new Config(16, 20, 10, 0.005, 0.03, 8192, 0.05, 0.1, false),
        Recipe.of(10, 128, new OptimizerSpec.Adam(2e-4, 0, 0.999, 1e-8)).withSchedule(new LrSchedule.Cosine(100)).withClip(0.1),
        new Sampling(new Langevin.Cold()), Family.Builder.of(Ebm.class, Ebm::new)).learns(Family.Kind.PICTURES, Family.Kind.POINTS)
        .tiny("width=4", "steps=3", "buffer=32");

    private final Config config;
    private final DataSpec data;
    private final Weights net;
    /** Ends of earlier chains, [buffer, ...data shape]. */
    private final Tensor replay;

    Ebm(Config config, Build with) {
        DataSpec data = with.data();
        Rng init = with.init();
        this.config = config;
        this.data = data;
        net = child("net", new Weights(config, data, init.split(0)));
        long[] shape = data.shape(), all = new long[shape.length + 1];
        System.arraycopy(shape, 0, all, 1, shape.length);
        all[0] = config.buffer;
        replay = buffer("replay", init.split(1).uniform(all).mul(2).sub(1));
    }

    @Override public Module net() { return this; }

    @Override public boolean mayCollapse() { return true; }

    @Override public Tensor energy(Tensor x) { return net.forward(x); }

    @Override public List<Update> updates() { return List.of(new Update("contrast", net, this::loss)); }

    private Losses loss(Batch batch, Step step) {
        Rng rng = step.rng();
        net.iterate();
        Tensor fake = chains(batch.size(), rng);
        Tensor real = batch.x().add(rng.normalLike(batch.x()).mul(config.noise));
        Tensor onReal = energy(data instanceof ImageSpec ? real.clamp(-1, 1) : real), onFake = energy(fake);
        Tensor contrast = onReal.mean().sub(onFake.mean());
        Tensor size = onReal.square().add(onFake.square()).mean();
        return Losses.of(contrast.add(size.mul(config.regularizer))).with("data energy", onReal.mean())
            .with("sample energy", onFake.mean());
    }

    /** Goes on with some of the buffer's chains, a few of them from fresh noise, and puts their ends back. */
    private Tensor chains(long n, Rng rng) {
        return Scope.run(() -> {
            net.trainable(false);
            try (Guard g = Torch.noGrad()) {
                if (n > config.buffer) {
                    throw new ArgumentException("illegal buffer: " + config.buffer + ", must hold a batch of " + n);
                }
                double first = Math.floor(rng.uniform(1).item() * config.buffer);   // a run of chains, each once
                Tensor index = Torch.arange(0, n).add(first).remainder(config.buffer).to(DType.I64).to(replay.device());
                Tensor old = replay.indexSelect(0, index);
                long[] one = new long[old.dims()];
                java.util.Arrays.fill(one, 1);
                one[0] = n;
                Tensor again = rng.uniform(one).to(old.device()).lt(config.fresh);
                Tensor start = rng.uniformLike(old).mul(2).sub(1).where(again, old);
                Langevin how = new Langevin.Cold(config.steps, config.stepSize, config.noise, config.clip);
                Tensor end = walk(this::energy, how, start, rng, data instanceof ImageSpec);
                replay.putRows(index, end);
                return end;
            } finally {
                net.trainable(true);
            }
        });
    }

    /** A chain for each item of x. Noise of an item depends on its row alone. */
    static Tensor walk(UnaryOperator<Tensor> energy, Langevin how, Tensor start, Rng rng, boolean bounded) {
        return Scope.fold(start, how.steps(), (x, i) -> {
            Tensor noise = rng.normalLike(x).to(x.dtype());
            Tensor from = how instanceof Langevin.Cold c ? x.add(noise.mul(c.noise)) : x;
            Tensor at = (bounded && how instanceof Langevin.Cold ? from.clamp(-1, 1) : from).detach().requiresGrad(true);
            Tensor gradient;
            try (Guard g = Torch.withGrad()) { gradient = Torch.grad(energy.apply(at), at, false); }
            try (Guard g = Torch.noGrad()) { return how.move(at.detach(), gradient, noise); }
        });
    }

    @Override public Sampling samplingDefaults() { return new Sampling(new Langevin.Cold()); }

    @Override public Tensor sample(Sampling how, Condition given, int count, Rng rng) {
        long[] shape = data.shape(), all = new long[shape.length + 1];
        System.arraycopy(shape, 0, all, 1, shape.length);
        all[0] = count;
        Tensor start = rng.uniform(all).mul(2).sub(1).to(replay.device());
        Tensor end = walk(this::energy, how.langevin, start, rng, data instanceof ImageSpec);
        return data instanceof ImageSpec ? end.clamp(-1, 1) : end;
    }

    /** Pictures: strided convolutions to a side of 2 or 3, swish, one hidden layer. Points: three hidden layers. */
    private static final class Weights extends Module {
        private record Layer(Tensor weight, Tensor bias, @Nullable SpectralNorm spectral, int stride) {}

        private final List<Layer> layers = new ArrayList<>();

        Weights(Config config, DataSpec data, Rng rng) {
            if (data instanceof ImageSpec image) {
                int in = image.channels(), height = image.height(), width = image.width(), out = config.width;
                for (int i = 0; Math.min(height, width) > 3; i++) {
                    int kernel = i == 0 ? 5 : 3;
                    add(config, rng, 2, out, in, kernel, kernel);
                    in = out;
                    out = Math.min(4 * config.width, 2 * out);
                    height = (height + 1) / 2;
                    width = (width + 1) / 2;
                }
                add(config, rng, 0, 4 * config.width, (long) in * height * width);
            } else if (data instanceof VectorSpec points) {
                add(config, rng, 0, 4 * config.width, points.size());
                for (int i = 0; i < 2; i++) add(config, rng, 0, 4 * config.width, 4 * config.width);
            } else {
                throw new ArgumentException("ebm wants pictures or points, got " + data);
            }
            add(config, rng, 0, 1, 4 * config.width);
        }

        private void add(Config config, Rng rng, int stride, long... shape) {
            int n = layers.size();
            long fanIn = Torch.numel(shape) / shape[0];
            Tensor weight = parameter(n + ".weight", Init.DEFAULT.draw(rng.split(n), fanIn, shape));
            Tensor bias = parameter(n + ".bias", Init.DEFAULT.draw(rng.split(1000 + n), fanIn, shape[0]));
            layers.add(new Layer(weight, bias, config.spectralNorm ? child(n + ".spectral", new SpectralNorm(weight, rng.split(2000 + n)))
                : null, stride));
        }

        Tensor forward(Tensor x) {
            Tensor h = x;
            for (int i = 0; i < layers.size(); i++) {
                Layer l = layers.get(i);
                Tensor w = l.spectral == null ? l.weight : l.spectral.of(l.weight);
                h = l.stride > 0 ? Torch.conv2d(h, w, l.bias, l.stride, (int) w.size(3) / 2) : Torch.linear(h.flatten(1), w, l.bias);
                if (i < layers.size() - 1) h = h.silu();
            }
            return h.squeeze(1).to(x.dtype());
        }

        void iterate() { layers.forEach(l -> { if (l.spectral != null) l.spectral.iterate(l.weight); }); }
    }
}
