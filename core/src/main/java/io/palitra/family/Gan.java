package io.palitra.family;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
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
import io.palitra.net.GanDiscriminator;
import io.palitra.net.GanGenerator;
import io.palitra.nn.GanLoss;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import io.palitra.stage.GanNet;
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
 * Koyama 2018, arXiv:1802.05637, section 3; truncation and orthogonal regularisation: Brock et al. 2019, arXiv:1809.11096, section 3.1.
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
            @Help("whether the discriminator's weights are divided by their largest singular values; net=biggan divides those of both nets "
                + "in any case") boolean spectralNorm,
            @Help("whether the discriminator also sees how much the items of a batch differ") boolean minibatchStddev,
            @Help("whether classes are learned, so that one can be asked for") boolean conditional,
            @Help(value = "first steps in which only the discriminator moves", min = 0, max = 1e6) int coldStart,
            @Help(value = "numbers in z", min = 1, max = 4096) int latent,
            @Help(value = "channels at half the pictures' side, doubled with each further halving; points: a fourth of a hidden layer",
                min = 1, max = 1024) int width,
            @Help("the nets") GanNet net) {
        public Config {
            if (loss == Objective.WGAN_GP && r1 > 0) {
                throw new ArgumentException("illegal r1: " + r1 + ", must be 0 with loss=wgan_gp, which has a penalty of its own");
            }
        }
    }

    public record Sampling(
            @Help(value = "largest absolute value in z, whose normal distribution is cut there; 0 = uncut. With net=deep z is cut at 2 and "
                + "multiplied by it, and 0 is 1", min = 0, max = 100) double truncation) {}

    private static final Sampling SAMPLING = new Sampling(0);

    public static final Family<Config> FAMILY = new Family<>("gan",
        "Generative adversarial network: sharp samples in one pass, from two nets that play against each other",
        "Goodfellow et al. 2014, arXiv:1406.2661; Radford et al. 2016, arXiv:1511.06434",
        new Config(Objective.NON_SATURATING, 10, 0, false, false, false, 0, 100, 64, new GanNet.Plain()),
        Recipe.of(12, 64, new OptimizerSpec.Adam(3e-4, 0.5, 0.999, 1e-8)).withSchedule(new LrSchedule.Linear()).withEma(0.999),
        SAMPLING, Family.Builder.of(Gan.class, Gan::new)).learns(Family.Kind.PICTURES, Family.Kind.POINTS).takes(Condition.Kind.LABEL)
        .tiny("width=8");

    private static final int CRITIC_STEPS = 5;
    private static final int LAZY = 16;
    /** Of the power iteration, after weights changed by more than a step. */
    private static final int SETTLE_TURNS = 10;
    private static final int SETTLE_BATCHES = 40;
    private static final int SETTLE_SIZE = 100;

    private final Config config;
    private final int classes;
    private final GanGenerator generator;
    private final GanDiscriminator discriminator;

    Gan(Config config, Build with) {
        DataSpec data = with.data();
        Rng init = with.init();
        if (config.conditional && data.classes() == 0) {
            throw new ArgumentException("gan with conditional=true wants labelled data, got " + data);
        }
        this.config = config;
        classes = config.conditional ? data.classes() : 0;
        GanNet.Sizes sizes = new GanNet.Sizes(config.latent, config.width, classes, config.spectralNorm, config.minibatchStddev);
        generator = child("generator", config.net.generator(data, sizes, init.split(0)));
        discriminator = child("discriminator", config.net.discriminator(data, sizes, init.split(1)));
    }

    @Override public Module net() { return this; }

    @Override public Sampling samplingDefaults() { return SAMPLING; }

    @Override public int classes() { return classes; }

    @Override public List<Update> updates() {
        if (config.net instanceof GanNet.Deep) throw GanNet.Deep.noDiscriminator();
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
        generator.iterate();
        Tensor code = trainingCode(batch, rng);
        Tensor score = discriminator.forward(generator.forward(code), classOf(code));
        Tensor loss = config.loss == Objective.NON_SATURATING ? GanLoss.logistic(score) : GanLoss.negativeScore(score);
        @Nullable Tensor penalty = generator.penalty();
        return penalty == null ? Losses.of(loss) : Losses.of(loss.add(penalty)).with("orthogonal", penalty);
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
        Tensor z = config.net.noise(how.truncation, count, config.latent, rng);
        return generator.forward(classes == 0 ? z : Torch.cat(1, z, oneHot(given.labels(), count, rng)), how.truncation);
    }

    /** [count,K] of the classes given, or of any, each as likely. */
    private Tensor oneHot(@Nullable Tensor labels, int count, Rng rng) {
        Tensor any = rng.integers(classes, count);
        return Torch.oneHot(labels == null ? any : labels.to(any.device()), classes);
    }

    @Override public Tensor prior(int n, Rng rng) {
        Tensor z = config.net.noise(0, n, config.latent, rng);
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
     * Takes the running statistics of the generator's batch norms anew, and its largest singular values, so that they are of the averaged
     * weights: those that training left are of the others. Looks at codes only.
     */
    @Override public void settle(Iterable<Batch> train, Rng rng) {
        for (int i = 0; i < SETTLE_TURNS; i++) generator.iterate();
        List<Tensor> statistics = generator.buffers().entrySet().stream()
            .filter(e -> e.getKey().endsWith(Norm.RUNNING_MEAN) || e.getKey().endsWith(Norm.RUNNING_VAR)).map(Map.Entry::getValue).toList();
        statistics.forEach(t -> t.fill(0));
        generator.training(true);
        for (int i = 0; i < SETTLE_BATCHES; i++) {
            try (Scope scope = new Scope()) { generator.forward(prior(SETTLE_SIZE, rng)); }
        }
        generator.training(false);
        double seen = 1 - Math.pow(1 - Norm.MOMENTUM, SETTLE_BATCHES);   // the rest of the running mean is still the 0 of the start
        statistics.forEach(t -> t.copyFrom(t.div(seen)));
    }
}
