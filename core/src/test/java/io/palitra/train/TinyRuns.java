package io.palitra.train;

import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.Split;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Runs of a few dozen steps of every family, and a way to say that two of them ended in the same bits. */
public final class TinyRuns {
    /** Family to the overrides that make it small. */
    static final Map<String, List<String>> FAMILIES = families();

    private TinyRuns() {}

    private static Map<String, List<String>> families() {
        Map<String, List<String>> all = new LinkedHashMap<>();
        all.put("ae", List.of("latent=4", "train.steps=30", "train.batch=16"));
        all.put("vae", List.of("latent=4", "train.steps=30", "train.batch=16"));
        all.put("vqvae", List.of("net.channels=8,8", "net.codes=16", "net.width=4", "codesFrom=5", "train.steps=30", "train.batch=8"));
        all.put("gan", List.of("width=8", "r1=1", "train.steps=30", "train.batch=16"));
        all.put("diffusion", List.of("channels=8,8", "attention=1", "groups=4", "train.steps=20", "train.batch=4"));
        return all;
    }

    static Dataset data(Split split) { return Datasets.open("strokes", split, DataOptions.DEFAULT); }

    static RunConfig config(String family) {
        return RunConfig.of(family, "strokes", data(Split.TRAIN), DataOptions.DEFAULT, 3, FAMILIES.get(family)).on("cpu",
            RunConfig.Precision.FP32, 1)
            .saving(5, 7);
    }

    /** SHA-256 of everything that must not depend on where the run was stopped: weights, optimiser, averages, log. */
    public static Map<String, String> hashes(Path folder) throws Exception {
        List<Path> files = new ArrayList<>(List.of(folder.resolve(Metrics.NAME), folder.resolve(Run.MODEL)));
        try (Stream<Path> steps = Files.list(folder.resolve("train"))) {
            Path last = steps.filter(p -> p.getFileName().toString().startsWith("step-")).max(Path::compareTo).orElseThrow();
            try (Stream<Path> parts = Files.list(last)) {
                files.addAll(parts.filter(p -> p.toString().endsWith(".safetensors")).sorted().toList()); }
        }
        Map<String, String> hashes = new LinkedHashMap<>();
        for (Path f : files) hashes.put(folder.relativize(f).toString(), sha(f));
        return hashes;
    }

    private static String sha(Path file) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
    }

    /** A child JVM that is to be killed: arguments are the folder and the family; starts the run or goes on with it. */
    public static void main(String[] args) throws IOException {
        Path folder = Path.of(args[0]);
        Dataset train = data(Split.TRAIN), test = data(Split.TEST);
        if (Files.exists(folder.resolve(Run.CONFIG))) Trainer.resume(folder, train, test, Progress.SILENT, () -> false);
        else Trainer.start(folder, config(args[1]), train, test, Progress.SILENT, () -> false);
    }
}
