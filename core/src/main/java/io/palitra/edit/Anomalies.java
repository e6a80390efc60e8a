package io.palitra.edit;

import io.palitra.config.ArgumentException;
import io.palitra.data.Batch;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Energy;
import io.palitra.model.Likelihood;
import io.palitra.model.Reconstructs;
import io.palitra.model.Trainable;
import java.util.Arrays;
import java.util.Optional;

/** How strange items are to a model that was trained on normal ones: the higher a score, the stranger. */
public final class Anomalies {
    /** What is measured of an item. */
    public record Score(String name, String unit) {}

    private Anomalies() {}

    /**
     * What a model measures: -log p or its bound, else its energy, else the error of its reconstruction.
     *
     * @throws IllegalArgumentException for a model that has none of these
     */
    public static Score score(Trainable model) {
        Optional<Likelihood> likelihood = model.as(Likelihood.class);
        if (likelihood.isPresent()) return new Score(likelihood.get().exact() ? "-log p" : "-log p, a bound", "nats");
        if (model.as(Energy.class).isPresent()) return new Score("energy", "nats, up to a constant");
        if (model.as(Reconstructs.class).isPresent()) {
            return new Score("reconstruction error", "mean square over the item's numbers, data range -1..1");
        }
        throw new ArgumentException("this model scores no items: it has no likelihood, no energy and no reconstruction; ae, vae, "
            + "vqvae, vqgan, pixelcnn, realnvp, ebm, diffusion and classifier have one");
    }

    /** The scores of all items in order; a pure function of the model, the items and rng. Waits for the device. */
    public static double[] scores(Trainable model, Iterable<Batch> items, Rng rng) {
        score(model);
        double[] all = new double[1024];
        int n = 0;
        try (Guard g = Torch.noGrad()) {
            for (Batch batch : items) {
                try (Scope scope = new Scope()) {
                    double[] own = scores(model, batch.x(), rng.at(n)).to(DType.F64).doubles();
                    if (n + own.length > all.length) all = Arrays.copyOf(all, Math.max(2 * all.length, n + own.length));
                    System.arraycopy(own, 0, all, n, own.length);
                    n += own.length;
                }
            }
        }
        return Arrays.copyOf(all, n);
    }

    private static Tensor scores(Trainable model, Tensor x, Rng rng) {
        Optional<Likelihood> likelihood = model.as(Likelihood.class);
        if (likelihood.isPresent()) return likelihood.get().logProb(x, rng).neg();
        Optional<Energy> energy = model.as(Energy.class);
        if (energy.isPresent()) return energy.get().energy(x);
        return model.as(Reconstructs.class).orElseThrow().reconstruct(x).sub(x).square().meanPerItem();
    }

    /**
     * The score that the share {@code quantile} of normal items stays at or below: what lies above it is called strange.
     *
     * @throws IllegalArgumentException if there are no normal scores, or the quantile is not within 0..1
     */
    public static double threshold(double[] normal, double quantile) {
        if (normal.length == 0) throw new ArgumentException("a threshold wants scores of normal items, got none");
        if (!(quantile >= 0 && quantile <= 1)) {
            throw new ArgumentException("illegal quantile: " + quantile + ", must be between 0 and 1");
        }
        double[] sorted = normal.clone();
        Arrays.sort(sorted);
        return sorted[(int) Math.min(sorted.length - 1, Math.max(0, Math.ceil(quantile * sorted.length) - 1))];
    }
}
