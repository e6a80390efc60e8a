package io.palitra.family;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.engine.DType;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.FolderDraft;
import io.palitra.model.Build;
import io.palitra.model.Codec;
import io.palitra.model.DiffusersExport;
import io.palitra.model.Encoder;
import io.palitra.model.Evaluates;
import io.palitra.model.Family;
import io.palitra.model.Fit;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Likelihood;
import io.palitra.model.Losses;
import io.palitra.model.LrSchedule;
import io.palitra.model.Measure;
import io.palitra.model.Recipe;
import io.palitra.model.Step;
import io.palitra.model.Update;
import io.palitra.model.VariationalMeasures;
import io.palitra.model.VariationalMeasures.Posterior;
import io.palitra.net.AutoencoderKl;
import io.palitra.nn.Init;
import io.palitra.nn.Linear;
import io.palitra.nn.Loss;
import io.palitra.nn.Module;
import io.palitra.stage.AutoencoderNet;
import io.palitra.stage.MirrorNet;
import io.palitra.stage.PictureCodec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Variational autoencoder, Kingma and Welling 2014, arXiv:1312.6114: x ~ p(x|z), z ~ N(0, I), and q(z|x) = N(mu(x), diag exp logVar(x)).
 * Training raises the evidence lower bound
 *
 * <pre>
 * log p(x) >= ELBO = E_q log p(x|z) - KL(q(z|x) || p(z))     eq. 3
 * z = mu + exp(logVar / 2) eps, eps ~ N(0, I)                eq. 10
 * KL = 1/2 sum(mu² + exp logVar - 1 - logVar)                appendix B</pre>
 *
 * in nats, summed over pixels and latents, mean over items. As the paper's for MNIST, the default network has fully connected layers
 * (appendix C; there one hidden layer, of tanh) and its pixels are black or white (eq. 11).
 *
 * <p>beta: Higgins et al. 2017, eq. 4; free bits: Kingma et al. 2016, arXiv:1606.04934, appendix C.8; learned deviation: Rybkin et al.
 * 2021, arXiv:2006.13202; discretised logistic: Salimans et al. 2017, arXiv:1701.05517, eq. 2; skew-geometric Jensen-Shannon: Deasy et al.
 * 2020, arXiv:2006.10599; class-conditional: Sohn et al. 2015.
 *
 * <p>A conditional model's code is z followed by the one-hot class, [B,Z+classes]: encode finds the class of the highest ELBO, and the
 * likelihood sums over classes, each as likely as the other.
 */
public final class Vae extends Module implements GenerativeModel<Vae.Sampling>, Encoder, Likelihood, Evaluates, DiffusersExport {
    /** What the model is. */
    public record Config(
            @Help("layers of encoder and decoder") AutoencoderNet net,
            @Help(value = "size of the code; with net=kl its channels, of which 4 are usual", min = 1, max = 4096) int latent,
            @Help("distribution of an item given its code") Decoder decoder,
            @Help("what holds codes to the prior") Divergence divergence,
            @Help(value = "weight of the divergence in the loss; 1 is the ELBO", min = 0, max = 1e4) double beta,
            @Help(value = "steps over which that weight rises from 0", min = 0) int klWarmup,
            @Help(value = "divergence below this is not lowered further, nats per latent (mean over the batch)", min = 0, max = 100)
            double freeBits,
            @Help("whether the class is given to encoder and decoder; needs labelled data") boolean conditional) {}

    /** How samples are drawn. A sample is the decoder's mean: of black and white pixels, their probabilities. */
    public record Sampling(
            @Help(value = "standard deviation of the codes drawn; 1 is the prior", min = 0, max = 10) double temperature) {}

    public static final Family<Config> FAMILY = new Family<>("vae", "Variational autoencoder: codes that are standard normal",
        "Kingma and Welling 2014, arXiv:1312.6114",
        new Config(new AutoencoderNet.Mlp(), 20, new Decoder.Bernoulli(), new Divergence.Kl(), 1, 0, 0, false),
        Recipe.of(20, 128, new OptimizerSpec.Adam(1e-3, 0.9, 0.999, 1e-8)).withSchedule(new LrSchedule.Cosine()),
        new Sampling(1),
        Family.Builder.of(Vae.class, Vae::new)).learns(Family.Kind.PICTURES, Family.Kind.POINTS).takes(Condition.Kind.LABEL)
        .on(Fit.colour("decoder=gaussian"), Fit.points("decoder=gaussian"))
        .tiny("latent=4", "net.hidden=32");

    /** What x given z is. */
    public sealed interface Decoder permits Decoder.Bernoulli, Decoder.Gaussian, Decoder.Logistic {
        /** Black or white pixels, each on its own. */
        record Bernoulli(@Help("dynamic: black or white drawn anew with the grey value as probability, each step and in evaluation; "
                + "none: cross-entropy against grey values, which is no likelihood") Binarise binarise) implements Decoder {
            public Bernoulli() { this(Binarise.DYNAMIC); }
        }

        /** N(mean(z), deviation^2), one deviation for all numbers. */
        record Gaussian(@Help("whether the deviation is learned; it then starts from the given one") boolean learned,
                @Help(value = "standard deviation, data units (pictures: range -1..1)", min = 1e-3, max = 1e3) double deviation)
                implements Decoder {
            public Gaussian() { this(true, 1); }
        }

        /** A logistic distribution of its own mean and scale for each pixel, integrated over the 256 bins of its byte. */
        record Logistic() implements Decoder {}
    }

    /** How grey pictures become black and white. */
    public enum Binarise { DYNAMIC, NONE }

    /** What holds q(z|x) to the prior in training. Evaluation always takes the KL. */
    public sealed interface Divergence permits Divergence.Kl, Divergence.Gjs {
        record Kl() implements Divergence {}

        /** Skew-geometric Jensen-Shannon divergence: the objective is then no bound of log p(x). */
        record Gjs(@Help(value = "skew of the geometric mean: 0 near q, 1 near the prior", min = 0, max = 1) double alpha)
                implements Divergence {
            public Gjs() { this(0.5); }
        }
    }

    /** Numbers of data whose likelihood is measured: 10,000 items of 28x28, fewer larger ones, since each is decoded 500 times. */
    private static final long SCORED = 7_840_000;
    /** The same with net=kl, whose decoder is slow: it has residual blocks at full resolution. 100 items of 28x28. */
    private static final long SCORED_KL = SCORED / 100;
    /** Importance samples of {@link #logProb}. */
    private static final int QUICK_DRAWS = 64;

    private final Config config;
    private final DataSpec data;
    private final int classes;
    /** Numbers of a code, Z. */
    private final int latent;
    private final Half encoder;
    private final Half decoder;
    /** Of a Gaussian decoder: log of the standard deviation, 0-d. */
    private final @Nullable Tensor logDeviation;
    private final @Nullable AutoencoderKl autoencoder;

    Vae(Config config, Build with) {
        DataSpec data = with.data();
        Rng init = with.init();
        check(config, data);
        this.config = config;
        this.data = data;
        classes = config.conditional ? data.classes() : 0;
        int planes = config.decoder instanceof Decoder.Logistic ? 2 : 1;   // of the output: mean and log scale, or the mean alone
        if (config.net instanceof AutoencoderNet.Mlp net) {
            latent = config.latent;
            int dims = Math.toIntExact(data.dims());
            encoder = child("encoder", new Mlp("vae encoder", data.shape(), dims + classes, net.hidden(), 2 * latent, init.split(0)));
            List<Integer> reversed = new ArrayList<>(net.hidden());
            Collections.reverse(reversed);
            Mlp layers = child("decoder", new Mlp("vae decoder", new long[] {latent}, latent + classes, reversed, dims * planes,
                init.split(1)));
            decoder = (z, label) -> planar(layers.forward(z, label), planes);
            autoencoder = null;
        } else if (config.net instanceof AutoencoderNet.Kl net) {
            ImageSpec pictures = (ImageSpec) data;
            autoencoder = child("autoencoder", new AutoencoderKl(net.autoencoder(pictures, config.latent), init));
            int factor = autoencoder.config().coder().factor(), h = pictures.height() / factor, w = pictures.width() / factor;
            latent = config.latent * h * w;
            encoder = MirrorNet.encoder("vae", autoencoder, pictures)::forward;
            decoder = MirrorNet.decoder("vae", autoencoder, config.latent, h, w)::forward;
        } else {
            latent = config.latent;
            encoder = child("encoder", MirrorNet.encoder("vae", config.net, data, classes, 2 * latent, init.split(0)))::forward;
            decoder = child("decoder", MirrorNet.decoder("vae", config.net, latent, classes, data, planes, init.split(1)))::forward;
            autoencoder = null;
        }
        if (config.decoder instanceof Decoder.Gaussian g) {
            Tensor log = Torch.full(Math.log(g.deviation));
            logDeviation = g.learned ? parameter("logDeviation", log) : buffer("logDeviation", log);
        } else {
            logDeviation = null;
        }
    }

    /** Encoder, [B, ...data shape] to [B,2Z], or decoder, [B,Z] to [B, ...data shape]. */
    private interface Half {
        /** @param label one-hot [B,classes]; null without classes */
        Tensor forward(Tensor x, @Nullable Tensor label);
    }

    /** The default: x in a row, the one-hot class beside it, hidden layers with SiLU (Elfwing et al. 2017), a linear layer. */
    private static final class Mlp extends Module implements Half {
        /**
         * N(0, 2/fanIn): He et al. 2015, arXiv:1502.01852, eq. 10. PyTorch's default has a sixth of that variance, and at first the code
         * depends little on x: after 2 epochs of MNIST the default VAE with ReLU had a -ELBO of 131.5 nats with it, of 114.3 with this
         * (1,000 items of the test split).
         */
        private static final Init HE = (rng, fanIn, shape) -> rng.normal(shape).mul(Math.sqrt(2.0 / fanIn));

        private final String name;
        private final long[] shape;
        private final List<Linear> layers = new ArrayList<>();

        /** @param shape of x without the batch; {@code in} counts the classes too */
        Mlp(String name, long[] shape, int in, List<Integer> hidden, int out, Rng init) {
            this.name = name;
            this.shape = shape;
            int width = in;
            for (int to : hidden) {
                layers.add(child(Integer.toString(layers.size()), new Linear(width, to, HE, Init.ZERO, init)));
                width = to;
            }
            layers.add(child(Integer.toString(layers.size()), new Linear(width, out, init)));
        }

        @Override public Tensor forward(Tensor x, @Nullable Tensor label) {
            check(name, x, shape);
            Tensor y = label == null ? x.flatten(1) : Torch.cat(1, x.flatten(1), label);   // [B,in]
            for (int i = 0; i < layers.size() - 1; i++) y = layers.get(i).forward(y).silu();
            return layers.get(layers.size() - 1).forward(y).to(x.dtype());   // of layers in bf16: the losses are not computed in it
        }
    }

    /** Also the frozen autoencoder of another model. */
    @Override public <T> Optional<T> as(Class<T> capability) {
        if (capability != Codec.class) return GenerativeModel.super.as(capability);
        return Optional.ofNullable(autoencoder).map(net -> capability.cast(new PictureCodec.Kl("vae", net)));
    }

    @Override public Module net() { return this; }

    @Override public List<Update> updates() { return List.of(new Update("elbo", this, this::loss)); }

    @Override public Optional<Update> tested() { return Optional.of(updates().get(0)); }

    /** -ELBO; beta, its warm-up, free bits and the other divergence change only what is added to the reconstruction. */
    private Losses loss(Batch batch, Step step) {
        Rng rng = step.rng();
        Tensor x = target(batch.x(), rng), label = label(batch);
        Posterior q = posterior(x, label);
        Tensor mu = q.mu(), logVar = q.logVar();                                       // [B,Z]
        Tensor z = mu.add(logVar.mul(0.5).exp().mul(rng.normalLike(mu)));              // eq. 10
        Tensor recon = nll(decoder.forward(z, label), x).mean();                       // -E_q log p(x|z), one draw: eq. 7 with L = 1
        Tensor each = config.divergence instanceof Divergence.Gjs g
            ? Loss.skewJensenShannon(mu.reshape(-1, 1), logVar.reshape(-1, 1), g.alpha).reshape(-1, latent)
            : mu.square().add(logVar.exp()).sub(1).sub(logVar).mul(0.5);               // [B,Z]: KL, appendix B
        Tensor perLatent = each.mean(false, 0), divergence = perLatent.sum();          // [Z], 0-d
        Tensor held = config.freeBits > 0 ? perLatent.clampMin(config.freeBits).sum() : divergence;
        double warm = config.klWarmup > 0 ? Math.min(1, (step.number() + 1) / (double) config.klWarmup) : 1;
        return Losses.of(recon.add(held.mul(config.beta * warm))).with("recon", recon) // eq. 3, negative
            .with(config.divergence instanceof Divergence.Gjs ? "gjs" : "kl", divergence);
    }

    /** What the decoder is to explain: pixels in 0..1 or black and white for Bernoulli, else the data as they are. */
    Tensor target(Tensor x, Rng rng) {
        if (!(config.decoder instanceof Decoder.Bernoulli b)) return x;
        Tensor p = grey(x);
        return b.binarise == Binarise.DYNAMIC ? rng.uniformLike(p).lt(p).to(p.dtype()) : p;
    }

    /** The encoder's input outside of training: pixels in 0..1 for Bernoulli, else the data as they are. */
    private Tensor grey(Tensor x) { return config.decoder instanceof Decoder.Bernoulli ? x.add(1).mul(0.5) : x; }

    /** q(z|x) from x as {@link #target} makes it. */
    private Posterior posterior(Tensor target, @Nullable Tensor label) {
        Tensor[] q = encoder.forward(target, label).chunk(2, 1);   // [B,2Z] -> 2 x [B,Z]
        return new Posterior(q[0], q[1].clamp(-30, 20));   // a variance that overflows would end the run
    }

    /** -log p(target|z) in nats, [B], from the decoder's output. */
    private Tensor nll(Tensor out, Tensor target) {
        if (logDeviation != null) return Loss.gaussianNll(target, out, logDeviation.mul(2));        // eq. 12, one deviation for all
        if (config.decoder instanceof Decoder.Bernoulli) return Loss.bceWithLogits(out, target);    // eq. 11
        Tensor[] p = out.chunk(2, 1);   // [B,2C,H,W] -> mean, log scale: [B,C,H,W] each
        return Loss.discretizedLogisticNll(target, p[0], p[1]);
    }

    /** The mean of p(x|z) in the range of the data. */
    private Tensor mean(Tensor out) {
        if (config.decoder instanceof Decoder.Bernoulli) return out.sigmoid().mul(2).sub(1);
        Tensor mean = config.decoder instanceof Decoder.Logistic ? out.chunk(2, 1)[0] : out;
        return data instanceof ImageSpec ? mean.clamp(-1, 1) : mean;
    }

    /** One-hot [B,classes]; null where the model has none. */
    private @Nullable Tensor label(Batch batch) {
        return classes > 0 ? Torch.oneHot(batch.given().labels("vae with conditional=true"), classes) : null;
    }

    /** One-hot [B,classes] of one class for all. */
    private Tensor label(int c, Tensor x) {
        return Torch.oneHot(Torch.full(c, x.size(0)).to(DType.I64), classes).to(x.device());
    }

    @Override public Tensor sample(Sampling how, Condition given, int count, Rng rng) {
        Tensor z = rng.normal(count, latent).mul(how.temperature);
        if (classes == 0) return mean(decoder.forward(z, null));
        Tensor label = given.labels() == null ? rng.integers(classes, count) : given.labels().to(z.device());
        return mean(decoder.forward(z, Torch.oneHot(label, classes)));
    }

    @Override public Sampling samplingDefaults() { return new Sampling(1); }

    @Override public int classes() { return classes; }

    /** The mean of q(z|x), from grey values. */
    @Override public Tensor encode(Tensor x) {
        Tensor grey = grey(x);
        if (classes == 0) return posterior(grey, null).mu();
        List<Tensor> codes = new ArrayList<>(), bounds = new ArrayList<>();
        for (int c = 0; c < classes; c++) {
            Tensor label = label(c, x);
            Posterior q = posterior(grey, label);
            codes.add(Torch.cat(1, q.mu(), label));
            bounds.add(nll(decoder.forward(q.mu(), label), grey).add(Loss.gaussianKl(q.mu(), q.logVar())));
        }
        Tensor best = Torch.stack(1, bounds).neg().argmax(1).reshape(-1, 1, 1).expand(x.size(0), 1, latent + classes);
        return Torch.stack(1, codes).gather(1, best).squeeze(1);   // [B,classes,Z+classes] -> [B,Z+classes]
    }

    @Override public Tensor decode(Tensor z) {
        if (classes == 0) return mean(decoder.forward(z, null));
        if (z.dims() != 2 || z.size(1) != latent + classes) {
            throw new ArgumentException("vae with conditional=true wants codes B×" + (latent + classes)
                + ", z and one-hot class, got " + z);
        }
        return mean(decoder.forward(z.narrow(1, 0, latent), z.narrow(1, latent, classes)));
    }

    @Override public boolean normalPrior() { return classes == 0; }

    @Override public int classNumbers() { return classes; }

    @Override public Tensor prior(int n, Rng rng) {
        Tensor z = rng.normal(n, latent);
        return classes == 0 ? z : Torch.cat(1, z, Torch.oneHot(rng.integers(classes, n), classes));
    }

    @Override public boolean exact() { return false; }

    /** The importance-sampled bound of 64 draws (Burda et al. 2016, arXiv:1509.00519); pixels are made black or white by rng. */
    @Override public Tensor logProb(Tensor x, Rng rng) {
        if (!bounded()) {
            throw new ArgumentException("a vae with decoder.binarise=none has no likelihood: cross-entropy on grey pixels is none; "
                + "train it with decoder.binarise=dynamic, decoder=logistic or decoder=gaussian");
        }
        Tensor target = target(x, rng);
        if (classes == 0) return importance(target, null, QUICK_DRAWS, rng);
        List<Tensor> each = new ArrayList<>();
        for (int c = 0; c < classes; c++) each.add(importance(target, label(c, x), QUICK_DRAWS, rng));
        return Torch.stack(1, each).logSumExp(1).sub(Math.log(classes));
    }

    /** Whether the loss is a bound of a log-likelihood. */
    private boolean bounded() { return !(config.decoder instanceof Decoder.Bernoulli b) || b.binarise == Binarise.DYNAMIC; }

    /** @param draws K of {@link VariationalMeasures#logProb} */
    Tensor importance(Tensor target, @Nullable Tensor label, int draws, Rng rng) {
        return VariationalMeasures.logProb(new Measured(), target, label, draws, rng);
    }

    @Override public List<Measure> evaluate(Iterable<Batch> test, Rng rng) {
        boolean logistic = config.decoder instanceof Decoder.Logistic;
        String counted = !bounded() ? "" : config.decoder instanceof Decoder.Bernoulli ? "pixels drawn black or white by their grey value"
            : logistic ? "256 grey values" : "density in " + data.unit() + ", comparable only on the same data";
        return VariationalMeasures.of(new Measured(), new VariationalMeasures.Report(data.dims(), data instanceof ImageSpec, data.unit(),
            counted, logistic, classes > 0, autoencoder == null ? SCORED : SCORED_KL), test, rng);
    }

    /** This model as it is measured. */
    private final class Measured implements VariationalMeasures.Model {
        @Override public Tensor target(Tensor x, Rng rng) { return Vae.this.target(x, rng); }

        @Override public @Nullable Tensor label(Batch batch) { return Vae.this.label(batch); }

        @Override public Posterior posterior(Tensor target, @Nullable Tensor label) { return Vae.this.posterior(target, label); }

        @Override public Tensor nll(Tensor z, Tensor target, @Nullable Tensor label) {
            return Vae.this.nll(decoder.forward(z, label), target);
        }

        @Override public Tensor reconstruct(Tensor x, @Nullable Tensor label) {
            return mean(decoder.forward(Vae.this.posterior(grey(x), label).mu(), label));
        }
    }

    /** [B,planes D] to pictures of {@code planes} times as many channels, or to points. */
    private Tensor planar(Tensor out, int planes) {
        long[] shape = LongStream.concat(LongStream.of(out.size(0)), LongStream.of(data.shape())).toArray();
        shape[1] *= planes;
        return out.reshape(shape);
    }

    private static void check(String name, Tensor x, long[] shape) {
        long[] got = x.shape();
        if (got.length == shape.length + 1 && Arrays.equals(shape, Arrays.copyOfRange(got, 1, got.length))) return;
        throw new ArgumentException(name + " wants [B," + LongStream.of(shape).mapToObj(Long::toString)
            .collect(Collectors.joining(",")) + "], got " + Arrays.toString(got).replace(" ", ""));
    }

    private static void check(Config config, DataSpec data) {
        if (!(data instanceof ImageSpec) && !(config.decoder instanceof Decoder.Gaussian)) {
            throw new ArgumentException("vae with decoder=" + config.decoder.getClass().getSimpleName().toLowerCase(Locale.ROOT)
                + " wants pictures, got " + data + "; decoder=gaussian takes points");
        }
        if (config.conditional && data.classes() == 0) {
            throw new ArgumentException("vae with conditional=true wants labelled data, got " + data);
        }
        if (config.net instanceof AutoencoderNet.Kl net) check(config, net, data);
    }

    /** AutoencoderKL has no classes, and its decoder's output is the picture itself, from -1 to 1. */
    private static void check(Config config, AutoencoderNet.Kl net, DataSpec data) {
        if (!(data instanceof ImageSpec image)) throw new ArgumentException("vae with net=kl wants pictures, got " + data);
        int step = 1 << net.channels().size() - 1;
        if (image.height() % step != 0 || image.width() % step != 0) {
            throw new ArgumentException("vae with net=kl and " + net.channels().size()
                + " levels of channels wants sides that are multiples of " + step + ", got " + image + "; " + image.sizes(step, step));
        }
        if (!(config.decoder instanceof Decoder.Gaussian)) {
            throw new ArgumentException("vae with net=kl wants decoder=gaussian, got decoder="
                + config.decoder.getClass().getSimpleName().toLowerCase(Locale.ROOT));
        }
        if (config.conditional) throw new ArgumentException("vae with net=kl takes no conditional=true; net=conv does");
    }

    /** An AutoencoderKL whose scaling factor makes the deviation of codes 1, as in Rombach et al. 2022, appendix G. */
    @Override public String export(FolderDraft folder, Iterable<Batch> train, Rng rng) {
        if (autoencoder == null) {
            throw new ArgumentException("a vae with net=" + config.net.getClass().getSimpleName().toLowerCase(Locale.ROOT)
                + " is no network of diffusers; one with net=kl is");
        }
        double sum = 0, squares = 0;
        long n = 0;
        for (Batch batch : train) {
            try (Scope scope = new Scope()) {
                Tensor z = autoencoder.encode(batch.x()).sample(rng.at(n)).to(DType.F64);
                sum += z.sum().item();   // waits for the device
                squares += z.square().sum().item();
                n += z.numel();
            }
        }
        double mean = sum / n;
        ObjectNode json = autoencoder.config().toJson().put("scaling_factor", 1 / Math.sqrt(squares / n - mean * mean));
        folder.network("", json, autoencoder.state());
        return """
            from diffusers import AutoencoderKL

            vae = AutoencoderKL.from_pretrained("DIR")
            z = vae.encode(pictures).latent_dist.sample() * vae.config.scaling_factor   # pictures [B,C,H,W] from -1 to 1
            pictures = vae.decode(z / vae.config.scaling_factor).sample
            """;
    }
}
