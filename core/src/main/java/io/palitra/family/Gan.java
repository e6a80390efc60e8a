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
import io.palitra.model.Family;
import io.palitra.model.GenerativeModel;
import io.palitra.model.LatentModel;
import io.palitra.model.Losses;
import io.palitra.model.LrSchedule;
import io.palitra.model.Recipe;
import io.palitra.model.Step;
import io.palitra.model.Update;
import io.palitra.nn.ConvTranspose2d;
import io.palitra.nn.GanLoss;
import io.palitra.nn.Init;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import io.palitra.nn.SpectralFilter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Generative adversarial network: a generator G(z), z ~ N(0, I), against a discriminator D(x) whose score is high for real items and low
 * for made ones.
 * Goodfellow et al. 2014, arXiv:1406.2661, eq. 1, for G the loss that does not saturate (section 3); convolutional nets: Radford et al.
 * 2016, arXiv:1511.06434; hinge: Lim and Ye 2017, arXiv:1705.02894; WGAN-GP: Gulrajani et al. 2017, arXiv:1704.00028, eq. 3; R1: Mescheder
 * et al. 2018, arXiv:1801.04406, eq. 9, lazily as Karras et al. 2020, arXiv:1912.04958, section 3.1; spectral norm: Miyato et al. 2018,
 * arXiv:1802.05957, eq. 8; minibatch deviation: Karras et al. 2018, arXiv:1710.10196, section 3; projection discriminator: Miyato and
 * Koyama 2018, arXiv:1802.05637, section 3; truncation: Brock et al. 2019, arXiv:1809.11096, section 3.1.
 *
 * <p>A code c [B,Z+K] is z followed, in a conditional model, by the one-hot class. Real and made items are scored in two batches, never in
 * one. The discriminator holds no batch norm, so an item's score depends on other items only by the minibatch deviation.
 */
public final class Gan extends Module implements GenerativeModel<Gan.Sampling>, LatentModel {
    /** What the two players descend; s = log(1 + exp). */
    public enum Objective {
        /** D: E s(-D(x)) + E s(D(G(z))); G: E s(-D(G(z))). */
        NON_SATURATING,
        /** D: E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))); G: -E D(G(z)). */
        HINGE,
        /** D: E D(G(z)) - E D(x) + lambda E (|grad D(m)| - 1)^2, m between x and G(z); G: -E D(G(z)), every fifth step. */
        WGAN_GP
    }

    public record Config(
            @Help("the players' losses; wgan-gp wants train.optimizer=adam with lr=1e-4, beta1=0.5, beta2=0.9, and more steps, since its "
                + "generator moves on every fifth only; the others want beta1=0.5") Objective loss,
            @Help(value = "weight lambda of wgan-gp's gradient penalty, the others have none; points close together want about 0.1",
                min = 0, max = 1e6) double penalty,
            @Help(value = "weight gamma of the penalty gamma/2 |grad D(x)|^2 on real items, applied every 16 steps 16-fold; 0 = none",
                min = 0, max = 1e6) double r1,
            @Help("whether the discriminator's weights are divided by their largest singular values") boolean spectralNorm,
            @Help("whether the discriminator also sees how much the items of a batch differ") boolean minibatchStddev,
            @Help("whether classes are learned, so that one can be asked for") boolean conditional,
            @Help(value = "first steps in which only the discriminator moves", min = 0, max = 1e6) int coldStart,
            @Help(value = "numbers in z", min = 1, max = 4096) int latent,
            @Help(value = "channels at half the pictures' side, doubled with each further halving; points: a fourth of a hidden layer",
                min = 1, max = 1024) int width) {
        public Config {
            if (loss == Objective.WGAN_GP && r1 > 0) {
                throw new ArgumentException("illegal r1: " + r1 + ", must be 0 with loss=wgan_gp, which has a penalty of its own");
            }
        }
    }

    public record Sampling(
            @Help(value = "largest absolute value in z, whose normal distribution is cut there; 0 = uncut", min = 0, max = 100)
                double truncation) {}

    private static final Sampling SAMPLING = new Sampling(0);

    public static final Family<Config> FAMILY = new Family<>("gan",
        "Generative adversarial network: sharp samples in one pass, from two nets that play against each other",
        "Goodfellow et al. 2014, arXiv:1406.2661; Radford et al. 2016, arXiv:1511.06434",
        new Config(Objective.NON_SATURATING, 10, 0, false, false, false, 0, 100, 64),
        Recipe.of(12, 64, new OptimizerSpec.Adam(3e-4, 0.5, 0.999, 1e-8)).withSchedule(new LrSchedule.Linear()).withEma(0.999),
        SAMPLING, Gan::new).takes(Condition.Kind.LABEL)
        .tiny("width=8");

    private static final int CRITIC_STEPS = 5;
    private static final int LAZY = 16;
    private static final int SETTLE_BATCHES = 40;
    private static final int SETTLE_SIZE = 100;

    private final Config config;
    private final int classes;
    private final Generator generator;
    private final Discriminator discriminator;

    Gan(Config config, Build with) {
        DataSpec data = with.data();
        Rng init = with.init();
        if (config.conditional && data.classes() == 0) {
            throw new ArgumentException("gan with conditional=true wants labelled data, got " + data);
        }
        this.config = config;
        classes = config.conditional ? data.classes() : 0;
        generator = child("generator", data instanceof ImageSpec image ? new Upward(config, classes, image, init.split(0))
            : new Mlp(config, classes, (VectorSpec) data, init.split(0)));
        discriminator = child("discriminator", new Discriminator(config, classes, data, init.split(1)));
    }

    @Override public Module net() { return this; }

    @Override public Sampling samplingDefaults() { return SAMPLING; }

    @Override public int classes() { return classes; }

    @Override public List<Update> updates() {
        List<Update> updates = new ArrayList<>();
        updates.add(new Update("discriminator", discriminator, this::discriminate));
        if (config.r1 > 0) updates.add(new Update("r1", discriminator, LAZY, 0, this::realSlope));
        int every = config.loss == Objective.WGAN_GP ? CRITIC_STEPS : 1;
        updates.add(new Update("generator", generator, every, config.coldStart, this::generate));
        return updates;
    }

    private Losses discriminate(Batch batch, Step step) {
        Rng rng = step.rng();
        discriminator.iterate();
        Tensor real = batch.x();
        Tensor code = trainingCode(batch, rng);
        Tensor fake = apart(code);
        @Nullable Tensor realClass = realClass(batch), fakeClass = classOf(code);
        Tensor onReal = discriminator.forward(real, realClass), onFake = discriminator.forward(fake, fakeClass);   // [B]
        Losses losses = switch (config.loss) {
            case NON_SATURATING -> Losses.of(GanLoss.logistic(onReal, onFake));
            case HINGE -> Losses.of(GanLoss.hinge(onReal, onFake));
            case WGAN_GP -> {
                Tensor u = rng.uniform(real.size(0)).to(real.dtype());
                @Nullable Tensor mixedClass = realClass == null || fakeClass == null ? null : GanLoss.mix(realClass, fakeClass, u);
                Tensor penalty = GanLoss.gradientPenalty(m -> discriminator.forward(m, mixedClass), GanLoss.mix(real, fake, u));
                yield Losses.of(GanLoss.wasserstein(onReal, onFake).add(penalty.mul(config.penalty))).with("penalty", penalty);
            }
        };
        return losses.with("real score", onReal.mean()).with("made score", onFake.mean());
    }

    /** 16 gamma/2 E |grad D(x)|^2 on real items: R1, Mescheder et al. 2018, eq. 9, every 16th step. */
    private Losses realSlope(Batch batch, Step step) {
        @Nullable Tensor realClass = realClass(batch);
        Tensor slope = GanLoss.squaredSlope(x -> discriminator.forward(x, realClass), batch.x()).mean();
        return Losses.of(slope.mul(0.5 * config.r1 * LAZY)).with("squared slope", slope);
    }

    private Losses generate(Batch batch, Step step) {
        Rng rng = step.rng();
        Tensor code = trainingCode(batch, rng);
        Tensor score = discriminator.forward(generator.forward(code), classOf(code));
        return Losses.of(config.loss == Objective.NON_SATURATING ? GanLoss.logistic(score) : GanLoss.negativeScore(score));
    }

    /** Fakes for the discriminator's turn, without graph. The generator's running statistics stay: an update moves its own module alone. */
    private Tensor apart(Tensor code) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Map<Tensor, Tensor> before = new LinkedHashMap<>();
            generator.buffers().values().forEach(t -> before.put(t, t.copy()));
            Tensor fake = generator.forward(code);
            before.forEach(Tensor::copyFrom);
            return scope.keep(fake);
        }
    }

    /** Codes for as many items as the batch has, their classes drawn from the batch's, so that both players see the same shares. */
    private Tensor trainingCode(Batch batch, Rng rng) {
        Tensor z = rng.normal(batch.size(), config.latent).to(batch.x().dtype());
        @Nullable Tensor real = realClass(batch);
        return real == null ? z : Torch.cat(1, z, real.indexSelect(0, rng.integers(batch.size(), batch.size())));
    }

    private @Nullable Tensor realClass(Batch batch) {
        if (classes == 0) return null;
        return Torch.oneHot(batch.given().labels("gan with conditional=true"), classes).to(batch.x().dtype());
    }

    private @Nullable Tensor classOf(Tensor code) { return classes == 0 ? null : code.narrow(1, config.latent, classes); }

    @Override public Tensor sample(Sampling how, Condition given, int count, Rng rng) {
        Tensor z = how.truncation == 0 ? rng.normal(count, config.latent) : truncated(how.truncation, count, config.latent, rng);
        return decode(classes == 0 ? z : Torch.cat(1, z, oneHot(given.labels(), count, rng)));
    }

    /** Normal numbers [count,latent] within [-t,t], by the inverse of their distribution function. */
    static Tensor truncated(double t, int count, int latent, Rng rng) {
        Tensor u = rng.uniform(count, latent).mul(2).sub(1);
        Tensor edge = Torch.full(t * Math.sqrt(0.5)).to(u.device()).erf();
        return u.mul(edge).erfinv().mul(Math.sqrt(2)).clamp(-t, t);   // far out, where float erf is 1, the inverse is infinite
    }

    /** [count,K] of the classes given, or of any, each as likely. */
    private Tensor oneHot(@Nullable Tensor labels, int count, Rng rng) {
        Tensor any = rng.integers(classes, count);
        return Torch.oneHot(labels == null ? any : labels.to(any.device()), classes);
    }

    @Override public Tensor prior(int n, Rng rng) {
        Tensor z = rng.normal(n, config.latent);
        return classes == 0 ? z : Torch.cat(1, z, oneHot(null, n, rng));
    }

    @Override public Tensor decode(Tensor z) {
        if (z.dims() != 2 || z.size(1) != config.latent + classes) {
            throw new ArgumentException("Gan.decode wants [B," + (config.latent + classes) + "], got " + z);
        }
        return generator.forward(z);
    }

    @Override public boolean mayCollapse() { return true; }

    @Override public boolean normalPrior() { return classes == 0; }

    @Override public int classNumbers() { return classes; }

    /**
     * Takes the running statistics of the generator's batch norms anew, so that they are of the averaged weights: those that training left
     * are of the others. Looks at codes only.
     */
    @Override public void settle(Iterable<Batch> train, Rng rng) {
        generator.buffers().values().forEach(t -> t.fill(0));
        generator.training(true);
        for (int i = 0; i < SETTLE_BATCHES; i++) {
            try (Scope scope = new Scope()) { generator.forward(prior(SETTLE_SIZE, rng)); }
        }
        generator.training(false);
        double seen = 1 - Math.pow(1 - Norm.MOMENTUM, SETTLE_BATCHES);   // the rest of the running mean is still the 0 of the start
        generator.buffers().values().forEach(t -> t.copyFrom(t.div(seen)));
    }

    /** Codes [B,Z+K] to items [B, ...data shape]. */
    private abstract static class Generator extends Module {
        abstract Tensor forward(Tensor code);
    }

    /** For points: three hidden layers of 4 width, ReLU. */
    private static final class Mlp extends Generator {
        private final List<Linear> layers = new ArrayList<>();

        Mlp(Config config, int classes, VectorSpec data, Rng rng) {
            int in = config.latent + classes, hidden = 4 * config.width;
            for (int i = 0; i < 4; i++) {
                layers.add(child(String.valueOf(i), new Linear(in, i < 3 ? hidden : data.size(), rng)));
                in = hidden;
            }
        }

        @Override Tensor forward(Tensor code) {
            Tensor x = code;
            for (int i = 0; i < 3; i++) x = layers.get(i).forward(x).reluOver();
            return layers.get(3).forward(x).to(code.dtype());
        }
    }

    /** For pictures: transposed convolutions from a side of 3 or 4 up, batch norm and ReLU between; tanh at the end. */
    private static final class Upward extends Generator {
        private final List<ConvTranspose2d> layers = new ArrayList<>();
        private final List<Module> norms = new ArrayList<>();
        private final int latent;
        private final int classes;

        Upward(Config config, int classes, ImageSpec data, Rng rng) {
            latent = config.latent;
            this.classes = classes;
            List<Integer> sides = sides(data);
            int steps = sides.size() - 1, channels = config.width << (steps - 1);
            layers.add(child("0", new ConvTranspose2d(latent, channels, sides.get(steps), 1, 0, Init.DCGAN, false, rng)));
            for (int i = 1; i <= steps; i++) {
                int out = i < steps ? channels / 2 : data.channels(), kernel = sides.get(steps - i) % 2 == 0 ? 4 : 3;   // to 2s or 2s - 1
                Module norm = classes == 0 ? new Norm.Batch(channels) : new Norm.ConditionalBatch(channels, classes, rng);
                norms.add(child("norm." + (i - 1), norm));
                layers.add(child(String.valueOf(i), new ConvTranspose2d(channels, out, kernel, 2, 1, Init.DCGAN, i == steps, rng)));
                channels = out;
            }
        }

        @Override Tensor forward(Tensor code) {
            Tensor y = code.narrow(1, latent, classes);
            Tensor x = layers.get(0).ofPoints(code.narrow(1, 0, latent)).channelsLast();   // [B,Z] -> [B,C,side,side]
            for (int i = 0; i < norms.size(); i++) {
                Module norm = norms.get(i);
                x = norm instanceof Norm.ConditionalBatch c ? c.forward(x, y) : ((Norm.Batch) norm).forward(x);
                x = layers.get(i + 1).forward(x.reluOver());
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
    private static final class Discriminator extends Module {
        private final List<SpectralFilter> body = new ArrayList<>();
        private final SpectralFilter head;
        private final @Nullable SpectralFilter projection;
        private final boolean deviation;

        Discriminator(Config config, int classes, DataSpec data, Rng rng) {
            deviation = config.minibatchStddev;
            boolean spectral = config.spectralNorm;
            int features;
            if (data instanceof ImageSpec image) {
                int in = image.channels(), side = image.height();
                for (int out = config.width; side > 4; side /= 2, out *= 2) {   // to 3 or 4: a feature then sees most of the picture
                    body.add(child(String.valueOf(body.size()), new SpectralFilter(spectral, Init.DCGAN, rng, out, in, 4, 4)));
                    in = out;
                }
                features = (in + (deviation ? 1 : 0)) * side * side;
            } else {
                int in = (int) data.dims(), hidden = 4 * config.width;
                for (int i = 0; i < 3; i++) {
                    body.add(child(String.valueOf(i), new SpectralFilter(spectral, Init.DEFAULT, rng, hidden, in)));
                    in = hidden;
                }
                features = in + (deviation ? 1 : 0);
            }
            Init init = data instanceof ImageSpec ? Init.DCGAN : Init.DEFAULT;
            head = child("head", new SpectralFilter(spectral, init, rng, 1, features));
            projection = classes == 0 ? null : child("projection", new SpectralFilter(spectral, init, rng, classes, features));
        }

        Tensor forward(Tensor x, @Nullable Tensor y) {
            Tensor h = x.dims() == 4 ? x.channelsLast() : x;
            for (SpectralFilter f : body) h = f.forward(h).leakyReluOver(0.2);
            if (deviation) h = GanLoss.withDeviation(h);
            Tensor phi = h.flatten(1);                                       // [B,F]
            Tensor score = head.forward(phi).squeeze(1).to(x.dtype());       // [B]
            if (projection == null || y == null) return score;
            return score.add(projection.forward(phi).to(x.dtype()).mul(y).sum(false, 1));
        }

        /** Moves the estimates of the largest singular values; without spectral norm there is nothing to move. */
        void iterate() {
            body.forEach(SpectralFilter::iterate);
            head.iterate();
            if (projection != null) projection.iterate();
        }
    }
}
