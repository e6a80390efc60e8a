package io.palitra.train;

import io.palitra.config.Config;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.ImageSpec;
import io.palitra.data.Picture;
import io.palitra.data.Split;
import io.palitra.engine.Rng;
import io.palitra.family.Families;
import io.palitra.family.TinyFamilies;
import io.palitra.family.TinyFirstStage;
import io.palitra.model.Family;
import io.palitra.model.LearnsTexts;
import io.palitra.model.Trainable;
import io.palitra.model.Watcher;
import io.palitra.paint.TinyPipeline;
import io.palitra.report.Png;
import java.io.IOException;
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
import org.jspecify.annotations.Nullable;

/** Runs of a dozen steps of every family, and a way to say that two of them ended in the same bits. */
public final class TinyRuns {
    static final int STEPS = 12;
    private static final String LORA = "lora";
    private static final int CAPTIONED = 24;
    private static final List<String> COLOURS = List.of("red", "green", "blue", "white");

    private TinyRuns() {}

    static Dataset data(Split split) { return Datasets.open("strokes", split, DataOptions.DEFAULT); }

    /** A vae or ae of 30 steps on strokes. */
    static RunConfig config(String family) {
        return RunConfig.of(family, "strokes", data(Split.TRAIN), DataOptions.DEFAULT, 3, List.of("latent=4", "train.steps=30",
            "train.batch=16")).on("cpu", RunConfig.Precision.FP32, 1).saving(5, 7);
    }

    /**
     * What the runs of {@link #config(String, Path)} stand on: first stages, a model to change, pictures with captions.
     *
     * @param root a folder that is there
     */
    static void prepare(Path root) throws IOException {
        TinyFirstStage.save(root.resolve("grey"), 1, 1);
        TinyFirstStage.save(root.resolve("rgb"), 3, 1);
        TinyPipeline.write(root.resolve("model"), 1);
        Path pictures = Files.createDirectories(captioned(root));
        for (int i = 0; i < CAPTIONED; i++) {
            byte[] p = new byte[3 * 32 * 32];
            for (int k = 0; k < p.length; k++) p[k] = (byte) ((k / 1024 == i % 4 || i % 4 == 3) && k % 32 > 2 + i && k % 1024 / 32 > 5
                ? 250 : 20);
            Png.write(pictures.resolve(String.format("%02d.png", i)), new Picture(3, 32, 32, p), Map.of());
            Files.writeString(pictures.resolve(String.format("%02d.txt", i)), "a " + COLOURS.get(i % 4) + " square, number " + i);
        }
    }

    private static Path captioned(Path root) { return root.resolve("pictures"); }

    /** A run of {@link #STEPS} steps of any family of the catalogue, on what {@link #prepare} made. */
    static RunConfig config(String family, Path root) {
        DataOptions told = Config.with(DataOptions.DEFAULT, "captions=true", "channels=3", "size=32");
        List<String> overrides = new ArrayList<>();
        boolean captions = family.equals(LORA);
        if (captions) {
            overrides.addAll(List.of("model=" + root.resolve("model"), "rank=2"));
        } else {
            TinyFamilies.Case c = tiny(family, root);
            overrides.addAll(c.overrides());
            captions = learnsTexts(c);
        }
        overrides.addAll(List.of("train.steps=" + STEPS, "train.batch=8"));
        String data = captions ? captioned(root).toString() : "strokes";
        DataOptions options = captions ? told : DataOptions.DEFAULT;
        return RunConfig.of(family, data, Datasets.open(data, Split.TRAIN, options), options, 3, overrides)
            .on("cpu", RunConfig.Precision.FP32, 1).saving(1, 4);
    }

    /** Its first tiny configuration for pictures of strokes, or for pictures in colour if it learns texts. */
    private static TinyFamilies.Case tiny(String family, Path root) {
        return TinyFamilies.cases(root.resolve("grey"), root.resolve("rgb")).stream().filter(c -> c.family().equals(family)
                && c.data() instanceof ImageSpec s && (s.height() == 28 || s.channels() == 3 && learnsTexts(c))).findFirst()
            .orElseThrow(() -> new AssertionError("'" + family + "' has no tiny configuration for pictures of 1x28x28, or for captioned "
                + "ones of 3x32x32: add a line to TinyFamilies.cases"));
    }

    private static boolean learnsTexts(TinyFamilies.Case c) {
        Trainable model = build(Families.named(c.family()), c);
        try {
            return model instanceof LearnsTexts;
        } finally {
            model.close();
        }
    }

    private static <C extends Record> Trainable build(Family<C> family, TinyFamilies.Case c) {
        return family.build(Config.with(family.defaults(), c.overrides()), c.data(), Rng.silent());
    }

    static Dataset train(RunConfig config) { return Datasets.open(config.settings().data(), Split.TRAIN, config.settings().options()); }

    static @Nullable Dataset test(RunConfig config) {
        return config.settings().options().captions() ? null : Datasets.open(config.settings().data(), Split.TEST,
            config.settings().options());
    }

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
        for (String published : List.of("vqmodel", "clip", "tokenizer.json")) {
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
     * A child JVM that is to be killed: arguments are what {@link #prepare} made, the folder of the runs, and the families. One after the
     * other starts its run, or goes on with it, and says "FAMILY STEP" after each step.
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
