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
import io.palitra.model.Family;
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
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

@Command(name = "train", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Train a family on a data set into a run folder: weights, samples, reconstructions, animation, curves, report.html.")
final class TrainCommand implements Callable<Integer> {
    @Spec private CommandLine.Model.@Nullable CommandSpec spec;

    @Parameters(index = "0", paramLabel = "FAMILY", description = "what to train; 'palitra families' lists them")
    private String family = "";

    @Parameters(index = "1", arity = "0..1", paramLabel = "DATA",
        description = {"a data set ('palitra data' lists them), a folder of pictures, or a zip of one; default: scenes for clip and dalle,",
            "strokes for others ('palitra families FAMILY' says it);",
            "for lora a folder of pictures with captions: metadata.jsonl with file_name and text, or a .txt beside each picture"})
    private @Nullable String asked;

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

    @Option(names = "--resume", description = {"go on with the run in --out; what is typed beside it must be what the run is, save for",
        "its length and for where it computes, saves and finds things"})
    private boolean resume;

    @Option(names = "--changed-data", description = "with --resume: go on although the data is no longer what the run was trained on")
    private boolean changedData;

    @Option(names = "--data-dir", paramLabel = "DIR", description = "where data sets lie")
    private @Nullable Path dataDir;

    @Option(names = "--strict", description = "a broken picture in a folder is an error; else it is skipped and named")
    private boolean strict;

    @Option(names = "--device", paramLabel = "auto|cpu|cuda[:n]", defaultValue = "auto", description = "where to compute; default: auto")
    private String device = "auto";

    @Option(names = "--precision", paramLabel = "fp32|bf16", defaultValue = "fp32", description = "of matrix products; default: fp32")
    private RunConfig.Precision precision = RunConfig.Precision.FP32;

    @Option(names = "--threads", paramLabel = "N|auto", defaultValue = "auto", converter = Threads.class, description = Threads.ABOUT)
    private int threads;

    @Option(names = "--save-every", paramLabel = "STEPS", defaultValue = "0",
        description = "steps between checkpoints; default: every two minutes and at the end of epochs")
    private int saveEvery;

    @Option(names = "--json", description = "the result as JSON on stdout")
    private boolean json;

    @Option(names = "--quiet", description = "no progress line")
    private boolean quiet;

    @Override public Integer call() throws IOException {
        if (out != null) folder("--out", out);
        if (resume) {
            if (out == null) throw new IllegalArgumentException("--resume needs --out DIR, the run to go on with");
            return resume(out, asked(config(out)), changedData, json, quiet);
        }
        if (changedData) throw new IllegalArgumentException("--changed-data is of a run that goes on: --resume");
        Family<?> wanted = Families.named(family);
        List<String> overrides = new ArrayList<>(Common.without(set, "data."));
        atLeastOne("--epochs", length == null || length.epochs == null ? 1 : length.epochs);
        atLeastOne("--steps", length == null || length.steps == null ? 1 : length.steps);
        atLeastOne("--batch", batch == null ? 1 : batch);
        if (saveEvery < 0) throw new IllegalArgumentException("illegal --save-every: " + saveEvery + ", must be at least 0");
        if (length != null && length.epochs != null) overrides.add("train.epochs=" + length.epochs);
        if (length != null && length.steps != null) overrides.add("train.steps=" + length.steps);
        if (batch != null) overrides.add("train.batch=" + batch);
        if (strict) set.add("data.strict=true");
        if (family.equals(LoraTuning.FAMILY.name())) overrides.add("model=" + captioned());
        else if (model != null) throw new IllegalArgumentException("--model is of lora; '" + family + "' changes no other model");
        DataOptions options = Common.dataOptions(set, dataDir);
        String data = asked != null ? asked : wanted.data();
        if (data.isEmpty()) {
            throw new IllegalArgumentException("which DATA? " + family + " learns from a folder of pictures with captions: metadata.jsonl "
                + "with file_name and text, or a .txt beside each picture");
        }
        Terminal terminal = new Terminal(family + " on " + data, quiet);
        Dataset train = open(data, Split.TRAIN, options, terminal);
        Dataset test = trainingAlone(family, data) ? null : test(() -> open(data, Split.TEST, options, terminal), data, terminal);
        RunConfig config = RunConfig.of(family, Common.dataName(data), train, options, seed, overrides)
            .on(Device.named(device).toString(), precision, threads(threads))
            .saving(20, saveEvery);
        Path folder = out != null ? out : fresh(family, train.name());
        if (Files.exists(folder.resolve(Run.CONFIG))) {
            throw new IllegalArgumentException("'" + folder + "' already holds a run; --resume goes on with it, or choose another --out");
        }
        Trainer.refuseOccupied(folder);
        Common.folder(folder, false);
        if (!quiet) terminal.note((asked != null ? "" : "on " + data + ", which " + family + " takes unless other DATA is asked for; ")
            + "training into " + folder);
        return end(folder, Trainer.start(folder, config, train, test, terminal.until(Stop.onSignals())), json);
    }

    /** Refuses an empty name, which would be the folder one stands in. */
    static void folder(String as, Path typed) {
        if (typed.toString().isBlank()) throw new IllegalArgumentException(as + " is empty; it wants a folder");
    }

    /** @throws IllegalArgumentException when the folder is no run's */
    static RunConfig config(Path folder) throws IOException {
        Path file = folder.resolve(Run.CONFIG);
        if (!Files.isRegularFile(file)) throw new IllegalArgumentException("'" + folder + "' is not a run folder: it has no " + Run.CONFIG);
        return RunConfig.read(file);
    }

    /** What was typed beside --resume; what was not is not compared. */
    private Asked asked(RunConfig run) {
        ParseResult typed = Objects.requireNonNull(spec).commandLine().getParseResult();
        RunConfig.Settings s = run.settings();
        Asked asked = new Asked(run);
        asked.family(family);
        if (typed.hasMatchedOption("--seed")) asked.same("seed", s.seed(), seed, "--seed " + seed);
        if (typed.hasMatchedOption("--precision")) {
            asked.same("precision", s.precision().name().toLowerCase(Locale.ROOT), precision.name().toLowerCase(Locale.ROOT), "--precision "
                + precision.name().toLowerCase(Locale.ROOT));
        }
        for (String o : set) asked.set(o, "--set " + o);
        if (batch != null) asked.set("train.batch=" + batch, "--batch " + batch);
        if (strict) asked.set("data.strict=true", "--strict");
        if (model != null) asked.set("model=" + changed(model), "--model " + model);
        if (length != null) length(asked, length.epochs, length.steps);
        if (this.asked != null) asked.data(Common.dataName(this.asked));
        if (dataDir != null) asked.set("data.dir=" + dataDir, "--data-dir " + dataDir);
        if (typed.hasMatchedOption("--device")) asked.device(Device.named(device).toString());
        if (typed.hasMatchedOption("--threads")) asked.threads(threads(threads));
        if (typed.hasMatchedOption("--save-every")) asked.saveEvery(saveEvery);
        return asked;
    }

    static void length(Asked asked, @Nullable Integer epochs, @Nullable Long steps) {
        if (epochs != null) asked.set("train.epochs=" + epochs, "--epochs " + epochs);
        if (steps != null) asked.set("train.steps=" + steps, "--steps " + steps);
    }

    /** All cores for 0. */
    static int threads(int typed) { return typed > 0 ? typed : Runtime.getRuntime().availableProcessors(); }

    static int resume(Path folder, Asked asked, boolean changedData, boolean json, boolean quiet) throws IOException {
        RunConfig config = asked.config();
        RunConfig.Settings s = config.settings();
        Terminal terminal = new Terminal(s.family() + " on " + s.data(), quiet);
        Dataset train = Common.data(config, null, null, Split.TRAIN, terminal);
        Dataset test = trainingAlone(s.family(), s.data()) ? null
            : test(() -> Common.data(config, null, null, Split.TEST, terminal), s.data(), terminal);
        return end(folder, Trainer.resume(folder, config, changedData, train, test, terminal.until(Stop.onSignals())), json);
    }

    private static void atLeastOne(String option, long n) {
        if (n < 1) throw new IllegalArgumentException("illegal " + option + ": " + n + ", must be at least 1");
    }

    /** Sets that pictures are read with their captions, as large as the model was trained on. The path of the model. */
    private Path captioned() {
        if (model == null) throw new IllegalArgumentException("which model? --model names a folder, or org/name of the hub");
        Path base = changed(model);
        set.addAll(List.of("data.captions=true", "data.channels=3"));
        if (set.stream().noneMatch(s -> s.startsWith("data.size="))) set.add("data.size=" + LoraTuning.side(base));
        return base;
    }

    /** Where the model lies that is to change. */
    private static Path changed(String model) { return Hub.resolve(model).toAbsolutePath().normalize(); }

    private Dataset open(String data, Split split, DataOptions options, Terminal terminal) {
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
        if (!finished) Terminal.say("stopped; go on with: palitra resume " + folder);
        if (RunConfig.read(folder.resolve(Run.CONFIG)).model() instanceof LoraTuning.Config c) {
            Terminal.say("paint with it: palitra paint TEXT --model " + c.model() + " --lora "
                + folder.resolve(LoraTuning.DIFFUSERS));
            Terminal.say("the same for programs that want kohya's form: " + folder.resolve(LoraTuning.KOHYA));
        }
        return finished ? CommandLine.ExitCode.OK : Main.STOPPED;
    }
}
