package io.palitra.model;

import io.palitra.data.Batch;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Loss;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * What is measured of a variational autoencoder: the terms of its ELBO (Kingma and Welling 2014, arXiv:1312.6114, eq. 3) and the
 * importance-sampled likelihood (Burda et al. 2016, arXiv:1509.00519, eq. 8), in nats. The prior is N(0, I).
 */
public final class VariationalMeasures {
    /** q(z|x) = N(mu, diag exp logVar), [B,Z] each. */
    public record Posterior(Tensor mu, Tensor logVar) {}

    /** The model. Classes are one-hot [B,classes], or null where it has none. */
    public interface Model {
        /** What the decoder is to explain: x [B, ...data shape] itself, or pixels drawn black or white. */
        Tensor target(Tensor x, Rng rng);

        @Nullable Tensor label(Batch batch);

        Posterior posterior(Tensor target, @Nullable Tensor label);

        /** -log p(target|z) in nats, [B]. z [B,Z]. */
        Tensor nll(Tensor z, Tensor target, @Nullable Tensor label);

        /** The decoder's mean from the mean of q(z|x), in data units. */
        Tensor reconstruct(Tensor x, @Nullable Tensor label);
    }

    /**
     * What is measured, and the words for it.
     *
     * @param dims    numbers of an item
     * @param image   whether items are pictures in -1..1
     * @param counted what log p(x) counts, such as "256 grey values"; empty where the loss is no bound of a likelihood
     * @param bits    whether x has 256 levels, so that bits a dimension are defined
     * @param byClass whether the class is given
     * @param scored  numbers of data, at most, whose likelihood is importance-sampled
     */
    public record Report(long dims, boolean image, String unit, String counted, boolean bits, boolean byClass, long scored) {}

    /** Importance samples of a measured likelihood. */
    private static final int DRAWS = 500;
    /** Importance samples drawn at once. */
    private static final int DRAWN = 10;
    /** Numbers of data decoded at once. */
    private static final int AT_ONCE = 1 << 20;

    private VariationalMeasures() {}

    /**
     * log 1/K sum_k p(x|z_k) p(z_k) / q(z_k|x), z_k ~ q(z|x), in nats, [B]: a bound that rises with K to log p(x); K = 1 is the ELBO.
     *
     * @param draws K
     */
    public static Tensor logProb(Model model, Tensor target, @Nullable Tensor label, int draws, Rng rng) {
        long dims = LongStream.of(target.shape()).skip(1).reduce(1, (a, b) -> a * b);
        long items = target.size(0), atOnce = Math.max(1, AT_ONCE / (dims * DRAWN));
        return Scope.run(() -> {
            Posterior q = model.posterior(target, label);
            List<Tensor> weights = new ArrayList<>();
            for (int done = 0; done < draws; done += DRAWN) {
                int k = Math.min(DRAWN, draws - done);
                Tensor eps = rng.normal(items, k, q.mu.size(1)).to(target.device());
                List<Tensor> part = new ArrayList<>();
                for (long from = 0; from < items; from += atOnce) {
                    long first = from, n = Math.min(atOnce, items - from);
                    part.add(Scope.run(() -> logWeights(model, target.rows(first, n), label == null ? null : label.rows(first, n),
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
    private static Tensor logWeights(Model model, Tensor target, @Nullable Tensor label, Posterior q, Tensor eps) {
        long items = eps.size(0), latent = eps.size(2);
        int k = (int) eps.size(1);
        Tensor logVar = q.logVar.unsqueeze(1);
        Tensor z = q.mu.unsqueeze(1).add(logVar.mul(0.5).exp().mul(eps));   // [B,k,Z]
        Tensor prior = eps.square().add(logVar).sub(z.square()).sum(false, 2).mul(0.5);   // the terms with 2 pi cancel
        Tensor nll = model.nll(z.reshape(items * k, latent), repeat(target, k), label == null ? null : repeat(label, k));
        return prior.sub(nll.reshape(items, k));
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

    /** Of all batches, in one pass; one draw of z an item for the terms of the ELBO, 500 for the likelihood of the first items. */
    public static List<Measure> of(Model model, Report report, Iterable<Batch> test, Rng rng) {
        boolean bound = !report.counted.isEmpty();
        double recon = 0, kl = 0, log = 0, error = 0;
        long items = 0, scored = 0, latent = 0, mostScored = Math.max(1, report.scored / report.dims);
        for (Batch batch : test) {
            try (Scope scope = new Scope()) {
                Rng own = rng.at(items);
                Tensor target = model.target(batch.x(), own), label = model.label(batch);
                Posterior q = model.posterior(target, label);
                latent = q.mu.size(1);
                Tensor z = q.mu.add(q.logVar.mul(0.5).exp().mul(own.normalLike(q.mu)));
                recon += model.nll(z, target, label).sum().item();   // waits for the device
                kl += Loss.gaussianKl(q.mu, q.logVar).sum().item();
                error += model.reconstruct(batch.x(), label).sub(batch.x()).square().meanPerItem().sum().item();
                int scores = (int) Math.min(batch.size(), mostScored - scored);
                if (bound && scores > 0) {
                    Tensor labels = label == null ? null : label.rows(0, scores);
                    log += logProb(model, target.rows(0, scores), labels, DRAWS, own).sum().item();
                    scored += scores;
                }
                items += batch.size();
            }
        }
        double n = items;
        String given = report.byClass ? ", class given" : "", of = ", " + items + " items" + given;
        List<Measure> measures = new ArrayList<>();
        if (bound) {
            measures.add(new Measure("-ELBO", (recon + kl) / n, "nats", "one draw an item, " + report.counted + of));
            String first = scored < items ? ", the first " + scored + " items" + given : of;
            measures.add(new Measure("-log p", -log / scored, "nats",
                "importance-sampled, K = " + DRAWS + ", an upper bound; " + report.counted + first));
            if (report.bits) {
                measures.add(new Measure("bits/dim", -log / scored / report.dims / Math.log(2), "bits/dim", "of -log p" + first));
            }
        }
        measures.add(new Measure("KL", kl / n, "nats", "of q(z|x) to the prior, summed over " + latent + " latents" + of));
        // pictures lie in -1..1: a quarter of the square is that of 0..1
        measures.add(new Measure("reconstruction error", error / n * (report.image ? 0.25 : 1),
            report.image ? "pixel^2, range 0..1" : report.unit + ", squared",
            "mean square over " + (report.image ? "pixels" : "numbers") + ", from the mean of q" + of
            + (bound ? "" : "; trained by cross-entropy on grey pixels, which is no likelihood: no nats")));
        return measures;
    }
}
