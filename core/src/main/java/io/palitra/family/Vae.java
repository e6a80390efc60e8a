package io.palitra.family;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Help;
import io.palitra.data.Batch;
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
import io.palitra.model.DiffusersExport;
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
import io.palitra.net.AutoencoderKl;
import io.palitra.nn.Loss;
import io.palitra.nn.Module;
import io.palitra.stage.AutoencoderNet;
import io.palitra.stage.MirrorNet;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Variational autoencoder: x ~ p(x|z), z ~ N(0, I), and q(z|x) = N(mu(x), diag exp logVar(x)), trained to raise the evidence lower bound
 * ELBO = E_q log p(x|z) - KL(q(z|x) || p(z)), in nats: summed over pixels and latents, mean over items.
 * Kingma and Welling 2014, arXiv:1312.6114; beta: Higgins et al. 2017; free bits: Kingma et al. 2016, arXiv:1606.04934; learned deviation:
 * Rybkin et al. 2021, arXiv:2006.13202; discretised logistic: Salimans et al. 2017, arXiv:1701.05517; skew-geometric Jensen-Shannon: Deasy
 * et al. 2020, arXiv:2006.10599; class-conditional: Sohn et al. 2015.
 *
 * <p>A conditional model's code is z followed by the one-hot class, [B,Z+classes]: encode finds the class of the highest ELBO, and the
 * likelihood sums over classes, each as likely as the other.
 */
public final class Vae extends Module implements GenerativeModel<Vae.Sampling>, Encoder, Likelihood, Evaluates, DiffusersExport {
    /** What x given z is. */
    public sealed interface Decoder {
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
    public sealed interface Divergence {
        record Kl() implements Divergence {}

        /** Skew-geometric Jensen-Shannon divergence: the objective is then no bound of log p(x). */
        record Gjs(@Help(value = "skew of the geometric mean: 0 near q, 1 near the prior", min = 0, max = 1) double alpha)
                implements Divergence {
            public Gjs() { this(0.5); }
        }
    }

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
            @Help(value = "standard deviation of the codes drawn; 1 is the prior", min = 0, max = 10) double temperature,
            @Help(value = "class, -1 for any", min = -1) int label) {}

    public static final Family<Config> FAMILY = new Family<>("vae", "Variational autoencoder: codes that are standard normal",
        "Kingma and Welling 2014, arXiv:1312.6114",
        new Config(new AutoencoderNet.Mlp(), 20, new Decoder.Bernoulli(), new Divergence.Kl(), 1, 0, 0, false),
        Recipe.of(20, 128, new OptimizerSpec.Adam(1e-3, 0.9, 0.999, 1e-8)).withSchedule(new LrSchedule.Cosine()),
        new Sampling(1, -1), Vae::new)
        .tiny("latent=4", "net.hidden=32");

    /** Importance samples of a measured likelihood. */
    private static final int DRAWS = 500;
    /** Numbers of data whose likelihood is measured: 10,000 items of 28x28, fewer larger ones, since each is decoded 500 times. */
    private static final long SCORED = 7_840_000;
    /** The same with net=kl, whose decoder is slow: it has residual blocks at full resolution. 100 items of 28x28. */
    private static final long SCORED_KL = SCORED / 100;
    /** Importance samples of {@link #logProb}. */
    private static final int QUICK_DRAWS = 64;
    /** Importance samples drawn at once. */
    private static final int DRAWN = 10;
    /** Numbers of data decoded at once. */
    private static final int AT_ONCE = 1 << 20;

    private final Config config;
    private final DataSpec data;
    private final int classes;
    /** Numbers of a code, Z. */
    private final int latent;
    private final @Nullable AutoencoderKl autoencoder;
    private final MirrorNet encoder;
    private final MirrorNet decoder;
    /** Of a Gaussian decoder: log of the standard deviation, 0-d. */
    private final @Nullable Tensor logDeviation;

    Vae(Config config, Build with) {
        DataSpec data = with.data();
        Rng init = with.init();
        boolean image = data instanceof ImageSpec;
        if (!image && !(config.decoder instanceof Decoder.Gaussian)) {
            throw new IllegalArgumentException("vae with decoder=" + config.decoder.getClass().getSimpleName().toLowerCase(Locale.ROOT)
                + " wants pictures, got " + data + "; decoder=gaussian takes points");
        }
        if (config.conditional && data.classes() == 0) {
            throw new IllegalArgumentException("vae with conditional=true wants labelled data, got " + data);
        }
        this.config = config;
        this.data = data;
        classes = config.conditional ? data.classes() : 0;
        if (config.net instanceof AutoencoderNet.Kl net) {
            ImageSpec pictures = pictures(net);
            autoencoder = child("autoencoder", new AutoencoderKl(net.autoencoder(pictures, config.latent), init));
            int factor = autoencoder.config().coder().factor(), h = pictures.height() / factor, w = pictures.width() / factor;
            latent = config.latent * h * w;
            encoder = MirrorNet.encoder("vae", autoencoder, pictures);
            decoder = MirrorNet.decoder("vae", autoencoder, config.latent, h, w);
        } else {
            autoencoder = null;
            latent = config.latent;
            encoder = child("encoder", MirrorNet.encoder("vae", config.net, data, classes, 2 * latent, init.split(0)));
            int planes = config.decoder instanceof Decoder.Logistic ? 2 : 1;
            decoder = child("decoder", MirrorNet.decoder("vae", config.net, latent, classes, data, planes, init.split(1)));
        }
        if (config.decoder instanceof Decoder.Gaussian g) {
            Tensor log = Torch.full(Math.log(g.deviation));
            logDeviation = g.learned ? parameter("logDeviation", log) : buffer("logDeviation", log);
        } else {
            logDeviation = null;
        }
    }

    /** Refuses what AutoencoderKL is not: it knows no classes, and what it decodes is the picture itself, from -1 to 1. */
    private ImageSpec pictures(AutoencoderNet.Kl net) {
        if (!(data instanceof ImageSpec image)) throw new IllegalArgumentException("vae with net=kl wants pictures, got " + data);
        int step = 1 << net.channels().size() - 1;
        if (image.height() % step != 0 || image.width() % step != 0) {
            throw new IllegalArgumentException("vae with net=kl and " + net.channels().size()
                + " levels of channels wants sides that are multiples of " + step + ", got " + image);
        }
        if (!(config.decoder instanceof Decoder.Gaussian)) {
            throw new IllegalArgumentException("vae with net=kl wants decoder=gaussian, got decoder="
                + config.decoder.getClass().getSimpleName().toLowerCase(Locale.ROOT));
        }
        if (config.conditional) throw new IllegalArgumentException("vae with net=kl takes no conditional=true; net=conv does");
        return image;
    }

    /** q(z|x): mu and logVar [B,Z]. */
    private record Posterior(Tensor mu, Tensor logVar) {
        Tensor draw(Tensor eps) { return mu.add(logVar.mul(0.5).exp().mul(eps)); }

        /** KL to N(0, I) in nats, [B]. */
        Tensor kl() { return Loss.gaussianKl(mu, logVar); }
    }

    private Posterior posterior(Tensor target, @Nullable Tensor label) {
        Tensor[] q = encoder.forward(target, label).chunk(2, 1);   // [B,2Z] -> 2 x [B,Z]
        return new Posterior(q[0], q[1].clamp(-30, 20));   // a variance that overflows would end the run
    }

    /** What the decoder is to explain: pixels in 0..1 or black and white for Bernoulli, else the data as they are. */
    Tensor target(Tensor x, Rng rng) {
        if (!(config.decoder instanceof Decoder.Bernoulli b)) return x;
        Tensor p = grey(x);
        return b.binarise == Binarise.DYNAMIC ? rng.uniformLike(p).lt(p).to(p.dtype()) : p;
    }

    /** What the encoder sees outside of training: pixels in 0..1 for Bernoulli, else the data as they are. */
    private Tensor grey(Tensor x) { return config.decoder instanceof Decoder.Bernoulli ? x.add(1).mul(0.5) : x; }

    /** -log p(target|z) in nats, [B], from the decoder's output. */
    private Tensor nll(Tensor out, Tensor target) {
        if (logDeviation != null) return Loss.gaussianNll(target, out, logDeviation.mul(2));
        if (config.decoder instanceof Decoder.Bernoulli) return Loss.bceWithLogits(out, target);
        Tensor[] p = out.chunk(2, 1);   // [B,2C,H,W] -> mean, log scale: [B,C,H,W] each
        return Loss.discretizedLogisticNll(target, p[0], p[1]);
    }

    /** The mean of p(x|z) in the range of the data. */
    private Tensor mean(Tensor out) {
        if (config.decoder instanceof Decoder.Bernoulli) return out.sigmoid().mul(2).sub(1);
        Tensor mean = config.decoder instanceof Decoder.Logistic ? out.chunk(2, 1)[0] : out;
        return data instanceof ImageSpec ? mean.clamp(-1, 1) : mean;
    }

    @Override public Module net() { return this; }

    @Override public List<Update> updates() { return List.of(new Update("elbo", this, this::loss)); }

    private Losses loss(Batch batch, Rng rng) {
        Tensor target = target(batch.x(), rng), label = label(batch);
        Posterior q = posterior(target, label);
        Tensor z = q.draw(rng.normalLike(q.mu));
        Tensor recon = nll(decoder.forward(z, label), target).mean();
        Tensor mu = q.mu.reshape(-1, 1), logVar = q.logVar.reshape(-1, 1);   // [BZ,1]: a divergence for each latent
        Tensor each = config.divergence instanceof Divergence.Gjs g ? Loss.skewJensenShannon(mu, logVar, g.alpha)
            : Loss.gaussianKl(mu, logVar);
        Tensor perLatent = each.reshape(-1, latent).mean(false, 0);   // [Z]
        Tensor divergence = perLatent.sum();
        Tensor held = config.freeBits > 0 ? perLatent.clampMin(config.freeBits).sum() : divergence;
        double warm = config.klWarmup > 0 ? Math.min(1, (batch.step() + 1) / (double) config.klWarmup) : 1;
        return Losses.of(recon.add(held.mul(config.beta * warm))).with("recon", recon)
            .with(config.divergence instanceof Divergence.Gjs ? "gjs" : "kl", divergence);
    }

    /** One-hot [B,classes]; null where the model has none. */
    private @Nullable Tensor label(Batch batch) {
        return classes > 0 ? Torch.oneHot(batch.labels("vae with conditional=true"), classes) : null;
    }

    /** One-hot [B,classes] of one class for all. */
    private Tensor label(int c, Tensor x) {
        return Torch.oneHot(Torch.full(c, x.size(0)).to(DType.I64), classes).to(x.device());
    }

    @Override public Sampling samplingDefaults() { return new Sampling(1, -1); }

    @Override public int classes() { return classes; }

    @Override public int classOf(Sampling how) { return how.label; }

    @Override public Sampling ofClass(Sampling how, int label) {
        GenerativeModel.checkLabel(label, classes);
        return new Sampling(how.temperature, label);
    }

    @Override public Tensor sample(Sampling how, int count, Rng rng) {
        GenerativeModel.checkLabel(how.label, classes);
        Tensor z = rng.normal(count, latent).mul(how.temperature);
        if (classes == 0) return mean(decoder.forward(z, null));
        Tensor label = how.label >= 0 ? label(how.label, z) : Torch.oneHot(rng.integers(classes, count), classes);
        return mean(decoder.forward(z, label));
    }

    @Override public boolean normalPrior() { return classes == 0; }

    @Override public Tensor prior(int n, Rng rng) {
        Tensor z = rng.normal(n, latent);
        return classes == 0 ? z : Torch.cat(1, z, Torch.oneHot(rng.integers(classes, n), classes));
    }

    @Override public Tensor decode(Tensor z) {
        if (classes == 0) return mean(decoder.forward(z, null));
        if (z.dims() != 2 || z.size(1) != latent + classes) {
            throw new IllegalArgumentException("vae with conditional=true wants codes B×" + (latent + classes)
                + ", z and one-hot class, got " + z);
        }
        return mean(decoder.forward(z.narrow(1, 0, latent), z.narrow(1, latent, classes)));
    }

    /** The mean of q(z|x), from grey values. */
    @Override public Tensor encode(Tensor x) {
        Tensor grey = grey(x);
        if (classes == 0) return posterior(grey, null).mu;
        List<Tensor> codes = new ArrayList<>(), bounds = new ArrayList<>();
        for (int c = 0; c < classes; c++) {
            Tensor label = label(c, x);
            Posterior q = posterior(grey, label);
            codes.add(Torch.cat(1, q.mu, label));
            bounds.add(nll(decoder.forward(q.mu, label), grey).add(q.kl()));
        }
        Tensor best = Torch.stack(1, bounds).neg().argmax(1).reshape(-1, 1, 1).expand(x.size(0), 1, latent + classes);
        return Torch.stack(1, codes).gather(1, best).squeeze(1);   // [B,classes,Z+classes] -> [B,Z+classes]
    }

    @Override public boolean exact() { return false; }

    /** The importance-sampled bound of 64 draws (Burda et al. 2016, arXiv:1509.00519); pixels are made black or white by rng. */
    @Override public Tensor logProb(Tensor x, Rng rng) {
        if (!bounded()) {
            throw new IllegalArgumentException("a Vae with decoder.binarise=none has no likelihood: cross-entropy on grey pixels is none; "
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

    /** log 1/K sum_k p(x|z_k) p(z_k) / q(z_k|x), z_k ~ q(z|x), in nats, [B]: a bound that rises with K to log p(x). */
    Tensor importance(Tensor target, @Nullable Tensor label, int draws, Rng rng) {
        long items = target.size(0), atOnce = Math.max(1, AT_ONCE / (data.dims() * DRAWN));
        return Scope.run(() -> {
            Posterior q = posterior(target, label);
            List<Tensor> weights = new ArrayList<>();
            for (int done = 0; done < draws; done += DRAWN) {
                int k = Math.min(DRAWN, draws - done);
                Tensor eps = rng.normal(items, k, latent).to(target.device());
                List<Tensor> part = new ArrayList<>();
                for (long from = 0; from < items; from += atOnce) {
                    long first = from, n = Math.min(atOnce, items - from);
                    part.add(Scope.run(() -> logWeights(target.rows(first, n), label == null ? null : label.rows(first, n),
                        new Posterior(q.mu.rows(first, n), q.logVar.rows(first, n)), eps.rows(first, n))));
                }
                Tensor drawn = Torch.cat(0, part);   // [B,k]
                weights.add(drawn);
                Scope.turn(done / DRAWN, (draws + DRAWN - 1) / DRAWN, drawn);
            }
            return Torch.cat(1, weights).logSumExp(1).sub(Math.log(draws));
        });
    }

    /** log p(x|z) + log p(z) - log q(z|x) of z = mu + exp(logVar/2) eps in nats, [B,k]. eps [B,k,Z]. */
    private Tensor logWeights(Tensor target, @Nullable Tensor label, Posterior q, Tensor eps) {
        long items = eps.size(0);
        int k = (int) eps.size(1);
        Tensor logVar = q.logVar.unsqueeze(1);
        Tensor z = q.mu.unsqueeze(1).add(logVar.mul(0.5).exp().mul(eps));   // [B,k,Z]
        Tensor prior = eps.square().add(logVar).sub(z.square()).sum(false, 2).mul(0.5);   // the terms with 2 pi cancel
        Tensor out = decoder.forward(z.reshape(items * k, latent), label == null ? null : repeat(label, k));
        return prior.sub(nll(out, repeat(target, k)).reshape(items, k));
    }

    /** Each item k times in a row: [B,...] to [Bk,...]. */
    private static Tensor repeat(Tensor x, int k) {
        long[] shape = x.shape();
        long[] wide = new long[shape.length + 1];
        wide[0] = shape[0];
        wide[1] = k;
        System.arraycopy(shape, 1, wide, 2, shape.length - 1);
        shape[0] *= k;
        return x.unsqueeze(1).expand(wide).reshape(shape);
    }

    @Override public List<Measure> evaluate(Iterable<Batch> test, Rng rng) {
        double recon = 0, kl = 0, log = 0, error = 0;
        long items = 0, scored = 0, mostScored = Math.max(1, (autoencoder == null ? SCORED : SCORED_KL) / data.dims());
        for (Batch batch : test) {
            try (Scope scope = new Scope()) {
                Rng own = rng.at(items);
                Tensor target = target(batch.x(), own), label = label(batch);
                Posterior q = posterior(target, label);
                Tensor out = decoder.forward(q.draw(own.normalLike(q.mu)), label);
                recon += nll(out, target).sum().item();   // waits for the device
                kl += q.kl().sum().item();
                Tensor shown = mean(decoder.forward(posterior(grey(batch.x()), label).mu, label));
                error += shown.sub(batch.x()).square().meanPerItem().sum().item();
                int scores = (int) Math.min(batch.size(), mostScored - scored);
                if (bounded() && scores > 0) {
                    Tensor labels = label == null ? null : label.rows(0, scores);
                    log += importance(target.rows(0, scores), labels, DRAWS, own).sum().item();
                    scored += scores;
                }
                items += batch.size();
            }
        }
        double n = items;
        String of = ", " + items + " items" + (classes > 0 ? ", class given" : "");
        boolean image = data instanceof ImageSpec;
        List<Measure> measures = new ArrayList<>();
        if (bounded()) {
            String what = config.decoder instanceof Decoder.Bernoulli ? "pixels drawn black or white by their grey value"
                : config.decoder instanceof Decoder.Logistic ? "256 grey values"
                    : "density in data units, comparable only on the same data";
            measures.add(new Measure("-ELBO", (recon + kl) / n, "nats", "one draw an item, " + what + of));
            String first = scored < items ? ", the first " + scored + " items" + (classes > 0 ? ", class given" : "") : of;
            measures.add(new Measure("-log p", -log / scored, "nats",
                "importance-sampled, K = " + DRAWS + ", an upper bound; " + what + first));
            if (config.decoder instanceof Decoder.Logistic) {
                measures.add(new Measure("bits/dim", -log / scored / data.dims() / Math.log(2), "bits/dim", "of -log p" + first));
            }
        }
        measures.add(new Measure("KL", kl / n, "nats", "of q(z|x) to the prior, summed over " + latent + " latents" + of));
        // pictures lie in -1..1: a quarter of the square is that of 0..1
        measures.add(new Measure("reconstruction error", error / n * (image ? 0.25 : 1), image ? "pixel^2, range 0..1" : "data units^2",
            "mean square over " + (image ? "pixels" : "numbers") + ", from the mean of q" + of
            + (bounded() ? "" : "; trained by cross-entropy on grey pixels, which is no likelihood: no nats")));
        return measures;
    }

    /** An AutoencoderKL whose scaling factor makes the deviation of codes 1, as in Rombach et al. 2022, appendix G. */
    @Override public String export(FolderDraft folder, Iterable<Batch> train, Rng rng) {
        if (autoencoder == null) {
            throw new IllegalArgumentException("a Vae with net=" + config.net.getClass().getSimpleName().toLowerCase(Locale.ROOT)
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
