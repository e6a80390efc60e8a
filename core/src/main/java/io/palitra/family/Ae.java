package io.palitra.family;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Build;
import io.palitra.model.Denoising;
import io.palitra.model.Encoder;
import io.palitra.model.Evaluates;
import io.palitra.model.Family;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Losses;
import io.palitra.model.LrSchedule;
import io.palitra.model.Measure;
import io.palitra.model.Recipe;
import io.palitra.model.Step;
import io.palitra.model.Update;
import io.palitra.nn.Module;
import io.palitra.stage.AutoencoderNet;
import io.palitra.stage.GaussianMixture;
import io.palitra.stage.MirrorNet;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Autoencoder: a code z = e(x) of few numbers from which x' = d(z) restores x. Trained on spoilt items x~ it learns to clean them: the loss
 * is always against the clean x. Samples are decoded from a mixture of normals fitted to the codes.
 * Hinton and Salakhutdinov 2006; denoising: Vincent et al. 2010, section 4.1; mixture: Ghosh et al. 2020, arXiv:1903.12436, section 4.
 */
public final class Ae extends Module implements GenerativeModel<Ae.Sampling>, Encoder, Evaluates, Denoising {
    /** How far x' is from x, mean over the numbers of an item. MSE: (x'-x)^2; BCE: cross-entropy of pixels in 0..1, nats. */
    public enum Distance { MSE, BCE }

    /** How training spoils items. */
    public sealed interface Corruption permits Corruption.None, Corruption.Gaussian, Corruption.Dropout {
        record None() implements Corruption {}

        /** x~ = clip(x + sigma n, 0, 1) with n ~ N(0,1), pixels in 0..1; points are not clipped. */
        record Gaussian(@Help(value = "standard deviation, pixels in 0..1 (points: data units)", min = 0, max = 100) double sigma)
                implements Corruption {
            public Gaussian() { this(0.5); }
        }

        /** Numbers set to 0 (black), each with probability p. */
        record Dropout(@Help(value = "share of numbers set to 0 (black)", min = 0, max = 1) double p) implements Corruption {
            public Dropout() { this(0.5); }
        }
    }

    /** What the model is. */
    public record Config(
            @Help("layers of encoder and decoder") AutoencoderNet net,
            @Help(value = "size of the code", min = 1, max = 512) int latent,
            @Help("how a result is compared with the clean item; bce wants pictures") Distance loss,
            @Help("how training spoils items before the encoder sees them") Corruption noise,
            @Help(value = "weight of mean |z| in the loss", min = 0) double l1,
            @Help(value = "weight of the sum of squared weights in the loss", min = 0) double l2) {}

    /** How samples are drawn. */
    public record Sampling(
            @Help(value = "factor of the deviations of each normal of the mixture", min = 0, max = 10) double temperature) {}

    public static final Family<Config> FAMILY = new Family<>("ae", "Autoencoder: a short code that restores, or cleans, its item",
        "Hinton and Salakhutdinov 2006; Vincent et al. 2010",
        new Config(new AutoencoderNet.Mlp(), 32, Distance.MSE, new Corruption.None(), 0, 0),
        Recipe.of(10, 128, new OptimizerSpec.Adam()).withSchedule(new LrSchedule.Cosine()), new Sampling(1),
        Family.Builder.of(Ae.class, Ae::new))
        .learns(Family.Kind.PICTURES, Family.Kind.POINTS)
        .tiny("latent=4", "net.hidden=32");

    /** Items whose codes the mixture is fitted to. */
    private static final int FITTED = 10_000;

    private final Config config;
    private final boolean image;
    private final String unit;   // of the numbers of an item
    private final MirrorNet encoder;
    private final MirrorNet decoder;
    private final GaussianMixture mixture;

    Ae(Config config, Build with) {
        DataSpec data = with.data();
        Rng init = with.init();
        this.config = config;
        image = data instanceof ImageSpec;
        unit = data.unit();
        if (!image && config.loss == Distance.BCE) {
            throw new ArgumentException("ae with loss=bce wants pictures, got " + data + "; loss=mse takes points");
        }
        encoder = child("encoder", MirrorNet.encoder("ae", config.net, data, 0, config.latent, init.split(0)));
        decoder = child("decoder", MirrorNet.decoder("ae", config.net, config.latent, 0, data, 1, init.split(1)));
        mixture = child("mixture", new GaussianMixture(config.latent));
    }

    /** Pixels in 0..1; points as they are. */
    private Tensor unit(Tensor x) { return image ? x.add(1).mul(0.5) : x; }

    @Override public Module net() { return this; }

    @Override public List<Update> updates() { return List.of(new Update("reconstruction", this, this::loss)); }

    @Override public Optional<Update> tested() { return Optional.of(updates().get(0)); }

    private Losses loss(Batch batch, Step step) {
        Rng rng = step.rng();
        Tensor clean = unit(batch.x());
        Tensor z = encode(corrupt(batch.x(), rng));
        Tensor out = decoder.forward(z, null);
        boolean bce = config.loss == Distance.BCE;
        Tensor distance = bce ? Torch.bceWithLogits(out, clean).mean() : (image ? out.sigmoid() : out).sub(clean).square().mean();
        Tensor total = distance;
        if (config.l1 > 0) total = total.add(z.abs().mean().mul(config.l1));
        if (config.l2 > 0) {
            for (Map.Entry<String, Tensor> p : parameters().entrySet()) {
                if (p.getKey().endsWith("weight") && p.getValue().dims() > 1) total = total.add(p.getValue().square().sum().mul(config.l2));
            }
        }
        return Losses.of(total).with(bce ? "bce" : "mse", distance);
    }

    private String spoilt() {
        if (config.noise instanceof Corruption.Gaussian g) return "noise of sigma " + g.sigma;
        return config.noise instanceof Corruption.Dropout d ? "numbers set to 0 with probability " + d.p : "nothing";
    }

    @Override public boolean corrupts() { return !(config.noise instanceof Corruption.None); }

    @Override public Tensor corrupt(Tensor x, Rng rng) {
        if (config.noise instanceof Corruption.Gaussian g) {
            return image ? x.add(rng.normalLike(x).mul(2 * g.sigma)).clamp(-1, 1) : x.add(rng.normalLike(x).mul(g.sigma));
        }
        if (config.noise instanceof Corruption.Dropout d) return x.maskedFill(rng.uniformLike(x).lt(d.p), image ? -1 : 0);
        return x;
    }

    @Override public Tensor encode(Tensor x) { return encoder.forward(unit(x), null); }

    @Override public Tensor decode(Tensor z) {
        Tensor out = decoder.forward(z, null);
        return image ? out.sigmoid().mul(2).sub(1) : out;
    }

    @Override public boolean normalPrior() { return false; }

    /** Codes from the mixture. */
    @Override public Tensor prior(int n, Rng rng) { return mixture.sample(n, 1, rng); }

    @Override public Sampling samplingDefaults() { return new Sampling(1); }

    @Override public Tensor sample(Sampling how, Condition given, int count, Rng rng) {
        return decode(mixture.sample(count, how.temperature, rng));
    }

    /** Fits the mixture to the codes of the first 10,000 items. */
    @Override public void settle(Iterable<Batch> train, Rng rng) {
        float[] codes = new float[FITTED * config.latent];
        int items = 0;
        for (Batch batch : train) {   // to its end, also when there are codes enough: then a loader frees its last batch
            try (Scope scope = new Scope()) {
                int more = (int) Math.min(batch.size(), FITTED - items);
                if (more > 0) System.arraycopy(encode(batch.x()).floats(), 0, codes, items * config.latent, more * config.latent);
                items += more;
            }
        }
        if (items == 0) return;
        try (Scope scope = new Scope()) {
            mixture.fit(Torch.of(Arrays.copyOf(codes, items * config.latent), items, config.latent), rng);
        }
    }

    @Override public List<Measure> evaluate(Iterable<Batch> test, Rng rng) {
        double error = 0, decibels = 0, noisyDecibels = 0;
        long items = 0;
        for (Batch batch : test) {
            try (Scope scope = new Scope()) {
                Tensor x = unit(batch.x()), seen = corrupt(batch.x(), rng.at(items));
                Tensor each = unit(reconstruct(seen)).sub(x).square().meanPerItem();   // [B]
                error += each.sum().item();   // waits for the device
                decibels += psnr(each);
                noisyDecibels += psnr(unit(seen).sub(x).square().meanPerItem());
                items += batch.size();
            }
        }
        String of = items + " items" + (corrupts() ? ", spoilt by " + spoilt() : "");
        List<Measure> measures = new ArrayList<>();
        measures.add(new Measure("MSE", error / items, image ? "pixel^2, range 0..1" : unit + ", squared",
            "mean over " + (image ? "pixels" : "numbers") + " of the result against the clean item, " + of));
        if (image) {
            measures.add(new Measure("PSNR", decibels / items, "dB", "result against the clean item, mean over items, " + of));
            if (corrupts()) {
                measures.add(new Measure("PSNR spoilt", noisyDecibels / items, "dB", "what the encoder saw against the clean item, " + of));
                double gain = (decibels - noisyDecibels) / items;
                measures.add(new Measure("PSNR gain", gain, "dB", "of the result over what the encoder saw, " + of));
            }
        }
        return measures;
    }

    /** Sum over items of 10 log10(1 / mse), pixels in 0..1; an error below half a grey level of a byte squared counts as that. */
    private static double psnr(Tensor mse) {
        return mse.clampMin(0.25 / (255 * 255)).log().sum().item() * -10 / Math.log(10);
    }
}
