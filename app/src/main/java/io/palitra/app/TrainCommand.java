package io.palitra.app;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.FormatException;
import io.palitra.data.Split;
import io.palitra.engine.Device;
import io.palitra.family.Families;
import io.palitra.hub.Hub;
import io.palitra.paint.LoraTuning;
import io.palitra.train.Metrics;
import io.palitra.train.Run;
import io.palitra.train.RunConfig;
import io.palitra.train.Trainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "train", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Train a family on a data set into a run folder: weights, samples, reconstructions, animation, curves, report.html.")
final class TrainCommand implements Callable<Integer> {
    /** The override that names another run. */
    private static final String STAGE = "vqgan=";

    @Parameters(index = "0", paramLabel = "FAMILY", description = "what to train; 'palitra families' lists them")
    private String family = "";

    @Parameters(index = "1", arity = "0..1", paramLabel = "DATA", defaultValue = "strokes",
        description = {"a data set ('palitra data' lists them), a folder of pictures, or a zip of one; default: ${DEFAULT-VALUE};",
            "for lora a folder of pictures with captions: metadata.jsonl with file_name and text, or a .txt beside each picture"})
    private String data = "strokes";

    @Option(names = "--model", paramLabel = "M", description = "of lora: the model to change, a folder, or org/name of the hub")
    private @Nullable String model;

    @Option(names = "--set", paramLabel = "key=value",
        description = "any config key: the family's (latent=16), the recipe's (train.optimizer.lr=1e-3), the reader's (data.size=32)")
    private List<String> set = new ArrayList<>();

    static final class Length {
        @Option(names = "--epochs", paramLabel = "N", description = "passes of the data") private @Nullable Integer epochs;
        @Option(names = "--steps", paramLabel = "N", description = "optimiser moves") private @Nullable Long steps;
    }

    @ArgGroup private @Nullable Length length;

    @Option(names = "--batch", paramLabel = "N", description = "items in a step")
    private @Nullable Integer batch;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "0", description = "decides weights, noise and order; default: 0")
    private long seed;

    @Option(names = "--out", paramLabel = "DIR", description = "the run folder; default: runs/FAMILY-DATA-N")
    private @Nullable Path out;

    @Option(names = "--resume", description = "go on with the run in --out")
    private boolean resume;

    @Option(names = "--data-dir", paramLabel = "DIR", description = "where data sets lie")
    private @Nullable Path dataDir;

    @Option(names = "--strict", description = "a broken picture in a folder is an error; else it is skipped and named")
    private boolean strict;

    @Option(names = "--device", paramLabel = "auto|cpu|cuda[:n]", defaultValue = "auto", description = "where to compute; default: auto")
    private String device = "auto";

    @Option(names = "--precision", paramLabel = "fp32|bf16", defaultValue = "fp32", description = "of matrix products; default: fp32")
    private RunConfig.Precision precision = RunConfig.Precision.FP32;

    @Option(names = "--threads", paramLabel = "N", defaultValue = "0", description = "of one operation; default: all cores")
    private int threads;

    @Option(names = "--save-every", paramLabel = "STEPS", defaultValue = "0",
        description = "steps between checkpoints; default: every two minutes and at the end of epochs")
    private int saveEvery;

    @Option(names = "--json", description = "the result as JSON on stdout")
    private boolean json;

    @Option(names = "--quiet", description = "no progress line")
    private boolean quiet;

    @Override public Integer call() throws IOException {
        if (resume) {
            if (out == null) throw new IllegalArgumentException("--resume needs --out DIR, the run to go on with");
            return resume(out, dataDir, json, quiet);
        }
        Families.named(family);
        List<String> overrides = new ArrayList<>(Common.without(set, "data."));
        if (length != null && length.epochs != null) overrides.add("train.epochs=" + length.epochs);
        if (length != null && length.steps != null) overrides.add("train.steps=" + length.steps);
        if (batch != null) overrides.add("train.batch=" + batch);
        if (strict) set.add("data.strict=true");
        // a run is resumed from anywhere
        overrides.replaceAll(o -> o.startsWith(STAGE) && Files.exists(Path.of(o.substring(STAGE.length())))
            ? STAGE + Path.of(o.substring(STAGE.length())).toAbsolutePath().normalize() : o);
        if (family.equals(LoraTuning.FAMILY.name())) overrides.add("model=" + captioned());
        else if (model != null) throw new IllegalArgumentException("--model is of lora; '" + family + "' changes no other model");
        DataOptions options = Common.dataOptions(set, dataDir);
        Terminal terminal = new Terminal(family + " on " + data, quiet);
        Dataset train = open(Split.TRAIN, options, terminal);
        Dataset test = trainingAlone(family, data) ? null : test(() -> open(Split.TEST, options, terminal), data, terminal);
        RunConfig config = RunConfig.of(family, Common.dataName(data), train, options, seed, overrides)
            .on(Device.named(device).toString(), precision, threads > 0 ? threads : Runtime.getRuntime().availableProcessors())
            .saving(20, saveEvery);
        Path folder = out != null ? out : fresh(family, train.name());
        if (Files.exists(folder.resolve(Run.CONFIG))) {
            throw new IllegalArgumentException("'" + folder + "' already holds a run; --resume goes on with it, or choose another --out");
        }
        if (!quiet) terminal.note("training into " + folder);
        Stop stop = Stop.onSignals();
        return end(folder, Trainer.start(folder, config, train, test, terminal, stop), json);
    }

    static int resume(Path folder, @Nullable Path dataDir, boolean json, boolean quiet) throws IOException {
        Path file = folder.resolve(Run.CONFIG);
        if (!Files.isRegularFile(file)) throw new IllegalArgumentException("'" + folder + "' is not a run folder: it has no " + Run.CONFIG);
        RunConfig config = RunConfig.read(file);
        Terminal terminal = new Terminal(config.settings().family() + " on " + config.settings().data(), quiet);
        Dataset train = Common.data(config, null, dataDir, Split.TRAIN, terminal);
        Dataset test = trainingAlone(config.settings().family(), config.settings().data()) ? null
            : test(() -> Common.data(config, null, dataDir, Split.TEST, terminal), config.settings().data(), terminal);
        Stop stop = Stop.onSignals();
        return end(folder, Trainer.resume(folder, train, test, terminal, stop), json);
    }

    /** Sets that pictures are read with their captions, as large as the model was trained on. The path of the model. */
    private Path captioned() {
        if (model == null) throw new IllegalArgumentException("which model? --model names a folder, or org/name of the hub");
        if (Files.exists(Path.of(data))) data = Path.of(data).toAbsolutePath().normalize().toString();
        Path base = Hub.resolve(model).toAbsolutePath().normalize();
        set.addAll(List.of("data.captions=true", "data.channels=3"));
        if (set.stream().noneMatch(s -> s.startsWith("data.size="))) set.add("data.size=" + LoraTuning.side(base));
        return base;
    }

    private Dataset open(Split split, DataOptions options, Terminal terminal) {
        return Common.told(Common.of(family, Common.dataName(data), split, options), terminal);
    }

    /** Of a folder lora needs no test part: it reconstructs nothing. */
    private static boolean trainingAlone(String family, String data) {
        return family.equals(LoraTuning.FAMILY.name()) && Datasets.catalogue().stream().noneMatch(s -> s.name().equals(data));
    }

    /** A folder of a few pictures has no test part: said, and trained all the same. */
    private static @Nullable Dataset test(Supplier<Dataset> open, String data, Terminal terminal) {
        try {
            return open.get();
        } catch (FormatException e) {
            if (Datasets.catalogue().stream().anyMatch(s -> s.name().equals(data))) throw e;
            terminal.note(e.getMessage() + "; training without a test part: no reconstructions, nothing to evaluate");
            return null;
        }
    }

    private static Path fresh(String family, String data) {
        String base = "runs/" + family + "-" + data.replaceAll("[^A-Za-z0-9._-]", "_") + "-";
        int n = 1;
        while (Files.exists(Path.of(base + n))) n++;
        return Path.of(base + n);
    }

    private static int end(Path folder, boolean finished, boolean json) throws IOException {
        if (json) {
            ObjectNode node = new com.fasterxml.jackson.databind.ObjectMapper().createObjectNode();
            node.put("run", folder.toString()).put("finished", finished);
            ObjectNode last = node.putObject("last");
            Metrics.read(folder).forEach((name, points) -> last.put(name, points.get(points.size() - 1)[1]));
            Common.json(node);
        } else {
            Common.OUT.println(finished ? folder.resolve(io.palitra.report.Report.NAME) : folder);
        }
        if (!finished) System.err.println("stopped; go on with: palitra resume " + folder);
        if (RunConfig.read(folder.resolve(Run.CONFIG)).model() instanceof LoraTuning.Config c) {
            System.err.println("paint with it: palitra paint TEXT --model " + c.model() + " --lora "
                + folder.resolve(LoraTuning.DIFFUSERS));
            System.err.println("the same for programs that want kohya's form: " + folder.resolve(LoraTuning.KOHYA));
        }
        return finished ? CommandLine.ExitCode.OK : Main.STOPPED;
    }
}
