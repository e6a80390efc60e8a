package io.palitra.family;

import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.config.Notes;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
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
import io.palitra.model.ModelRef;
import io.palitra.model.Recipe;
import io.palitra.model.Step;
import io.palitra.model.Styles;
import io.palitra.model.Update;
import io.palitra.net.StyleDiscriminator;
import io.palitra.net.StyleGan2;
import io.palitra.net.StyleGenerator;
import io.palitra.net.StyleMapping;
import io.palitra.net.StylePictures;
import io.palitra.net.StyleSynthesis;
import io.palitra.nn.Augment;
import io.palitra.nn.GanLoss;
import io.palitra.nn.Module;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * StyleGAN: a mapping network makes a style w of noise z, and each layer of a synthesis network is scaled by it. Karras et al. 2019,
 * arXiv:1812.04948 (adaptive instance norm, noise, style mixing, truncation); Karras et al. 2020, arXiv:1912.04958 (modulated convolutions,
 * path length regulariser, lazy regularisation); Karras et al. 2020, arXiv:2006.06676 (adaptive augmentation, of classes); Zhao et al.
 * 2020, arXiv:2006.10738 (DiffAugment).
 *
 * <p>The loss is that of {@link Gan} that does not saturate, with R1 on real pictures as the discriminator sees them, after augmentation. A
 * code c [B,Z+K] is z followed, in a model of classes, by the one-hot class. The networks have NVIDIA's names under {@code generator.} and
 * {@code discriminator.}.
 */
public final class StyleGan extends Module implements GenerativeModel<StyleGan.Sampling>, LatentModel, Styles {
    /** What is done to pictures before the discriminator sees them. */
    public enum Augmentation {
        /** Nothing. */
        NONE,
        /** {@link Augment#adaptive} with a probability that follows how sure the discriminator is of real pictures. */
        ADAPTIVE,
        /** {@link Augment#differentiable}. */
        DIFFERENTIABLE
    }

    /** The noise that layers add to samples. */
    public enum LayerNoise {
        /** The same for all pictures, part of the model. */
        CONST,
        /** Another for each picture. */
        RANDOM,
        /** None. */
        NONE
    }

    /** Layers that map classes for the discriminator, as NVIDIA has them. */
    private static final int CLASS_LAYERS = 8;

    public record Config(
            @Help("how the generator's blocks hang together: skip and resnet are StyleGAN 2's, orig has neither, adain is the first "
                + "paper's") StyleSynthesis.Architecture generator,
            @Help("how the discriminator's blocks hang together") StyleDiscriminator.Architecture discriminator,
            @Help(value = "numbers in z", min = 1, max = 4096) int latent,
            @Help(value = "numbers in a style w", min = 1, max = 4096) int style,
            @Help(value = "layers that make w of z", min = 1, max = 64) int mapping,
            @Help(value = "channels of a block times its side; 0 = the side of the pictures times 16, in colour times 32", min = 0,
                max = 1 << 24) int channelBase,
            @Help(value = "most channels of a block", min = 1, max = 1 << 14) int channelMax,
            @Help(value = "largest absolute value of a layer's outputs, which half precision wants at 256; 0 = any", min = 0, max = 1e6)
                double clamp,
            @Help(value = "items whose deviation the discriminator sees together; 0 = the whole batch", min = 0, max = 1 << 16)
                int deviationGroup,
            @Help("whether classes are learned, so that one can be asked for") boolean conditional,
            @Help(value = "share of made pictures whose later layers have the style of another z", min = 0, max = 1) double mixing,
            @Help(value = "weight of the path length regulariser, applied every 4 steps 4-fold; 0 = none", min = 0, max = 1e6)
                double pathLength,
            @Help(value = "weight gamma of the penalty gamma/2 |grad D(x)|^2 on real pictures, applied every 16 steps 16-fold; 0 = none, "
                + "-1 = 0.0002 times the pixels of a picture over the items of a step", min = -1, max = 1e6) double r1,
            @Help("what is done to pictures before the discriminator sees them; with few pictures adaptive or differentiable")
                Augmentation augment,
            @Help(value = "of adaptive augmentation: the mean sign of the discriminator on real pictures that it keeps to", min = 0,
                max = 1) double target,
            @Help(value = "of adaptive augmentation: pictures over which its probability can go from 0 to 1", min = 1, max = 1e9)
                double augmentItems,
            @Help(value = "a run of stylegan whose weights training begins with, such as import makes of a .pkl of NVIDIA's; empty = none. "
                + "Its networks must be those that the other keys describe", place = Help.Place.MODEL) String base) {
        /** The generator's network. */
        StyleGenerator.Config generator(ImageSpec data) {
            return new StyleGenerator.Config(latent, classes(data), style, data.height(), data.channels(), StyleMapping.Config.of(mapping),
                StyleSynthesis.Config.of(generator, channels(data), channelMax, clamp));
        }

        /** The discriminator's network. */
        StyleDiscriminator.Config discriminator(ImageSpec data) {
            return StyleDiscriminator.Config.of(classes(data), data.height(), data.channels(), discriminator, channels(data), channelMax,
                CLASS_LAYERS, deviationGroup, clamp);
        }

        private int classes(ImageSpec data) { return conditional ? data.classes() : 0; }

        private int channels(ImageSpec data) {
            return channelBase == 0 ? 16 * data.height() * (data.channels() == 1 ? 1 : 2) : channelBase;
        }
    }

    public record Sampling(
            @Help(value = "how far styles go from the mean style: 1 = as drawn, 0 = the mean, below 1 more usual and less varied pictures",
                min = -2, max = 2) double truncation,
            @Help(value = "first layers that truncation holds for; 0 = all", min = 0, max = 64) int cutoff,
            @Help("the noise that layers add: const, the same for all, random or none") LayerNoise noise) {}

    private static final Sampling SAMPLING = new Sampling(1, 0, LayerNoise.CONST);

    public static final Family<Config> FAMILY = new Family<>("stylegan",
        "StyleGAN: pictures whose layers are steered by a style each, from coarse to fine; sharp, and made to be mixed and edited",
        "Karras et al. 2019, arXiv:1812.04948; Karras et al. 2020, arXiv:1912.04958",
        new Config(StyleSynthesis.Architecture.SKIP, StyleDiscriminator.Architecture.RESNET, 128, 128, 2, 0, 128, 0, 4, false, 0.9, 2, -1,
            Augmentation.NONE, 0.6, 100_000, ""),
        Recipe.of(12, 32, new OptimizerSpec.Adam(2e-3, 0, 0.99, 1e-8)).withEma(0.998), SAMPLING,
        Family.Builder.of(StyleGan.class, StyleGan::new))
        .takes(Condition.Kind.LABEL).tiny("latent=6", "style=6", "channelBase=112", "channelMax=8", "augment=adaptive",
        "augmentItems=20");

    private static final int LAZY_R1 = 16, LAZY_PATH = 4, PATH_SHRINK = 2;
    private static final double PATH_DECAY = 0.01;
    /** Share of the newest batch in the mean sign of scores. */
    private static final double SIGN_SHARE = 0.25;
    private static final double R1_OF_PIXELS = 0.0002;
    private static final int SETTLE_BATCHES = 100, SETTLE_SIZE = 100;

    private final Config config;
    private final int classes;
    private final StyleGenerator generator;
    private final StyleDiscriminator discriminator;
    private final Tensor path;
    private final Tensor probability;
    private final Tensor sign;

    StyleGan(Config config, Build with) {
        ImageSpec data = pictures(config, with.data());
        Rng init = with.init();
        this.config = config;
        classes = config.classes(data);
        generator = child("generator", new StyleGenerator(config.generator(data), init.split(0)));
        discriminator = child("discriminator", new StyleDiscriminator(config.discriminator(data), init.split(1)));
        path = buffer("path_length", Torch.zeros());
        probability = buffer("augment_probability", Torch.zeros());
        sign = buffer("augment_sign", Torch.zeros());
        if (!config.base.isEmpty()) begin(with.models().open(new ModelRef(config.base), StyleGan.class));
    }

    private static ImageSpec pictures(Config config, DataSpec data) {
        if (!(data instanceof ImageSpec image) || image.width() != image.height() || image.height() < 8
                || !StylePictures.sided(image.height())) {
            throw new ArgumentException("stylegan wants square pictures with a side of 4, 5, 6 or 7 doubled once or more, such as 28, 32, "
                + "40, 48 or 64, got " + data + (data instanceof ImageSpec image ? "; " + StylePictures.fitting(image.height(),
                image.width()) : ""));
        }
        if (config.conditional && data.classes() == 0) {
            throw new ArgumentException("stylegan with conditional=true wants labelled data, got " + data);
        }
        return image;
    }

    private void begin(StyleGan base) {
        List<String> others = base.networks().others(networks());
        if (!others.isEmpty()) {
            throw new ConfigException("base", "'" + config.base + "' has other networks than these keys and this data describe: "
                + Notes.some(others));
        }
        generator.load(base.generator.state());
        discriminator.load(base.discriminator.state());
    }

    private StyleGan2 networks() { return new StyleGan2(generator.config(), discriminator.config(), 0); }

    @Override public Module net() { return this; }

    @Override public Sampling samplingDefaults() { return SAMPLING; }

    @Override public int classes() { return classes; }

    @Override public List<Update> updates() {
        List<Update> updates = new ArrayList<>();
        updates.add(new Update("discriminator", discriminator, this::discriminate));
        if (config.r1 != 0) updates.add(new Update("r1", discriminator, LAZY_R1, 0, this::realSlope));
        updates.add(new Update("generator", generator, this::generate));
        if (config.pathLength > 0) updates.add(new Update("path", generator, LAZY_PATH, 0, this::paths));
        return updates;
    }

    private Losses discriminate(Batch batch, Step step) {
        Rng rng = step.rng();
        Code code = code(batch, rng);
        Tensor fake;
        try (Guard g = Torch.noGrad()) { fake = made(code, rng); }
        @Nullable Tensor real = realClass(batch);
        Tensor onReal = discriminator.forward(seen(batch.x(), rng), real);   // [B]
        Tensor onFake = discriminator.forward(seen(fake, rng), code.classes);
        Losses losses = Losses.of(GanLoss.logistic(onReal, onFake)).with("real score", onReal.mean()).with("made score", onFake.mean());
        if (config.augment != Augmentation.ADAPTIVE) return losses;
        adapt(onReal.detach());
        return losses.with("augment", probability.copy());
    }

    /** Moves the probability up where the discriminator is surer of real pictures than the target, else down; never below 0. */
    private void adapt(Tensor onReal) {
        Tensor now = onReal.gt(0).to(sign.dtype()).mul(2).sub(1).mean();
        sign.copyFrom(sign.lerp(now, SIGN_SHARE));
        Tensor up = sign.gt(config.target).to(sign.dtype()).mul(2).sub(1);
        probability.copyFrom(probability.add(up.mul(onReal.numel() / config.augmentItems)).clamp(0, 1));
    }

    private Losses realSlope(Batch batch, Step step) {
        @Nullable Tensor real = realClass(batch);
        Tensor slope = GanLoss.squaredSlope(x -> discriminator.forward(x, real), seen(batch.x(), step.rng())).mean();
        double pixels = (double) batch.x().size(2) * batch.x().size(3);
        double gamma = config.r1 < 0 ? R1_OF_PIXELS * pixels / batch.size() : config.r1;
        return Losses.of(slope.mul(0.5 * gamma * LAZY_R1)).with("squared slope", slope);
    }

    private Losses generate(Batch batch, Step step) {
        Rng rng = step.rng();
        Code code = code(batch, rng);
        return Losses.of(GanLoss.logistic(discriminator.forward(seen(made(code, rng), rng), code.classes)));
    }

    /**
     * Karras et al. 2020, arXiv:1912.04958, section 3.2, on half the batch; never in half precision, in which slopes of slopes are coarse.
     */
    private Losses paths(Batch batch, Step step) {
        try (Guard full = Torch.uncast(batch.x().device())) { return pathsInFull(batch, step); }
    }

    private Losses pathsInFull(Batch batch, Step step) {
        Rng rng = step.rng();
        Code code = code(batch.part(0, Math.max(1, batch.size() / PATH_SHRINK)), rng);
        Tensor ws = mixed(code, rng), x = generator.draw(ws, generator.synthesis().drawn((int) ws.size(0), rng));
        Tensor lengths = GanLoss.pathLengths(x, ws, rng.normalLike(x).to(x.dtype()));
        Tensor mean = path.lerp(lengths.mean().to(path.dtype()), PATH_DECAY);
        path.copyFrom(mean.detach());
        return Losses.of(lengths.sub(mean).square().mean().mul(config.pathLength * LAZY_PATH)).with("length", lengths.mean());
    }

    /** z [B,Z] and the one-hot classes [B,K], null for a model without. */
    private record Code(Tensor z, @Nullable Tensor classes) {}

    /** For as many items as the batch has, their classes drawn from the batch's, so that both players see the same shares. */
    private Code code(Batch batch, Rng rng) {
        Tensor z = rng.normal(batch.size(), config.latent).to(batch.x().dtype());
        @Nullable Tensor real = realClass(batch);
        return new Code(z, real == null ? null : real.indexSelect(0, rng.integers(batch.size(), batch.size())));
    }

    private @Nullable Tensor realClass(Batch batch) {
        if (classes == 0) return null;
        return Torch.oneHot(batch.given().labels("stylegan with conditional=true"), classes).to(batch.x().dtype());
    }

    private Tensor made(Code code, Rng rng) {
        return generator.draw(mixed(code, rng), generator.synthesis().drawn((int) code.z.size(0), rng));
    }

    /** Styles [B,L,W], of some items from a layer on those of another z. Karras et al. 2019, section 3.1. */
    private Tensor mixed(Code code, Rng rng) {
        Tensor ws = generator.styles(code.z, code.classes);
        if (config.mixing == 0) return ws;
        long n = ws.size(0), layers = ws.size(1);
        Tensor other = generator.styles(rng.normal(n, config.latent).to(code.z.dtype()), code.classes);
        Tensor mixes = rng.uniform(n, 1).lt(config.mixing);
        Tensor from = rng.integers(layers - 1, n, 1).add(1);
        Tensor own = Torch.arange(0, layers).to(from.device()).reshape(1, layers).lt(from.where(mixes, from.mul(0).add(layers)));
        return ws.where(own.unsqueeze(2), other);
    }

    /** As the discriminator sees them. */
    private Tensor seen(Tensor x, Rng rng) {
        return switch (config.augment) {
            case NONE -> x;
            case ADAPTIVE -> probability.item() == 0 ? x : Augment.adaptive(x, probability, rng);   // waits for the device
            case DIFFERENTIABLE -> Augment.differentiable(x, rng);
        };
    }

    @Override public Tensor sample(Sampling how, Condition given, int count, Rng rng) {
        Tensor z = rng.normal(count, config.latent), classes = this.classes == 0 ? null : oneHot(given.labels(), count, rng);
        Tensor ws = generator.truncated(generator.styles(z, classes), how.truncation, how.cutoff);
        List<Tensor> noise = switch (how.noise) {
            case CONST -> noise();
            case RANDOM -> generator.synthesis().drawn(count, rng);
            case NONE -> List.of();
        };
        return generator.draw(ws, noise).clamp(-1, 1);
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
            throw new ArgumentException("StyleGan.decode wants [B," + (config.latent + classes) + "], got " + z);
        }
        Tensor ws = generator.styles(z.narrow(1, 0, config.latent), classes == 0 ? null : z.narrow(1, config.latent, classes));
        return generator.draw(ws, noise()).clamp(-1, 1);
    }

    @Override public boolean mayCollapse() { return true; }

    @Override public boolean normalPrior() { return classes == 0; }

    @Override public int classNumbers() { return classes; }

    /** Takes the mean style anew, so that it is of the averaged weights. Looks at codes only. */
    @Override public void settle(Iterable<Batch> train, Rng rng) {
        try (Scope scope = new Scope()) {
            Tensor sum = Torch.zerosLike(meanStyle());
            for (int i = 0; i < SETTLE_BATCHES; i++) {
                Tensor before = sum;
                sum = Scope.run(() -> {
                    Tensor classes = this.classes == 0 ? null : oneHot(null, SETTLE_SIZE, rng);
                    return before.add(generator.mapping().forward(rng.normal(SETTLE_SIZE, config.latent), classes).mean(false, 0));
                });
            }
            generator.mapping().mean(sum.div(SETTLE_BATCHES));
        }
    }

    @Override public int layers() { return generator.synthesis().layers(); }

    @Override public int width() { return config.style; }

    @Override public int latent() { return config.latent; }

    @Override public Tensor styles(Tensor z, @Nullable Tensor labels, double truncation, int cutoff) {
        if (labels == null != (classes == 0)) {
            throw new ArgumentException(classes == 0 ? "this model draws by no classes"
                : "this model draws by classes: labels are missing");
        }
        return generator.truncated(generator.styles(z, labels == null ? null : Torch.oneHot(labels, classes)), truncation, cutoff);
    }

    @Override public Tensor meanStyle() {
        return java.util.Objects.requireNonNull(generator.mapping().mean());
    }

    @Override public List<Tensor> noise() { return generator.synthesis().noise(); }

    @Override public Tensor draw(Tensor styles, List<Tensor> noise) { return generator.draw(styles, noise); }

    /** The averaged generator, and the discriminator, of files of NVIDIA's. */
    public StyleGenerator generator() { return generator; }

    public StyleDiscriminator discriminator() { return discriminator; }

    /** What such a generator was trained on. */
    public static ImageSpec pictures(StyleGenerator.Config g) {
        return new ImageSpec(g.imgChannels(), g.imgResolution(), g.imgResolution(), g.cDim());
    }

    /**
     * The configuration whose networks are these.
     *
     * @throws ConfigException that names the arguments that no key stands for
     */
    public static Config of(StyleGenerator.Config g, StyleDiscriminator.Config d) {
        StyleSynthesis.Config s = g.synthesis();
        Config c = new Config(s.architecture(), d.architecture(), g.zDim(), g.wDim(), g.mapping().numLayers(), s.channelBase(),
            s.channelMax(), s.convClamp(), d.mbstdGroup(), g.cDim() > 0, 0.9, 2, -1, Augmentation.NONE, 0.6, 100_000, "");
        ImageSpec data = pictures(g);
        List<String> others = new StyleGan2(g, d, 0).others(new StyleGan2(c.generator(data), c.discriminator(data), 0));
        if (!others.isEmpty()) throw new ConfigException("", "stylegan has no key for " + Notes.some(others));
        return c;
    }
}
