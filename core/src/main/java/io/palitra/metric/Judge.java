package io.palitra.metric;

import io.palitra.config.ArgumentException;
import io.palitra.data.Batch;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.ClassifierFeatures;
import io.palitra.model.Measure;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * Compares samples with test data through a classifier trained on that data, in one pass of each. Of all items sums are kept, and the
 * features of at most 2,000.
 *
 * @param net in evaluation mode, on the device of the items
 * @param name of data and network in the names of the measures: "mnist-classifier"
 * @param about what the network was trained on, for the text of the measures; empty to leave it out
 */
public record Judge(ClassifierFeatures net, String name, String about) {
    /** Most items of either side whose neighbours are looked up. */
    private static final int NEIGHBOURS_OF = 2000;
    /** Probability from which the classifier counts as sure of a class. */
    private static final double CONFIDENT = 0.8;
    /** Of these, the k of precision and recall; more items than that are needed. */
    public static final int NEIGHBOURS = 3;
    private static final int KERNEL_SUBSETS = 100;
    private static final int DIRECTIONS = 256;
    /** Samples between two calls of {@link Store#save}. */
    private static final int SAVED_AFTER = 1000;
    /** A class counts as covered from this part of its share of the data on. */
    private static final double COVERED = 0.1;

    /** Of subsets and directions; the same for every run, so that runs compare. */
    private static final long SEED = 7;

    /** A network whose training is not mentioned in the measures. */
    public Judge(ClassifierFeatures net, String name) { this(net, name, ""); }

    /** Whether items are of the kind that a judge compares: pictures. */
    public static boolean takes(DataSpec items) { return items instanceof ImageSpec; }

    /** Where samples come from. */
    @FunctionalInterface public interface Source {
        /** Samples first..first+count-1 [count, ...data shape]; labels hold the classes that were asked for, or null when none were. */
        Batch draw(int first, int count);
    }

    /** Keeps the state of an interrupted measurement, so that it can continue. */
    public interface Store {
        /** Keeps nothing. */
        Store NONE = new Store() {
            @Override public Map<String, Tensor> load() { return Map.of(); }

            @Override public void save(Map<String, Tensor> state) {}
        };

        /** What {@link #save} was last given; empty when there is nothing. */
        Map<String, Tensor> load();

        /** Called about every thousand samples. */
        void save(Map<String, Tensor> state);

        /** Called when the measurement is complete. */
        default void forget() {}
    }

    public List<Measure> measure(Iterable<Batch> real, Source samples, int n, int batch) {
        return measure(real, samples, n, batch, Store.NONE);
    }

    /**
     * Draws n samples, {@code batch} at a time, and takes the first n real items.
     *
     * @param store of the same network, source, n and batch
     * @throws IllegalArgumentException when features are not finite, or there are too few items to compare
     */
    public List<Measure> measure(Iterable<Batch> real, Source samples, int n, int batch, Store store) {
        if (n <= NEIGHBOURS) throw new ArgumentException("illegal n: " + n + ", must be more than " + NEIGHBOURS);
        if (batch < 1) throw new ArgumentException("illegal batch: " + batch + ", must be at least 1");
        try (Scope scope = new Scope();
                Guard g = Torch.noGrad();
                Side data = new Side("test data", n);
                Side drawn = new Side("samples", n)) {
            for (Batch b : real) {   // to its end, since that is when a stream frees its last batch
                if (data.seen < n) data.add(net, b, Math.min(n - data.seen, b.size()));
            }
            if (data.seen <= NEIGHBOURS) {
                throw new ArgumentException("the judge wants more than " + NEIGHBOURS + " test items, got " + data.seen);
            }
            drawn.restore(store.load());
            int saveEvery = Math.max(1, SAVED_AFTER / batch) * batch;
            for (int first = (int) drawn.seen; first < n; first += batch) {
                if (first > drawn.restored && first % saveEvery == 0) {
                    try (Scope turn = new Scope()) { store.save(drawn.state()); }
                }
                try (Scope turn = new Scope()) {
                    int count = Math.min(batch, n - first);
                    Batch b = samples.draw(first, count);
                    if (b.size() != count) throw new IllegalStateException("asked for " + count + " samples, got " + b.x());
                    drawn.add(net, b, count);
                }
            }
            return measures(data, drawn);
        }
    }

    private List<Measure> measures(Side data, Side drawn) {
        Tensor x = Torch.cat(0, data.some), y = Torch.cat(0, drawn.some);
        String n = words("%,d", drawn.seen), against = words("%,d samples against %,d test items", drawn.seen, data.seen);
        String few = words("%,d samples, %,d test items, k = %d", y.size(0), x.size(0), NEIGHBOURS);
        PrecisionRecall p = PrecisionRecall.of(x, y, NEIGHBOURS);
        List<Measure> out = new ArrayList<>();
        out.add(new Measure("FD-" + name + ", n = " + n, Frechet.distance(data.moments, drawn.moments), "",
            "Fréchet distance of " + x.size(1) + " features, " + against + "; not comparable with FID"));
        out.add(new Measure("KD-" + name, KernelDistance.squared(x, y), "",
            words("kernel distance of features, without bias, %,d samples against %,d test items; not comparable with KID", y.size(0),
                x.size(0))));
        KernelDistance.Subsets k = KernelDistance.subsets(x, y, KERNEL_SUBSETS, new Rng(SEED));
        out.add(new Measure("KD-" + name + ", subsets", k.mean(), "", words("the same as the mean of %d pairs of subsets of %,d; standard "
            + "deviation %.3g; not comparable with KID", KERNEL_SUBSETS, k.size(), k.deviation())));
        long both = Math.min(x.size(0), y.size(0));
        out.add(new Measure("SWD-" + name, SlicedWasserstein.distance(x.rows(0, both), y.rows(0, both), DIRECTIONS, new Rng(SEED)), "",
            words("sliced Wasserstein distance of features, %d directions, %,d of either side", DIRECTIONS, both)));
        out.add(new Measure("precision", p.precision(), "", "share of samples near data; " + few));
        out.add(new Measure("recall", p.recall(), "", "share of data near samples; " + few));
        out.add(new Measure("density", p.density(), "", "data that a sample lies near to, 1 for data itself; " + few));
        out.add(new Measure("coverage", p.coverage(), "", "share of data with a sample near by; " + few));
        out.add(new Measure("classifier score", drawn.score.score(), "",
            words("exp E KL(p(y|x) || p(y)), %.2f for the data, at most %d; not comparable with Inception's",
                data.score.score(), drawn.classes.length)));
        out.add(new Measure("confidence", 100 * drawn.confidence / drawn.seen, "%",
            words("mean probability of the likeliest class, %.1f for the data", 100 * data.confidence / data.seen)));
        out.add(new Measure("confident", 100.0 * drawn.confident / drawn.seen, "%", words(
            "share of samples whose likeliest class has a probability of %.1f or more, %.1f for the data", CONFIDENT,
            100.0 * data.confident / data.seen)));
        out.add(new Measure("smallest class", drawn.share(drawn.rarest()), "%", words("samples taken for class %d; all: %s; data: %s",
            drawn.rarest(), drawn.shares(), data.shares())));
        out.add(new Measure("classes covered", drawn.covered(data), "", words("of %d, those with at least %.0f %% of the data's share",
            drawn.classes.length, 100 * COVERED)));
        out.add(new Measure("diversity", apart(y) / apart(x), "", words("mean distance of two samples' features over that of two test "
            + "items; %,d samples, %,d test items", y.size(0), x.size(0))));
        if (drawn.asked > 0) {
            out.add(new Measure("asked class", 100.0 * drawn.obeyed / drawn.asked, "%",
                words("of %,d samples of a given class, those taken for it; of the data: %.1f", drawn.asked,
                    data.asked == 0 ? Double.NaN : 100.0 * data.obeyed / data.asked)));
        }
        if (about.isEmpty()) return out;
        return out.stream().map(m -> new Measure(m.name(), m.value(), m.unit(), m.about() + "; " + about)).toList();
    }

    /** Mean distance of two different rows. */
    private static double apart(Tensor x) {
        long n = x.size(0);
        return Scope.run(() -> Torch.cdist(x.to(DType.F64), x.to(DType.F64)).sum()).item() / (n * (n - 1.0));
    }

    private static String words(String format, Object... values) { return String.format(Locale.ROOT, format, values); }

    /** What is kept of one of the two streams. */
    private static final class Side implements AutoCloseable {
        private final Moments moments = new Moments();
        /** Features of every {@code stride}-th item, so that the order of a test set does not matter. */
        private final List<Tensor> some = new ArrayList<>();
        private final InceptionScore score = new InceptionScore();
        private final String who;
        private final int stride;
        private long[] classes = {};
        private double confidence;
        private long seen, asked, obeyed, confident, restored;

        Side(String who, int n) {
            this.who = who;
            stride = (n + NEIGHBOURS_OF - 1) / NEIGHBOURS_OF;
        }

        void add(ClassifierFeatures net, Batch batch, long count) {
            try (Scope scope = new Scope()) {
                Tensor x = batch.x().rows(0, count), f = net.features(x).to(Device.CPU), scores = net.logits(x).to(Device.CPU);
                if (f.isFinite().all().item() == 0) {
                    throw new ArgumentException(who + " " + seen + ".." + (seen + count - 1) + " have features that are not finite");
                }
                moments.add(f);
                score.add(scores);
                long first = Math.floorMod(-seen, stride);
                if (first < count) some.add(f.indexSelect(0, every(first, count)).retain());
                if (classes.length == 0) classes = new long[(int) scores.size(1)];
                long[] best = scores.argmax(1).longs();
                for (long c : best) classes[(int) c]++;
                Tensor likeliest = scores.to(DType.F64).softmax(1).amax(false, 1);
                confidence += likeliest.sum().item();
                confident += (long) likeliest.ge(CONFIDENT).to(DType.F64).sum().item();
                Tensor labels = batch.given().labels();
                if (labels != null) compare(best, labels.rows(0, count).longs());
                seen += count;
            }
        }

        private Tensor every(long first, long count) {
            long[] index = new long[(int) ((count - first + stride - 1) / stride)];
            for (int i = 0; i < index.length; i++) index[i] = first + (long) i * stride;
            return Torch.of(index, index.length);
        }

        private void compare(long[] best, long[] wanted) {
            for (int i = 0; i < best.length; i++) {
                if (wanted[i] < 0) continue;   // any class
                asked++;
                if (best[i] == wanted[i]) obeyed++;
            }
        }

        Map<String, Tensor> state() {
            Map<String, Tensor> state = new TreeMap<>();
            moments.state().forEach((k, v) -> state.put("moments." + k, v));
            state.put("features", Torch.cat(0, some));
            state.put("classes", Torch.of(classes, classes.length));
            state.put("counts", Torch.of(new long[] {seen, asked, obeyed, confident}, 4));
            double[] of = score.state();
            state.put("score", Torch.of(of, of.length));
            state.put("confidence", Torch.of(new double[] {confidence}, 1));
            return state;
        }

        void restore(Map<String, Tensor> state) {
            if (state.isEmpty()) return;
            Map<String, Tensor> of = new TreeMap<>();
            state.forEach((k, v) -> { if (k.startsWith("moments.")) of.put(k.substring("moments.".length()), v); });
            moments.restore(of);
            some.add(Moments.kept(state, "features").copy().retain());
            classes = Moments.kept(state, "classes").longs();
            long[] counts = Moments.kept(state, "counts").longs();
            seen = counts[0];
            asked = counts[1];
            obeyed = counts[2];
            confident = counts[3];
            score.restore(Moments.kept(state, "score").doubles());
            confidence = Moments.kept(state, "confidence").item();
            restored = seen;
        }

        /** Classes that this side has of those that the other has. */
        int covered(Side data) {
            int n = 0;
            for (int c = 0; c < classes.length; c++) if (data.classes[c] > 0 && share(c) >= COVERED * data.share(c)) n++;
            return n;
        }

        int rarest() {
            int at = 0;
            for (int c = 0; c < classes.length; c++) if (classes[c] < classes[at]) at = c;
            return at;
        }

        double share(int c) { return 100.0 * classes[c] / seen; }

        /** Per cent of each class; of the least and greatest when there are many. */
        String shares() {
            if (classes.length > 20) return words("%.1f and more", share(rarest()));
            StringBuilder text = new StringBuilder();
            for (int c = 0; c < classes.length; c++) text.append(c == 0 ? "" : " ").append(words("%.1f", share(c)));
            return text.toString();
        }

        @Override public void close() {
            some.forEach(Tensor::free);
            moments.close();
        }
    }
}
