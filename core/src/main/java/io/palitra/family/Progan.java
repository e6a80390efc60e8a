package io.palitra.family;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.engine.Guard;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Build;
import io.palitra.model.Family;
import io.palitra.model.Fit;
import io.palitra.model.GenerativeModel;
import io.palitra.model.LatentModel;
import io.palitra.model.Losses;
import io.palitra.model.Recipe;
import io.palitra.model.Step;
import io.palitra.model.Update;
import io.palitra.net.StylePictures;
import io.palitra.nn.EqualConv2d;
import io.palitra.nn.EqualLinear;
import io.palitra.nn.Gained;
import io.palitra.nn.GanLoss;
import io.palitra.nn.Module;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Progressive growing: both networks begin with pictures of a side of 4 to 7 and grow, block by block, to the full side; a new block is
 * faded in. Karras et al. 2018, arXiv:1710.10196: growing (section 2), minibatch deviation (3), equalised rate (4.1), pixel norm (4.2),
 * the loss of Gulrajani et al. 2017, arXiv:1704.00028, with a drift term (appendix A.1).
 *
 * <p>How far the networks have grown is a function of the step alone. Samples of a smaller network are enlarged to the full side.
 */
public final class Progan extends Module implements GenerativeModel<Progan.Sampling>, LatentModel {
    public record Config(
            @Help(value = "numbers in z", min = 1, max = 4096) int latent,
            @Help(value = "channels at the pictures' full side, doubled with each halving", min = 1, max = 1024) int width,
            @Help(value = "most channels", min = 1, max = 1 << 14) int channelMax,
            @Help(value = "steps over which a new block is faded in", min = 0, max = 1e9) int fade,
            @Help(value = "steps between two fades, and before the first", min = 0, max = 1e9) int stay,
            @Help(value = "weight lambda of the gradient penalty", min = 0, max = 1e6) double penalty,
            @Help(value = "weight of the squared scores of real pictures, which keeps them near 0", min = 0, max = 1e6) double drift) {}

    public record Sampling() {}

    /**
     * How far both networks have grown.
     *
     * @param top the newest block, from 0 on
     * @param share of the newest block in what comes out, the rest is of the network without it; 1 = all
     */
    record Growth(int top, double share) {
        /** Before a step. Steps: {@code stay} with the first block, then for each further one {@code fade} and {@code stay}. */
        static Growth at(long step, Config config, int blocks) {
            if (step < config.stay || blocks == 1) return new Growth(0, 1);
            long since = step - config.stay, each = (long) config.fade + config.stay;
            if (each == 0 || since / each + 1 >= blocks) return new Growth(blocks - 1, 1);
            long within = since % each;
            return new Growth((int) (since / each) + 1, within < config.fade ? within / (double) config.fade : 1);
        }
    }

    private static final Sampling SAMPLING = new Sampling();

    public static final Family<Config> FAMILY = new Family<>("progan",
        "Progressive growing of a GAN: from tiny pictures to the full size, block by block; steady, and nice to watch",
        "Karras et al. 2018, arXiv:1710.10196",
        new Config(128, 16, 128, 1000, 1000, 10, 0.001),
        Recipe.of(12, 32, new OptimizerSpec.Adam(1e-3, 0, 0.99, 1e-8)).withEma(0.998), SAMPLING,
        Family.Builder.of(Progan.class, Progan::new))
        .on(Fit.colour("width=32"))
        .tiny("latent=6", "width=4", "channelMax=8", "fade=1", "stay=1");

    private final Config config;
    private final List<Integer> sides;
    private final Generator generator;
    private final Discriminator discriminator;
    private final Tensor grown;

    Progan(Config config, Build with) {
        DataSpec spec = with.data();
        if (!(spec instanceof ImageSpec data) || data.width() != data.height() || data.height() < 8
                || !StylePictures.sided(data.height())) {
            throw new ArgumentException("progan wants square pictures with a side of 4, 5, 6 or 7 doubled once or more, such as 28, 32, "
                + "40, 48 or 64, got " + spec + (spec instanceof ImageSpec image ? "; " + StylePictures.fitting(image.height(),
                image.width()) : ""));
        }
        this.config = config;
        sides = StylePictures.sides(data.height());
        generator = child("generator", new Generator(data.channels(), with.init().split(0)));
        discriminator = child("discriminator", new Discriminator(data.channels(), with.init().split(1)));
        grown = buffer("grown", Torch.zeros());
    }

    /** Channels of a block. */
    private int channels(int block) {
        return (int) Math.min((long) config.width << Math.min(30, sides.size() - 1 - block), config.channelMax);
    }

    @Override public Module net() { return this; }

    @Override public Sampling samplingDefaults() { return SAMPLING; }

    @Override public boolean mayCollapse() { return true; }

    @Override public boolean normalPrior() { return true; }

    @Override public List<Update> updates() {
        return List.of(new Update("discriminator", discriminator, this::discriminate), new Update("generator", generator, this::generate));
    }

    private Growth growth(long step) { return Growth.at(step, config, sides.size()); }

    private Losses discriminate(Batch batch, Step step) {
        Rng rng = step.rng();
        Growth growth = growth(step.number());
        grown.fill(step.number() + 1);
        Tensor real = shown(batch.x(), growth), fake;
        try (Guard g = Torch.noGrad()) { fake = generator.forward(code(batch, rng), growth); }
        Tensor onReal = discriminator.forward(real, growth), onFake = discriminator.forward(fake, growth);   // [B]
        Tensor between = GanLoss.mix(real, fake, rng.uniform(real.size(0)).to(real.dtype()));
        Tensor penalty = GanLoss.gradientPenalty(m -> discriminator.forward(m, growth), between);
        Tensor loss = GanLoss.wasserstein(onReal, onFake).add(penalty.mul(config.penalty)).add(onReal.square().mean().mul(config.drift));
        return Losses.of(loss).with("penalty", penalty).with("real score", onReal.mean()).with("made score", onFake.mean());
    }

    private Losses generate(Batch batch, Step step) {
        Growth growth = growth(step.number());
        Tensor made = generator.forward(code(batch, step.rng()), growth);
        return Losses.of(GanLoss.negativeScore(discriminator.forward(made, growth)));
    }

    private Tensor code(Batch batch, Rng rng) { return rng.normal(batch.size(), config.latent).to(batch.x().dtype()); }

    /** Real pictures as large as those made, and while a block is faded in as blurred. */
    private Tensor shown(Tensor x, Growth growth) {
        int factor = sides.get(sides.size() - 1) / sides.get(growth.top);
        Tensor y = factor == 1 ? x : Torch.avgPool(x, factor);
        return growth.share == 1 ? y : faded(Torch.upsampleNearest(Torch.avgPool(y, 2), 2), y, growth.share);
    }

    /** (1 - share) before + share after. */
    private static Tensor faded(Tensor before, Tensor after, double share) { return before.mul(1 - share).add(after.mul(share)); }

    @Override public Tensor sample(Sampling how, Condition given, int count, Rng rng) { return decode(prior(count, rng)); }

    @Override public Tensor prior(int n, Rng rng) { return rng.normal(n, config.latent); }

    /** Waits for the device. */
    @Override public Tensor decode(Tensor z) {
        if (z.dims() != 2 || z.size(1) != config.latent) {
            throw new ArgumentException("Progan.decode wants [B," + config.latent + "], got " + z);
        }
        return drawn(z, growth((long) grown.item()));
    }

    /** Of pictures as large as the newest block makes them, [B]. */
    Tensor scores(Tensor x, Growth growth) { return discriminator.forward(x, growth); }

    /** Pictures [B,C,S,S] of the full side. */
    Tensor drawn(Tensor z, Growth growth) {
        int factor = sides.get(sides.size() - 1) / sides.get(growth.top);
        Tensor x = generator.forward(z, growth).clamp(-1, 1);
        return factor == 1 ? x : Torch.upsampleNearest(x, factor);
    }

    /** Each pixel's channels to a mean square of 1. */
    private static Tensor normed(Tensor x) { return x.mul(x.square().mean(true, 1).add(1e-8).rsqrt()); }

    /** Two convolutions of 3x3. */
    private static final class Pair extends Module {
        private final EqualConv2d conv0;
        private final EqualConv2d conv1;

        Pair(int in, int between, int out, Rng rng) {
            conv0 = child("conv0", new EqualConv2d(in, between, 3, rng));
            conv1 = child("conv1", new EqualConv2d(between, out, 3, rng));
        }
    }

    /** z [B,Z] to pictures [B,C,side of the newest block,...]. */
    private final class Generator extends Module {
        private final EqualLinear first;
        private final EqualConv2d conv;
        private final List<Pair> blocks = new ArrayList<>();
        private final List<EqualConv2d> pictures = new ArrayList<>();

        Generator(int channels, Rng rng) {
            int base = sides.get(0), c = channels(0);
            first = child("b" + base + ".first", new EqualLinear(config.latent, c * base * base, rng));
            conv = child("b" + base + ".conv1", new EqualConv2d(c, c, 3, rng));
            for (int i = 0; i < sides.size(); i++) {
                if (i > 0) blocks.add(child("b" + sides.get(i), new Pair(channels(i - 1), channels(i), channels(i), rng)));
                pictures.add(child("b" + sides.get(i) + ".torgb", new EqualConv2d(channels(i), channels, 1, rng)));
            }
        }

        private Tensor bent(Tensor x) { return normed(Gained.LRELU.of(x).to(grown.dtype())); }

        Tensor forward(Tensor z, Growth growth) {
            int base = sides.get(0);
            Tensor h = bent(first.forward(normed(z)).reshape(z.size(0), channels(0), base, base));
            h = bent(conv.forward(h));
            @Nullable Tensor before = null;
            for (int i = 1; i <= growth.top; i++) {
                if (i == growth.top && growth.share < 1) before = pictures.get(i - 1).forward(h);
                Pair block = blocks.get(i - 1);
                h = bent(block.conv1.forward(bent(block.conv0.forward(Torch.upsampleNearest(h, 2)))));
            }
            Tensor picture = pictures.get(growth.top).forward(h).to(z.dtype());
            return before == null ? picture : faded(Torch.upsampleNearest(before, 2).to(z.dtype()), picture, growth.share);
        }
    }

    /** Pictures as the generator makes them to scores [B]. */
    private final class Discriminator extends Module {
        private final List<Pair> blocks = new ArrayList<>();
        private final List<EqualConv2d> pictures = new ArrayList<>();
        private final EqualConv2d conv;
        private final EqualLinear fc;
        private final EqualLinear out;

        Discriminator(int channels, Rng rng) {
            for (int i = 0; i < sides.size(); i++) {
                pictures.add(child("b" + sides.get(i) + ".fromrgb", new EqualConv2d(channels, channels(i), 1, rng)));
                if (i > 0) blocks.add(child("b" + sides.get(i), new Pair(channels(i), channels(i), channels(i - 1), rng)));
            }
            int base = sides.get(0), c = channels(0);
            conv = child("b" + base + ".conv", new EqualConv2d(c + 1, c, 3, rng));
            fc = child("b" + base + ".fc", new EqualLinear(c * base * base, c, rng));
            out = child("b" + base + ".out", new EqualLinear(c, 1, rng));
        }

        private Tensor seen(int block, Tensor x) { return Gained.LRELU.of(pictures.get(block).forward(x)); }

        Tensor forward(Tensor x, Growth growth) {
            Tensor h = seen(growth.top, x);
            for (int i = growth.top; i > 0; i--) {
                Pair block = blocks.get(i - 1);
                h = Torch.avgPool(Gained.LRELU.of(block.conv1.forward(Gained.LRELU.of(block.conv0.forward(h)))), 2);
                if (i == growth.top && growth.share < 1) h = faded(seen(i - 1, Torch.avgPool(x, 2)), h, growth.share);
            }
            h = Gained.LRELU.of(conv.forward(GanLoss.withDeviation(h.to(x.dtype()))));
            return out.forward(Gained.LRELU.of(fc.forward(h.flatten(1)))).squeeze(1).to(x.dtype());
        }
    }
}
