package io.palitra.edit;

import io.palitra.config.ArgumentException;
import io.palitra.config.Notes;
import io.palitra.data.Batch;
import io.palitra.data.DataLoader;
import io.palitra.data.DataOptions;
import io.palitra.data.DataSpec;
import io.palitra.data.Dataset;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.measure.Course;
import io.palitra.metric.MacroF1;
import io.palitra.model.ClassifierFeatures;
import io.palitra.model.Watcher;
import io.palitra.train.Run;
import io.palitra.train.RunConfig;
import io.palitra.train.Trainer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CancellationException;
import java.util.stream.Collectors;

/** Fills the small classes of a labelled set with samples of a class-conditional model, and measures whether that helped a classifier. */
public final class Balance {
    private static final int AT_ONCE = 100;

    private Balance() {}

    /** Items of each class. */
    public static int[] counts(Dataset data) {
        int[] counts = new int[data.spec().classes()];
        for (int i = 0; i < data.size(); i++) if (data.label(i) >= 0) counts[data.label(i)]++;
        return counts;
    }

    /** Items in memory, as they are stored. */
    public record Drawn(DataSpec spec, List<String> classNames, byte[] stored, int[] labels) implements Dataset {
        @Override public String name() { return "drawn"; }

        @Override public int size() { return labels.length; }

        @Override public int label(int i) { return labels[i]; }

        @Override public void read(int i, ByteBuffer into) { into.put(stored, i * spec.bytes(), spec.bytes()); }

        /** Item i as models see it, [1, ...shape]. */
        public Tensor item(int i) { return DataLoader.of(this, new int[] {i}, Device.CPU).x(); }
    }

    /**
     * As many samples of each class as it lacks to the largest. Sample i of the whole is item i of the seed.
     *
     * @param watcher may end it
     * @throws IllegalArgumentException for a model without classes, or with others than the data
     */
    public static Drawn missing(Run run, Dataset data, long seed, Watcher watcher) {
        if (!run.config().settings().classes().equals(data.classNames())) {
            throw new ArgumentException("the run knows the classes " + Notes.some(run.config().settings().classes()) + ", '"
                + data.name()
                + "' has " + Notes.some(data.classNames()));
        }
        if (run.generative().classes() == 0) {
            throw new ArgumentException("this run draws by no classes; train one with --set conditional=true, of diffusion and tokens with "
                + "--set condition=label");
        }
        int[] counts = counts(data);
        int most = Arrays.stream(counts).max().orElse(0), total = Arrays.stream(counts).map(c -> most - c).sum();
        int each = data.spec().bytes(), at = 0;
        byte[] stored = new byte[Math.multiplyExact(total, each)];
        int[] labels = new int[total];
        Course course = new Course(watcher);
        for (int c = 0; c < counts.length; c++) {
            for (int left = most - counts[c]; left > 0; left -= AT_ONCE) {
                int n = Math.min(AT_ONCE, left);
                course.at("what the classes lack", at, n, total);
                try (Scope scope = new Scope(); Guard g = Torch.noGrad(); Guard watch = Scope.watch(course)) {
                    data.spec().toStored(run.sample(n, at, seed, List.of("label=" + c))).rawBytes().get(stored, at * each, n * each);
                }
                Arrays.fill(labels, at, at + n, c);
                at += n;
            }
        }
        return new Drawn(data.spec(), data.classNames(), stored, labels);
    }

    /** Two sets in one, the first first. */
    private record Both(Dataset a, Dataset b) implements Dataset {
        @Override public String name() { return a.name() + " and " + b.name(); }

        @Override public DataSpec spec() { return a.spec(); }

        @Override public int size() { return a.size() + b.size(); }

        @Override public int label(int i) { return i < a.size() ? a.label(i) : b.label(i - a.size()); }

        @Override public List<String> classNames() { return a.classNames(); }

        @Override public void read(int i, ByteBuffer into) {
            if (i < a.size()) a.read(i, into);
            else b.read(i - a.size(), into);
        }
    }

    /** A way to train the classifier, and its score on the test split. */
    public record Outcome(String way, MacroF1 f1) {}

    /**
     * Trains the project's classifier three times, on the data as they are, with classes weighted by 1 / their number of items, and with
     * the drawn items, the same number of steps and the same seed each, and scores it on test items that were not used for training.
     *
     * @param folder for the three runs
     * @param device where they are trained and judged
     * @throws CancellationException when it was stopped
     */
    public static List<Outcome> compare(Dataset train, Drawn drawn, Dataset test, Path folder, Device device, long seed,
            Watcher watcher) throws IOException {
        int[] counts = counts(train);
        String weights = Arrays.stream(counts).mapToObj(c -> String.format(Locale.ROOT, "%.6f", c == 0 ? 0 : 1.0 * train.size()
            / counts.length / c)).collect(Collectors.joining(","));
        Dataset both = new Both(train, drawn);
        int batch = (int) Math.min(128, train.size());
        long steps = Math.max(200, 4L * both.size() / batch);
        List<String> same = List.of("train.steps=" + steps, "train.batch=" + batch);
        List<Outcome> outcomes = new ArrayList<>();
        for (String way : List.of("as it is", "class weights", "drawn items")) {
            List<String> overrides = new ArrayList<>(same);
            if (way.equals("class weights")) overrides.add("weights=" + weights);
            Dataset on = way.equals("drawn items") ? both : train;
            Path run = folder.resolve("classifier-" + way.replace(' ', '-'));
            RunConfig config = RunConfig.of("classifier", train.name(), on, DataOptions.DEFAULT, seed, overrides)
                .on(device.toString(), RunConfig.Precision.FP32, Device.threads());
            watcher.note("classifier, " + way + ": " + steps + " steps on " + on.size() + " items");
            if (!Trainer.start(run, config, on, null, watcher)) throw new CancellationException("stopped");
            outcomes.add(new Outcome(way, score(run, device, test, watcher)));
        }
        return outcomes;
    }

    private static MacroF1 score(Path folder, Device device, Dataset test, Watcher watcher) throws IOException {
        long[] truth = new long[test.size()], all = new long[test.size()];
        try (Run judge = Run.open(folder, device.toString(), s -> {}); Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            int at = 0;
            for (Batch b : DataLoader.inOrder(test, 500, test.size(), judge.device())) {
                watcher.checkStop();
                try (Scope turn = new Scope()) {
                    long[] labels = b.given().labels("balance").longs();
                    long[] predicted = judge.model().as(ClassifierFeatures.class).orElseThrow().logits(b.x()).argmax(1).longs();
                    System.arraycopy(labels, 0, truth, at, labels.length);
                    System.arraycopy(predicted, 0, all, at, predicted.length);
                    at += labels.length;
                }
            }
        }
        return MacroF1.of(truth, all, test.spec().classes());
    }
}
