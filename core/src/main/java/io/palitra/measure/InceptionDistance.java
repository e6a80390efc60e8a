package io.palitra.measure;

import io.palitra.config.ArgumentException;
import io.palitra.data.Batch;
import io.palitra.data.DataLoader;
import io.palitra.data.ImageSpec;
import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.metric.Frechet;
import io.palitra.metric.Inception;
import io.palitra.metric.InceptionScore;
import io.palitra.metric.KernelDistance;
import io.palitra.metric.Moments;
import io.palitra.metric.Statistics;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Measure;
import io.palitra.net.InceptionV3;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/**
 * What the Inception network of the FID papers says: the Fréchet distance, the score, and beside data, not statistics, the kernel distance.
 * Memory does not grow with the number of samples.
 */
public final class InceptionDistance implements Measurement {
    /** Items of either side whose features are kept for the kernel distance. */
    private static final int KERNEL_OF = 2000;
    private static final int KERNEL_SUBSETS = 100;
    /** Beginning of the SHA-256 of the weights with which alone the distance is called FID. */
    private static final String PUBLISHED = "6726825d";

    @Override public boolean fits(Subject of) { return of.inception() != null; }

    @Override public void refuseUnfit(Subject of) {
        Subject.ByInception asked = Objects.requireNonNull(of.inception());
        if (!(of.test().spec() instanceof ImageSpec image) || image.channels() != 1 && image.channels() != 3) {
            throw new ArgumentException("Inception wants pictures of 1 or 3 channels, got " + of.test().spec());
        }
        if (of.as(GenerativeModel.class).isEmpty()) {
            throw new ArgumentException("'" + of.family() + "' draws no samples; Inception compares samples with pictures");
        }
        if (asked.reference() == null) return;
        long features = Statistics.read(asked.reference()).mean().size(0);
        if (features == InceptionV3.FEATURES) return;
        throw new ArgumentException(asked.reference() + " has statistics of " + features + " features, " + asked.network().name()
            + " has " + InceptionV3.FEATURES);
    }

    @Override public Measured of(Subject of) {
        Subject.ByInception asked = Objects.requireNonNull(of.inception());
        Inception network = asked.network();
        List<Tensor> some = new ArrayList<>(), others = new ArrayList<>();
        try (Moments data = new Moments(); Moments drawn = new Moments()) {
            InceptionScore score = new InceptionScore();
            long items = 0;
            if (asked.reference() == null || asked.write() != null) {
                Iterable<Batch> batches = DataLoader.inOrder(of.test(), Subject.DRAWN, of.test().size(), of.device());
                for (Batch batch : of.course().through("test items for Inception", batches, of.test().size())) {
                    try (Scope turn = new Scope()) { items = keep(network.features(batch.x()), data, others, items); }
                }
            }
            Statistics reference = asked.reference() == null ? Statistics.of(data) : Statistics.read(asked.reference());
            if (asked.write() != null) Statistics.of(data).write(asked.write());
            Samples source = new Samples(of, of.samples(), true);
            for (int first = 0; first < of.samples(); first += Subject.DRAWN) {
                try (Scope turn = new Scope()) {
                    Tensor features = network.features(source.draw(first, Math.min(Subject.DRAWN, of.samples() - first)).x());
                    score.add(network.scores(features));
                    keep(features, drawn, some, first);
                }
            }
            Tensor mean = drawn.mean();
            String against = asked.reference() == null ? items + " test items" : asked.reference().getFileName()
                + ", which says nothing of its network, resizing and count";
            String name = (network.name().endsWith(PUBLISHED) ? "FID" : "FD") + "-" + network.name() + ", n = " + of.samples();
            List<Measure> measures = new ArrayList<>();
            measures.add(new Measure(name, Frechet.distance(reference.mean(), reference.covariance(), mean, drawn.covariance()), "",
                "Fréchet distance of " + mean.size(0) + " features, against " + against));
            if (asked.reference() == null) {
                KernelDistance.Subsets k = KernelDistance.subsets(Torch.cat(0, others), Torch.cat(0, some), KERNEL_SUBSETS,
                    new Rng(Subject.SEED));
                measures.add(new Measure("KID-" + network.name(), k.mean(), "", String.format(Locale.ROOT, "mean of %d pairs of subsets "
                    + "of %,d, standard deviation %.3g", KERNEL_SUBSETS, k.size(), k.deviation())));
            }
            measures.add(new Measure("inception score-" + network.name(), score.score(), "", "of " + of.samples() + " samples as one set"));
            return new Measured(measures);
        } finally {
            some.forEach(Tensor::free);
            others.forEach(Tensor::free);
        }
    }

    /** Adds features to the moments, and to some where there are few yet. @return items so far */
    private static long keep(Tensor features, Moments moments, List<Tensor> some, long items) {
        Tensor f = features.to(Device.CPU);
        moments.add(f);
        if (items < KERNEL_OF) some.add(Scope.run(() -> f.copy()).retain());
        return items + f.size(0);
    }
}
