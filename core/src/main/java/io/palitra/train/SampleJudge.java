package io.palitra.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Json;
import io.palitra.config.Notes;
import io.palitra.config.UserCache;
import io.palitra.data.Batch;
import io.palitra.data.DataLoader;
import io.palitra.data.DataOptions;
import io.palitra.data.DataSpec;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.FormatException;
import io.palitra.data.Split;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Torch;
import io.palitra.model.ClassifierFeatures;
import io.palitra.model.Measure;
import io.palitra.model.Watcher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A classifier that judges samples, opened, and what is known of it. The project's own are kept in a cache folder, one for each content of
 * training data and shape of an item: folders of one name have judges of their own, and one folder moved elsewhere has the same.
 *
 * @param run of a classifier
 */
public record SampleJudge(Run run, Facts facts) implements AutoCloseable {
    /** Name of the measure of the judge itself. */
    public static final String ACCURACY = "judge's accuracy";

    /** Written when all else is there: a judge whose training was cut off has none. */
    private static final String WHOLE = "judge.json";
    private static final String RUN = "classifier";
    private static final int BATCH = 500;
    /** Test items that the accuracy is taken of. */
    private static final int TESTED = 10_000;
    /** With fewer training items, or less accuracy in per cent, a judge's word is weak. */
    private static final int FEW = 1000;
    private static final double POOR = 80;
    private static final long WAIT_MILLIS = 300;

    /**
     * Who judged.
     *
     * @param name of the kept judge, or the folder of the run that was named
     * @param data name of what it was trained on, without folders
     * @param key of that data's content; empty where nobody knows
     * @param trained items of its training part; 0 where nobody knows
     * @param tested items of its test part that its accuracy is of; 0 where it has none
     * @param accuracy on them in per cent; NaN where there are none
     */
    public record Facts(String name, String data, String key, List<String> classes, int trained, int tested, double accuracy) {
        public Facts { classes = List.copyOf(classes); }

        /** What it was trained on, in a few words. */
        public String about() {
            return trained == 0 ? "judge trained on " + data
                : String.format(Locale.ROOT, "judge trained on %,d items of %s", trained, data);
        }

        /** A measure that it had a part in. */
        Measure said(Measure m) { return new Measure(m.name(), m.value(), m.unit(), m.about() + "; " + about()); }

        /** A line when it knows little; empty else. */
        public Optional<String> weakness() {
            if (trained == 0 || trained >= FEW && !(accuracy < POOR) && tested > 0) return Optional.empty();
            String own = tested == 0 ? "without test items of its own"
                : String.format(Locale.ROOT, "%.1f %% of its own %,d test items right", accuracy, tested);
            return Optional.of(about() + ", " + own + ": its word is weak");
        }

        /** Its accuracy; empty where it has no test items. */
        public Optional<Measure> measure() {
            if (tested == 0) return Optional.empty();
            return Optional.of(new Measure(ACCURACY, accuracy, "%", String.format(Locale.ROOT, "of %,d test items of %s; %s, "
                + "%d classes, %s%s", tested, data, about(), classes.size(), name, weakness().isEmpty() ? "" : ": its word is weak")));
        }

        /** For evaluation.json and the like. */
        public ObjectNode toJson() {
            ObjectNode json = new ObjectMapper().createObjectNode().put("name", name).put("data", data);
            if (!key.isEmpty()) json.put("key", key);
            classes.forEach(json.putArray("classes")::add);
            json.put("trained", trained).put("tested", tested);
            if (tested > 0) json.put("accuracy", accuracy);
            return json.put("weak", weakness().isPresent());
        }
    }

    /**
     * The judge for a data set; trained where none is kept yet (minutes). Of two who want the same one at once, the second waits.
     *
     * @param train what it is trained on
     * @param name of that data, or its path: how it is opened again
     * @param test the test part; null where there is none
     * @param watcher may stop it while it trains, or waits for another; what is trained is saved
     * @throws IllegalArgumentException for data without classes
     * @throws CancellationException when it was stopped
     */
    public static SampleJudge kept(Dataset train, String name, DataOptions options, @Nullable Dataset test, Device device,
            Watcher watcher) throws IOException {
        return kept(UserCache.folder(), train, name, options, test, device, watcher);
    }

    static SampleJudge kept(Path cache, Dataset train, String name, DataOptions options, @Nullable Dataset test, Device device,
            Watcher watcher) throws IOException {
        if (train.spec().classes() < 2) {
            throw new ArgumentException("'" + train.name() + "' has " + train.spec().classes() + " classes, a judge wants 2 to tell "
                + "apart; --no-classifier leaves it out");
        }
        String key = train.fingerprint().key();
        Path folder = cache.resolve("judge" + RunConfig.FORMAT + "-" + key + "-" + shape(train.spec()));
        if (!Files.exists(folder.resolve(WHOLE))) make(folder, train, name, options, device, watcher);
        Run run = Run.open(folder.resolve(RUN), device.toString(), watcher::note);
        boolean done = false;
        try {
            SampleJudge judge = new SampleJudge(run, facts(folder, run, train, key, name, test));
            done = true;
            return judge;
        } finally {
            if (!done) run.close();
        }
    }

    private static void make(Path folder, Dataset train, String name, DataOptions options, Device device, Watcher watcher)
            throws IOException {
        try (RunLock lock = taken(folder, watcher)) {
            if (Files.exists(folder.resolve(WHOLE))) return;   // another has made it meanwhile
            Path run = folder.resolve(RUN);
            watcher.note("training a classifier on '" + train.name() + "' once, to judge samples by; it is kept in " + folder);
            boolean whole;
            if (Files.exists(run.resolve(Run.CONFIG))) {
                whole = Trainer.resume(run, train, null, watcher);
            } else {
                RunConfig config = RunConfig.of("classifier", name, train, options, 0, List.of()).on(device.toString(),
                    RunConfig.Precision.FP32, Device.threads());
                whole = Trainer.start(run, config, train, null, watcher);
            }
            if (!whole) throw new CancellationException("stopped; the judge's training goes on the next time");
            Json.write(folder.resolve(WHOLE), new ObjectMapper().createObjectNode());
        }
    }

    /** The folder's lock, as soon as it is free or the judge is whole. */
    private static RunLock taken(Path folder, Watcher watcher) throws IOException {
        boolean told = false;
        while (true) {
            try {
                return RunLock.take(folder);
            } catch (RunLock.InUse e) {
                if (!told) watcher.note("another evaluation trains the judge in " + folder + ": waiting for it");
                told = true;
            }
            watcher.checkStop();
            try {
                Thread.sleep(WAIT_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("stopped while another evaluation trained the judge in " + folder, e);
            }
        }
    }

    /** The accuracy is measured once for each test part. */
    private static Facts facts(Path folder, Run run, Dataset train, String key, String name, @Nullable Dataset test) throws IOException {
        String own = folder.getFileName().toString(), data = last(name);
        if (test == null) return new Facts(own, data, key, train.classNames(), train.size(), 0, Double.NaN);
        Path file = folder.resolve(WHOLE);
        String tested = test.fingerprint().key();
        JsonNode known = Json.read(file);
        if (!known.path("test").asText().equals(tested)) {
            known = new ObjectMapper().createObjectNode().put("data", name).put("trained", train.size()).put("test", tested)
                .put("tested", Math.min(TESTED, test.size())).put("accuracy", accuracy(run, test));
            Json.write(file, known);
        }
        return new Facts(own, data, key, train.classNames(), train.size(), known.path("tested").asInt(),
            known.path("accuracy").asDouble());
    }

    /**
     * A run that is to judge. When its data is not there any more, nobody knows how good its word is, and a note says so.
     *
     * @throws IllegalArgumentException for a run of a family that has no features
     */
    public static SampleJudge of(Path folder, @Nullable Path dataDir, Device device, Watcher watcher) throws IOException {
        Run run = Run.open(folder, device.toString(), watcher::note);
        boolean done = false;
        try {
            RunConfig.Settings s = run.config().settings();
            if (run.model().as(ClassifierFeatures.class).isEmpty()) {
                throw new ArgumentException("--classifier wants a run of classifier, '" + folder + "' is one of " + s.family());
            }
            DataOptions options = dataDir == null ? s.options() : io.palitra.config.Config.with(s.options(), "dir=" + dataDir);
            Dataset train = null, test = null;
            try {
                train = Datasets.open(s.data(), Split.TRAIN, options);
                test = part(() -> Datasets.open(s.data(), Split.TEST, options));
            } catch (FormatException | IllegalArgumentException e) {
                watcher.note("what the judge '" + folder + "' was trained on cannot be opened, so its accuracy is not known: "
                    + e.getMessage());
            }
            SampleJudge judge = new SampleJudge(run, new Facts(folder.toString(), last(s.data()), train == null ? ""
                : train.fingerprint().key(), s.classes(), train == null ? 0 : train.size(), test == null ? 0 : Math.min(TESTED,
                test.size()), test == null ? Double.NaN : accuracy(run, test)));
            done = true;
            return judge;
        } finally {
            if (!done) run.close();
        }
    }

    /** A part of a data set, or null where it has none. */
    public static @Nullable Dataset part(Supplier<Dataset> open) {
        try {
            return open.get();
        } catch (FormatException e) {
            return null;
        }
    }

    /** Per cent. Waits for the device. */
    private static double accuracy(Run run, Dataset test) {
        long right = 0, seen = 0;
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            for (Batch b : DataLoader.inOrder(test, BATCH, TESTED, run.device())) {
                try (Scope turn = new Scope()) {
                    long[] labels = b.given().labels("a judge").longs(), best = run.model().as(ClassifierFeatures.class).orElseThrow()
                        .logits(b.x()).argmax(1).longs();
                    for (int i = 0; i < best.length; i++) if (best[i] == labels[i]) right++;
                    seen += best.length;
                }
            }
        }
        return 100.0 * right / seen;
    }

    /** @throws IllegalArgumentException for data of other classes or another shape */
    void refuseOthersThan(Dataset test) {
        RunConfig.Settings s = run.config().settings();
        if (!Arrays.equals(s.spec().shape(), test.spec().shape())) {
            throw new ArgumentException("the judge " + facts.name + " was made for " + s.spec() + ", '" + test.name() + "' is "
                + test.spec() + "; --no-classifier leaves it out");
        }
        refuseOtherClasses(facts.classes, test);
    }

    /** @throws IllegalArgumentException for data of other classes than a judge would know */
    public static void refuseOtherClasses(List<String> known, Dataset test) {
        if (known.equals(test.classNames())) return;
        throw new ArgumentException("the judge knows the classes " + shown(known) + ", '" + test.name() + "' has "
            + shown(test.classNames()) + "; --no-classifier leaves it out");
    }

    private static String shown(List<String> names) {
        return Notes.some(names);
    }

    ClassifierFeatures network() { return run.model().as(ClassifierFeatures.class).orElseThrow(); }

    /** Of data and network, in the names of measures: "mnist-classifier". */
    String name() { return facts.data.replaceAll("[^\\p{L}\\p{M}\\p{N}._-]", "_") + "-classifier"; }

    private static String last(String data) {
        Path name = Path.of(data).getFileName();
        return name == null ? data : name.toString();
    }

    private static String shape(DataSpec spec) {
        return Arrays.stream(spec.shape()).mapToObj(String::valueOf).collect(Collectors.joining("x"));
    }

    @Override public void close() { run.close(); }
}
