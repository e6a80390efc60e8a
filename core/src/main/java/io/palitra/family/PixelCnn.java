package io.palitra.family;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Build;
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
import io.palitra.net.PixelHead;
import io.palitra.net.PixelNet;
import io.palitra.nn.Module;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ForkJoinPool;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Pixels one after the other: log p(x) = sum_i log p(x_i | x_1, ..., x_(i-1)), rows from the top, pixels from the left, red before green
 * before blue, each term from one network of masked convolutions. The likelihood is exact. van den Oord et al. 2016, arXiv:1601.06759,
 * eqs. 1 and 2; gated, without blind spot: van den Oord et al. 2016, arXiv:1606.05328, eq. 2; mixture of logistics: Salimans et al. 2017,
 * arXiv:1701.05517, eq. 2.
 *
 * <p>The numbers of a picture are levels 0..levels-1 of equal width. Two levels are drawn anew each time with the grey value as
 * probability of white, as a {@code vae} does. A sample is drawn pixel by pixel, and of the network only what a new pixel changes is
 * computed.
 */
public final class PixelCnn implements GenerativeModel<PixelCnn.Sampling>, Likelihood, Evaluates {
    public record Config(
            @Help("the network") PixelNet.Config net,
            @Help("what a pixel is, given those before it") PixelHead.Config head,
            @Help(value = "levels of a number: 2 = black or white, drawn with the grey value as probability; 256 = bytes", min = 2,
                max = 256) int levels,
            @Help(value = "numbers that a learned table gives to the network for each level, beside the level itself; 0 = none: few levels "
                + "need none, bytes are learned far sooner with 16", min = 0, max = 256) int table,
            @Help("whether the class is given to the network; needs labelled data") boolean conditional) {
        public Config {
            if (table == 1) throw new ArgumentException("illegal table: 1, must be 0 or at least 2");
            if (head instanceof PixelHead.Config.Logistic && levels != 256) {
                throw new ArgumentException("illegal levels: " + levels + ", must be 256 with head=logistic");
            }
        }
    }

    /** How samples are drawn. */
    public record Sampling(
            @Help(value = "divisor of the logits and factor of the logistics' scales: below 1 likelier pictures, fewer kinds", min = 0.01,
                max = 100) double temperature) {}

    public static final Family<Config> FAMILY = new Family<>("pixelcnn", "Pixels one after the other, each by its exact probability",
        "van den Oord, Kalchbrenner and Kavukcuoglu 2016, arXiv:1601.06759; van den Oord et al. 2016, arXiv:1606.05328",
        new Config(new PixelNet.Config.Gated(), new PixelHead.Config.Categorical(), 2, 0, false),
        Recipe.of(4, 64, new OptimizerSpec.Adam(1e-3, 0.9, 0.999, 1e-8)).withSchedule(new LrSchedule.Cosine(100)).withClip(1),
        new Sampling(1),
        Family.Builder.of(PixelCnn.class, PixelCnn::new)).learns(Family.Kind.PICTURES).takes(Condition.Kind.LABEL, Condition.Kind.PREFIX)
        .on(Fit.colour("head=logistic", "levels=256", "table=16"))
        .tiny("net.width=6", "net.dilations=1,2");

    private final Config config;
    private final ImageSpec image;
    private final PixelHead head;
    private final PixelNet net;

    PixelCnn(Config config, Build with) {
        DataSpec data = with.data();
        Rng init = with.init();
        if (!(data instanceof ImageSpec pictures)) throw new ArgumentException("pixelcnn wants pictures, got " + data);
        if (config.conditional && data.classes() == 0) {
            throw new ArgumentException("pixelcnn with conditional=true wants labelled data, got " + data);
        }
        this.config = config;
        image = pictures;
        head = config.head.build(config.levels, pictures.channels());
        PixelNet built = config.net.build(pictures.channels() * (1 + config.table), head.outputs(), head.turns(),
            config.conditional ? data.classes() : 0, init);
        net = config.table == 0 ? built : PixelNet.withTable(built, config.levels, config.table);
    }

    @Override public Module net() { return net; }

    @Override public List<Update> updates() { return List.of(new Update("nll", net, this::loss)); }

    @Override public Optional<Update> tested() { return Optional.of(updates().get(0)); }

    private Losses loss(Batch batch, Step step) {
        Rng rng = step.rng();
        Tensor x = levels(batch.x(), rng);
        Tensor nats = nll(x, label(batch));
        return Losses.of(nats.mean()).with("bits per dim", nats.mean().div(image.dims() * Math.log(2)));
    }

    /** -log p in nats, [B], in the precision of x, whatever that of the network. */
    private Tensor nll(Tensor x, @Nullable Tensor label) { return head.nll(net.forward(x, label).to(x.dtype()), x); }

    /** Pictures [B,C,H,W] as this model sees them: the same range, but only its levels. */
    Tensor levels(Tensor x, Rng rng) {
        Tensor grey = x.add(1).mul(0.5);
        if (config.levels == 2) return rng.uniformLike(grey).lt(grey).to(grey.dtype()).mul(2).sub(1);
        Tensor level = grey.mul(255).round().mul(config.levels / 256.0).floor();
        return level.mul(2.0 / (config.levels - 1)).sub(1);
    }

    /** One-hot [B,classes]; null where the model has none. */
    private @Nullable Tensor label(Batch batch) {
        return config.conditional ? Torch.oneHot(batch.given().labels("pixelcnn with conditional=true"), image.classes()) : null;
    }

    /** The class of each sample; 0 where the model has none. */
    private long[] classes(Condition given, int count, Rng rng) {
        if (classes() == 0) return new long[count];
        return (given.labels() == null ? rng.integers(classes(), count) : given.labels()).longs();
    }

    @Override public Sampling samplingDefaults() { return new Sampling(1); }

    @Override public int classes() { return config.conditional ? image.classes() : 0; }

    @Override public Set<Condition.Kind> takes() {
        return config.conditional ? EnumSet.of(Condition.Kind.LABEL, Condition.Kind.PREFIX) : EnumSet.of(Condition.Kind.PREFIX);
    }

    @Override public Tensor sample(Sampling how, Condition given, int count, Rng rng) {
        PixelNet.PixelByPixel fast = net.pixelByPixel();
        return draw(how, given, count, rng, (picture, label) -> fast.raster(image.width(), label));
    }

    /** As {@link #sample}, but all of the network for every pixel: what the fast way must equal. */
    Tensor sampleSlowly(Sampling how, Condition given, int count, Rng rng) {
        return draw(how, given, count, rng, (picture, label) -> new PixelNet.Raster() {
            @Override public void startRow(int row) {}

            @Override public void put(int row, int column, float[] x) {
                for (int c = 0; c < x.length; c++) picture[place(c, row, column)] = x[c];
            }

            @Override public float[] at(int row, int column) {
                try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
                    Tensor all = Torch.of(picture, 1, image.channels(), image.height(), image.width());
                    Tensor oneHot = config.conditional ? Torch.oneHot(Torch.full(label, 1).to(DType.I64), image.classes()) : null;
                    return net.forward(all, oneHot).select(2, row).select(2, column).floats();
                }
            }
        });
    }

    @FunctionalInterface private interface Start { PixelNet.Raster of(float[] picture, int label); }

    /** Where a number lies in a picture's array. */
    private int place(int channel, int row, int column) { return (channel * image.height() + row) * image.width() + column; }

    /** Rows of a prefix. */
    private int rows(Tensor upper, int count) {
        boolean fits = upper.dims() == 4 && upper.size(0) == count && upper.size(1) == image.channels() && upper.size(2) <= image.height()
            && upper.size(3) == image.width();
        if (fits) return (int) upper.size(2);
        throw new ArgumentException("pixelcnn keeps the upper rows of " + count + " pictures, [" + count + "," + image.channels()
            + ",0 to " + image.height() + "," + image.width() + "], got " + upper);
    }

    private Tensor draw(Sampling how, Condition given, int count, Rng rng, Start start) {
        @Nullable Tensor upper = given.prefix();
        int rows = upper == null ? 0 : rows(upper, count);
        long[] shape = {count, image.channels(), image.height(), image.width()};
        ForkJoinPool threads = new ForkJoinPool(Math.max(1, Math.min(Device.threads(), count)));
        try {
            return Scope.run(() -> {
                Tensor noise = rng.uniform(count, head.draws(), image.height(), image.width());
                long[] classes = classes(given, count, rng);
                Tensor below = Torch.zeros(count, image.channels(), image.height() - rows, image.width());
                Tensor known = levels(upper == null ? below : Torch.cat(2, upper.to(below.device()), below), rng).to(DType.F32);
                List<Drawing> drawings = new ArrayList<>();
                for (int i = 0; i < count; i++) {
                    float[] picture = new float[(int) image.dims()];
                    drawings.add(new Drawing(picture, rows == 0 ? picture : known.select(0, i).floats(), noise.select(0, i).floats(),
                        start.of(picture, (int) classes[i])));
                }
                float[] all = new float[count * (int) image.dims()];
                Tensor drawn = Scope.fold(Torch.zeros(shape), image.height(), (x, row) -> {
                    threads.submit(() -> IntStream.range(0, count).parallel().forEach(i -> {
                        row(how, drawings.get(i), row, row < rows);
                        System.arraycopy(drawings.get(i).picture, 0, all, i * (int) image.dims(), (int) image.dims());
                    })).join();
                    return Torch.of(all, shape);
                });
                return drawn.to(net.parameters().values().iterator().next().device());
            });
        } finally {
            threads.shutdown();
        }
    }

    /** @param picture what is drawn so far; @param known what it is to be where rows are known; @param noise [draws,H,W] */
    private record Drawing(float[] picture, float[] known, float[] noise, PixelNet.Raster raster) {}

    private void row(Sampling how, Drawing d, int row, boolean known) {
        float[] pixel = new float[image.channels()], u = new float[head.draws()];
        d.raster.startRow(row);
        for (int column = 0; column < image.width(); column++) {
            for (int c = 0; c < pixel.length; c++) pixel[c] = known ? d.known[place(c, row, column)] : 0;
            for (int i = 0; i < u.length; i++) u[i] = d.noise[place(i, row, column)];
            for (int c = 0; !known && c < head.turns(); c++) {
                if (c > 0) d.raster.put(row, column, pixel);
                head.draw(d.raster.at(row, column), u, c, how.temperature, pixel);
            }
            d.raster.put(row, column, pixel);
            if (known) d.raster.at(row, column);   // what follows builds on what the layers make of it
            for (int c = 0; c < pixel.length; c++) d.picture[place(c, row, column)] = pixel[c];
        }
    }

    @Override public boolean exact() { return true; }

    /** Of a conditional model: the sum over classes, each as likely as the other. Two levels are drawn by rng. */
    @Override public Tensor logProb(Tensor x, Rng rng) {
        Tensor y = levels(x, rng);
        if (!config.conditional) return nll(y, null).neg();
        List<Tensor> each = new ArrayList<>();
        int classes = image.classes();
        for (int c = 0; c < classes; c++) {
            Tensor label = Torch.oneHot(Torch.full(c, x.size(0)).to(DType.I64), classes).to(x.device());
            each.add(nll(y, label).neg());
        }
        return Torch.stack(1, each).logSumExp(1).sub(Math.log(classes));
    }

    @Override public List<Measure> evaluate(Iterable<Batch> test, Rng rng) {
        double nats = 0;
        long items = 0, pixels = (long) image.height() * image.width();
        int levels = config.levels;
        try (Scope all = new Scope(); Guard g = Torch.noGrad()) {
            Tensor seen = Torch.zeros(DType.F64, levels, image.dims());
            Tensor pairs = Torch.zeros(DType.F64, levels, levels);
            for (Batch batch : test) {
                try (Scope scope = new Scope()) {
                    Tensor x = levels(batch.x(), rng.at(items));
                    nats += nll(x, label(batch)).sum().item();   // waits for the device
                    items += batch.size();
                    Tensor level = x.add(1).mul((levels - 1) / 2.0).round().to(Device.CPU);
                    Tensor before = Torch.pad(level, 1, -1, 0, 0);
                    for (int v = 0; v < levels; v++) {
                        Tensor own = level.eq(v).to(DType.F64);
                        seen.select(0, v).copyFrom(seen.select(0, v).add(own.sum(false, 0).reshape(-1)));
                        for (int w = 0; levels <= 16 && w < levels; w++) {
                            Tensor both = own.mul(before.eq(w).to(DType.F64)).sum();
                            pairs.select(0, w).select(0, v).copyFrom(pairs.select(0, w).select(0, v).add(both));
                        }
                    }
                }
            }
            double bits = image.dims() * items * Math.log(2);
            String of = items + " items" + (config.conditional ? ", class given" : "") + ", " + levels + " levels"
                + (levels == 2 ? ", drawn by the grey value" : "");
            List<Measure> measures = new ArrayList<>();
            measures.add(new Measure("-log p", nats / items, "nats", "exact; " + of));
            measures.add(new Measure("bits/dim", nats / bits, "bits/dim", "exact; " + of));
            measures.add(new Measure("histogram's bits/dim", entropy(seen, 0).sum().item() / bits, "bits/dim",
                "of a histogram for each number of the picture, fitted to these very items"));
            if (levels <= 16) {
                measures.add(new Measure("neighbour's bits/dim", entropy(pairs, 1).sum().item() / bits, "bits/dim",
                    "of each number given the one to its left, fitted to these very items"));
            }
            return measures;
        }
    }

    /** -sum n log(n / sum n), the sums over {@code dim}, in nats. */
    private static Tensor entropy(Tensor counts, int dim) {
        Tensor share = counts.div(counts.sum(true, dim).clampMin(1));
        return counts.mul(share.clampMin(1e-300).log()).neg();
    }
}
