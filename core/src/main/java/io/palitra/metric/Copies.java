package io.palitra.metric;

import io.palitra.config.ArgumentException;
import io.palitra.data.Batch;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.ClassifierFeatures;
import io.palitra.model.Measure;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Are samples copies of training items? A sample counts as one when it lies nearer to a training item than 99 % of training items lie to
 * any other. The share of test items shows what chance gives. Measured by the features of a network, which forgive a shift, and by pixels.
 *
 * @param measures the shares
 * @param samples  places of the samples that lie nearest to a training item by features, the nearest first
 * @param items    the training items nearest to those, in the same order
 */
public record Copies(List<Measure> measures, int[] samples, int[] items) {
    /** Fewest training items for distances between them to mean anything. */
    public static final int LEAST = 100;
    /** Pairs that are shown. */
    private static final int PAIRS = 16;
    private static final double QUANTILE = 0.01;
    private static final int AT_ONCE = 100;

    /**
     * Takes one pass of the training data; memory does not grow with it.
     *
     * @param net     in evaluation mode, on the device of the items
     * @param name    of data and network, as in the names of measures
     * @param samples [N,...]
     * @param test    items never trained on [M,...]
     * @param some    training items whose distances to others give the threshold, with their places; at least {@link #LEAST}
     * @param train   all training items, in order of their places
     */
    public static Copies of(ClassifierFeatures net, String name, Tensor samples, Tensor test, Batch some, Iterable<Batch> train) {
        if (some.items().length < LEAST) {
            throw new ArgumentException("the search for copies wants at least " + LEAST + " training items, got " + some.items()
                .length);
        }
        long n = samples.size(0), m = test.size(0);
        long[] own = new long[(int) (n + m) + some.items().length];
        Arrays.fill(own, -1);
        for (int i = 0; i < some.items().length; i++) own[(int) (n + m) + i] = some.items()[i];
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Tensor points = Torch.cat(0, samples, test.to(samples.device()), some.x().to(samples.device()));
            try (Nearest byFeatures = new Nearest(features(net, points), own); Nearest byPixels = new Nearest(points.flatten(1), own)) {
                long first = 0;
                for (Batch b : train) {
                    try (Scope turn = new Scope()) {
                        byFeatures.add(net.features(b.x()), first);
                        byPixels.add(b.x().flatten(1), first);
                        first += b.size();
                    }
                }
                List<Measure> measures = List.of(measure("copies", "features of " + name, byFeatures.distance, n, m, first),
                    measure("copies by pixels", "pixels", byPixels.distance, n, m, first));
                Integer[] order = new Integer[(int) n];
                Arrays.setAll(order, i -> i);
                Arrays.sort(order, java.util.Comparator.comparingDouble(i -> byFeatures.distance[i]));
                int[] nearest = Arrays.stream(order).limit(PAIRS).mapToInt(i -> i).toArray();
                return new Copies(measures, nearest, Arrays.stream(nearest).map(i -> (int) byFeatures.item[i]).toArray());
            }
        }
    }

    private static Tensor features(ClassifierFeatures net, Tensor x) {
        List<Tensor> parts = new ArrayList<>();
        for (long at = 0; at < x.size(0); at += AT_ONCE) {
            Tensor some = x.rows(at, Math.min(AT_ONCE, x.size(0) - at));
            parts.add(Scope.run(() -> net.features(some).to(Device.CPU).to(DType.F64)));
        }
        return Torch.cat(0, parts);
    }

    private static Measure measure(String name, String by, double[] distance, long n, long m, long items) {
        double[] train = Arrays.copyOfRange(distance, (int) (n + m), distance.length);
        Arrays.sort(train);
        double bound = train[(int) Math.floor(QUANTILE * (train.length - 1))];
        return new Measure(name, 100 * share(distance, 0, n, bound), "%", String.format(Locale.ROOT, "share of %,d samples that lie nearer "
            + "to one of %,d training items than 99 %% of those to one another; of test items: %.1f %%; by %s", n, items,
            100 * share(distance, n, n + m, bound), by));
    }

    private static double share(double[] distance, long from, long to, double bound) {
        int n = 0;
        for (long i = from; i < to; i++) if (distance[(int) i] < bound) n++;
        return n / (double) (to - from);
    }
}
