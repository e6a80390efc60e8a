package io.palitra.train;

import io.palitra.config.Config;
import io.palitra.data.Batch;
import io.palitra.data.DataLoader;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.ImageSpec;
import io.palitra.data.Split;
import io.palitra.data.Toy;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.metric.Judge;
import io.palitra.metric.Modes;
import io.palitra.metric.Ranking;
import io.palitra.model.Energy;
import io.palitra.model.Evaluates;
import io.palitra.model.Features;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Likelihood;
import io.palitra.model.Measure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The honest numbers of a run on test data: what its family measures of itself, and what a trained classifier says of its samples. */
public final class Evaluation {
    private static final long SEED = 12345;
    private static final int BATCH = 500;
    private static final int JUDGED = 100;

    private Evaluation() {}

    /**
     * @param judge a classifier's run on the same data, or null to leave its measures out
     * @param samples drawn for the judge
     */
    public static List<Measure> of(Run run, Dataset test, @Nullable Run judge, int samples, List<String> sampling) {
        List<Measure> measures = new ArrayList<>();
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            if (run.model() instanceof Evaluates e) {
                measures.addAll(e.evaluate(DataLoader.inOrder(test, BATCH, test.size(), run.device()), new Rng(SEED).on(run.device())));
            }
            if (test instanceof Toy toy && run.model() instanceof Likelihood l) measures.addAll(besideTheTruth(l, toy, run));
            if (run.model() instanceof Energy e) measures.addAll(energies(e, test, run));
            if (test instanceof Toy toy && toy.kind() == Toy.Kind.GAUSSIANS && run.model() instanceof GenerativeModel<?> model) {
                Tensor points = Run.sample(model, samples, new Rng(SEED).on(run.device()), sampling);
                measures.addAll(Modes.of(points, Toy.centres(), toy.kind().deviation(), 4).measures(samples));
            }
            if (judge != null && run.model() instanceof GenerativeModel<?> && judge.model() instanceof Features network) {
                measures.addAll(judged(run, test, network, samples, sampling));
            }
        }
        return measures;
    }

    /** What is measured of a known density, in units of its coordinates' deviations, and the same of that density itself. */
    private static List<Measure> besideTheTruth(Likelihood model, Toy test, Run run) {
        double nats = 0, truth = 0;
        double[] sum = new double[2], square = new double[2];
        for (Batch batch : DataLoader.inOrder(test, BATCH, test.size(), run.device())) {
            try (Scope scope = new Scope()) {
                nats -= model.logProb(batch.x(), new Rng(SEED).on(run.device())).sum().item();   // waits for the device
                double[] v = batch.x().to(DType.F64).doubles();
                for (int i = 0; i < v.length; i += 2) {
                    truth -= test.logDensity(v[i], v[i + 1]);
                    for (int c = 0; c < 2; c++) {
                        sum[c] += v[i + c];
                        square[c] += v[i + c] * v[i + c];
                    }
                }
            }
        }
        int n = test.size();
        double unit = 0;   // log of the product of the deviations
        for (int c = 0; c < 2; c++) unit += 0.5 * Math.log(square[c] / n - sum[c] / n * sum[c] / n);
        String of = "in units of the coordinates' deviations; " + n + " items";
        return List.of(new Measure("-log p, standardised", nats / n - unit, "nats", of),
            new Measure("-log p, standardised, of the truth", truth / n - unit, "nats", of));
    }

    /** Of data and of uniform noise: a model of energies must tell the one from the other. */
    private static List<Measure> energies(Energy model, Dataset test, Run run) {
        List<Double> data = new ArrayList<>(), noise = new ArrayList<>();
        for (Batch batch : DataLoader.inOrder(test, BATCH, test.size(), run.device())) {
            try (Scope scope = new Scope()) {
                Tensor fresh = new Rng(SEED).at(noise.size()).uniform(batch.x().shape()).mul(2).sub(1).to(run.device());
                for (double e : model.energy(batch.x()).to(DType.F64).doubles()) data.add(e);   // waits for the device
                for (double e : model.energy(fresh).to(DType.F64).doubles()) noise.add(e);
            }
        }
        String of = data.size() + " items";
        return List.of(new Measure("energy", data.stream().mapToDouble(e -> e).average().orElse(Double.NaN), "nats",
            "up to a constant; mean of " + of),
            new Measure("energy of noise", noise.stream().mapToDouble(e -> e).average().orElse(Double.NaN), "nats",
                "uniform over the range; mean of as many"),
            new Measure("AUROC of noise", Ranking.auroc(data, noise), "", "chance that noise has more energy than an item; " + of));
    }

    private static List<Measure> judged(Run run, Dataset test, Features network, int samples, List<String> sampling) {
        GenerativeModel<?> model = run.generative();
        Rng rng = new Rng(SEED).on(run.device());
        int n = Math.min(samples, test.size()), classes = test.spec().classes();
        boolean asks = Config.toJson(run.config().model()).path("conditional").asBoolean(false)
            && sampling.stream().noneMatch(s -> s.startsWith("label="));
        Judge.Source source = (first, count) -> {
            if (!asks) return new Batch(Run.sample(model, count, rng.at(first), sampling), null, 0);
            int label = first / JUDGED % classes;   // a class a batch, in turn
            List<String> how = new ArrayList<>(sampling);
            how.add("label=" + label);
            long[] labels = new long[count];
            java.util.Arrays.fill(labels, label);
            return new Batch(Run.sample(model, count, rng.at(first), how), Torch.of(labels, count), 0);
        };
        return new Judge(network, name(run.config()) + "-classifier").measure(DataLoader.inOrder(test, BATCH, n, run.device()), source, n,
            JUDGED);
    }

    /** The data's name without its folders. */
    private static String name(RunConfig config) {
        return Path.of(config.settings().data()).getFileName().toString().replaceAll("[^A-Za-z0-9._-]", "_");
    }

    /**
     * The project's own classifier for a data set, kept in a cache folder and trained there when it is not there yet (minutes).
     *
     * @return its run folder
     */
    public static Path classifier(RunConfig of, @Nullable Path dataDir, Progress progress) throws IOException {
        RunConfig.Settings s = of.settings();
        DataOptions options = dataDir == null ? s.options() : Config.with(s.options(), "dir=" + dataDir);
        String shape = s.spec() instanceof ImageSpec i ? i.channels() + "x" + i.height() + "x" + i.width()
            : String.valueOf(s.spec().dims());
        Path folder = cache().resolve("classifier-" + name(of) + "-" + shape);
        if (Files.exists(folder.resolve(Run.MODEL))) return folder;
        progress.note("training a classifier on '" + name(of) + "' once, to judge samples by; it is kept in " + folder);
        Dataset train = Datasets.open(s.data(), Split.TRAIN, options);
        if (train.spec().classes() == 0) throw new IllegalArgumentException("'" + s.data() + "' has no classes to train a judge on");
        if (Files.exists(folder.resolve(Run.CONFIG))) {
            Trainer.resume(folder, train, null, progress, () -> false);
        } else {
            RunConfig config = RunConfig.of("classifier", s.data(), train, options, 0, List.of()).on(s.device(), RunConfig.Precision.FP32,
                io.palitra.engine.Device.threads());
            Trainer.start(folder, config, train, null, progress, () -> false);
        }
        return folder;
    }

    /** $PALITRA_CACHE, else $XDG_CACHE_HOME/palitra, else ~/.cache/palitra. */
    static Path cache() {
        String own = System.getenv("PALITRA_CACHE"), xdg = System.getenv("XDG_CACHE_HOME");
        if (own != null && !own.isEmpty()) return Path.of(own);
        if (xdg != null && Path.of(xdg).isAbsolute()) return Path.of(xdg, "palitra");   // the standard: relative values are ignored
        return Path.of(System.getProperty("user.home"), ".cache", "palitra");
    }
}
