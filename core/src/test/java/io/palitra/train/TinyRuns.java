package io.palitra.train;

import io.palitra.config.Config;
import io.palitra.data.DataOptions;
import io.palitra.data.DataSpec;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.ImageSpec;
import io.palitra.data.Picture;
import io.palitra.data.Split;
import io.palitra.data.VectorSpec;
import io.palitra.family.Families;
import io.palitra.family.FamilyContract;
import io.palitra.model.Family;
import io.palitra.model.Tiny;
import io.palitra.model.Watcher;
import io.palitra.paint.TinyPipeline;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** Runs of a dozen steps of every family, and a way to say that two of them ended in the same bits. */
public final class TinyRuns {
    static final int STEPS = 12;
    private static final String DATA = "data.";
    /** Side of drawn digits; as 28, twice halved it is odd. */
    private static final int SIDE = 20;
    /** Of a set's items: an epoch of a tiny run, and enough that samples are watched for collapse. */
    private static final int ITEMS = 96;

    private TinyRuns() {}

    static Dataset data(Split split) { return new First(Datasets.open("strokes", split, DataOptions.DEFAULT), 640); }

    /** A vae or ae of 30 steps on strokes. */
    static RunConfig config(String family) {
        return RunConfig.of(family, "strokes", data(Split.TRAIN), DataOptions.DEFAULT, 3, List.of("latent=4", "net.hidden=32",
            "train.steps=30", "train.batch=16")).on("cpu", RunConfig.Precision.FP32, 1).saving(5, 7);
    }

    /** A run of {@link #STEPS} steps of a family's own smallest configuration. @param root of the models that it is built upon */
    static RunConfig config(String family, Path root) throws IOException { return config(family, root, STEPS); }

    private static RunConfig config(String family, Path root, int steps) throws IOException {
        Family<?> f = Families.named(family);
        DataOptions options = options(f);
        List<String> overrides = new ArrayList<>(overrides(f, root));
        overrides.addAll(List.of("train.steps=" + steps, "train.batch=8"));
        return RunConfig.of(family, f.tiny().data(), open(f.tiny().data(), Split.TRAIN, options), options, 3, overrides)
            .on("cpu", RunConfig.Precision.FP32, 1).saving(1, 4);
    }

    /** A set's first items: what is measured of the data around a dozen steps then takes less than they. */
    private record First(Dataset of, int size) implements Dataset {
        @Override public String name() { return of.name(); }

        @Override public DataSpec spec() { return of.spec(); }

        @Override public int label(int i) { return of.label(i); }

        @Override public List<String> classNames() { return of.classNames(); }

        @Override public void read(int i, ByteBuffer into) { of.read(i, into); }

        @Override public List<String> captions(int i) { return of.captions(i); }
    }

    private static Dataset open(String data, Split split, DataOptions options) {
        Dataset all = Datasets.open(data, split, options);
        return new First(all, Math.min(ITEMS, all.size()));
    }

    /** The same, to be built alone, on data that are made up. */
    public static FamilyContract.Case tiny(Family<?> family, Path root) throws IOException {
        Dataset data = open(family.tiny().data(), Split.TRAIN, options(family));
        boolean madeUp = data.spec() instanceof ImageSpec || data.spec() instanceof VectorSpec;
        return new FamilyContract.Case(family, data.spec(), overrides(family, root), madeUp ? null : data);
    }

    private static DataOptions options(Family<?> family) {
        List<String> own = family.tiny().overrides().stream().filter(o -> o.startsWith(DATA)).map(o -> o.substring(DATA.length())).toList();
        DataOptions usual = family.tiny().data().equals(Family.USUAL) ? Config.with(DataOptions.DEFAULT, List.of("size=" + SIDE))
            : DataOptions.DEFAULT;
        return Config.with(usual, own);
    }

    /** Of a family's keys, with the places of the models that it is built upon, which are made where they are not there yet. */
    static List<String> overrides(Family<?> family, Path root) throws IOException {
        List<String> all = new ArrayList<>(family.tiny().overrides().stream().filter(o -> !o.startsWith(DATA)).toList());
        for (Map.Entry<String, String> e : family.tiny().upon().entrySet()) all.add(e.getKey() + "=" + model(e.getValue(), root));
        return all;
    }

    private static Path model(String family, Path root) throws IOException {
        Path place = root.resolve("upon").resolve(family.replace(' ', '-'));
        if (Files.exists(place)) return place;
        if (family.equals(Tiny.PAINTER)) return TinyPipeline.write(place, 1);
        RunConfig config = config(family, root, 1);
        Trainer.start(place, config, train(config), test(config), Watcher.SILENT);
        return place;
    }

    static Dataset train(RunConfig config) { return open(config.settings().data(), Split.TRAIN, config.settings().options()); }

    static Dataset test(RunConfig config) { return open(config.settings().data(), Split.TEST, config.settings().options()); }

    /**
     * SHA-256 of everything that must not depend on where the run was stopped: weights, optimiser, averages, log, what it publishes. Not
     * the files of lora, which hold the run's name beside the numbers of its weights.
     */
    public static Map<String, String> hashes(Path folder) throws Exception {
        List<Path> files = new ArrayList<>(List.of(folder.resolve(Metrics.NAME), folder.resolve(Run.MODEL)));
        try (Stream<Path> steps = Files.list(folder.resolve("train"))) {
            Path last = steps.filter(p -> p.getFileName().toString().startsWith("step-")).max(Path::compareTo).orElseThrow();
            try (Stream<Path> parts = Files.list(last)) {
                files.addAll(parts.filter(p -> p.toString().endsWith(".safetensors")).sorted().toList()); }
        }
        for (String published : List.of("vqmodel", "clip", "gpt2", "tokenizer.json")) {
            if (!Files.exists(folder.resolve(published))) continue;
            try (Stream<Path> all = Files.walk(folder.resolve(published))) { files.addAll(all.filter(Files::isRegularFile).sorted()
                .toList()); }
        }
        Map<String, String> hashes = new LinkedHashMap<>();
        for (Path f : files) hashes.put(folder.relativize(f).toString(), sha(f));
        return hashes;
    }

    private static String sha(Path file) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
    }

    /** Stops when that says so. */
    public static Watcher until(BooleanSupplier stop) {
        return new Watcher() {
            @Override public boolean stop() { return stop.getAsBoolean(); }
        };
    }

    /**
     * A child JVM that is to be killed: arguments are the folder of the models that runs are built upon, that of the runs, and the
     * families. One after the other starts its run, or goes on with it, and says "FAMILY STEP" after each step.
     */
    public static void main(String[] args) throws IOException {
        for (String family : List.of(args).subList(2, args.length)) {
            Path folder = Path.of(args[1], family);
            Watcher tell = new Watcher() {
                @Override public void tick(String what, long step, long steps, Map<String, Double> figures,
                    Supplier<Optional<Picture>> preview) {
                    System.out.println(family + " " + step);
                }
            };
            boolean there = Files.exists(folder.resolve(Run.CONFIG));
            RunConfig config = there ? RunConfig.read(folder.resolve(Run.CONFIG)) : config(family, Path.of(args[0]));
            if (there) Trainer.resume(folder, train(config), test(config), tell);
            else Trainer.start(folder, config, train(config), test(config), tell);
        }
    }
}
