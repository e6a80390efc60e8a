package io.palitra.app;

import io.palitra.config.ArgumentException;
import io.palitra.job.ResumeRequest;
import io.palitra.job.TrainRequest;
import io.palitra.job.Trained;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;
import picocli.CommandLine;

@Command(name = "train", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Train a family on a data set into a run folder: weights, samples, reconstructions, animation, curves, report.html.")
final class TrainCommand implements Callable<Integer> {
    @Spec private CommandLine.Model.@Nullable CommandSpec spec;

    @Parameters(index = "0", paramLabel = "FAMILY", completionCandidates = Names.Families.class,
        description = "what to train; 'palitra families' lists them")
    private String family = "";

    @Parameters(index = "1", arity = "0..1", paramLabel = "DATA", completionCandidates = Names.Data.class,
        description = {"a data set ('palitra data' lists them), a folder or zip of pictures, of texts or of .mid, a .csv, or a text;",
            "default: scenes for clip, dalle, prior and unclip, questions for flamingo, programs for gpt, lstm and mdlm, parts for",
            "musictransformer and musegan, strokes for others ('palitra families FAMILY' lists it);",
            "for lora a folder of pictures with captions: metadata.jsonl with file_name and text, or a .txt beside each picture"})
    private @Nullable String data;

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

    @Mixin private Seed seed = new Seed();

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

    @Mixin private Computing computing = new Computing();

    @Option(names = "--precision", paramLabel = "fp32|bf16", defaultValue = "fp32", description = "of matrix products; default: fp32")
    private TrainRequest.Precision precision = TrainRequest.Precision.FP32;

    @Option(names = "--save-every", paramLabel = "STEPS", defaultValue = "0",
        description = "steps between checkpoints; default: every two minutes and at the end of epochs")
    private int saveEvery;

    @Option(names = "--json", description = "the result as JSON on stdout")
    private boolean json;

    @Option(names = "--quiet", description = "no progress line")
    private boolean quiet;

    @Override public Integer call() throws IOException {
        if (out != null) folder("--out", out);
        if (!resume && changedData) throw new ArgumentException("--changed-data is of a run that goes on: --resume");
        atLeastOne("--epochs", length == null || length.epochs == null ? 1 : length.epochs);
        atLeastOne("--steps", length == null || length.steps == null ? 1 : length.steps);
        atLeastOne("--batch", batch == null ? 1 : batch);
        checkedSaveEvery(saveEvery);
        List<String> keys = new ArrayList<>(set);
        if (length != null) length(keys, length.epochs, length.steps);
        if (batch != null) keys.add("train.batch=" + batch);
        if (strict) keys.add("data.strict=true");
        if (dataDir != null) keys.add("data.dir=" + dataDir);
        Terminal terminal = new Terminal("", quiet).until(Stop.whenAsked());
        if (resume) return end(resumed(keys).run(terminal), json);
        TrainRequest request = new TrainRequest(family, Common.name(data, "DATA"), Common.name(model, "--model"), keys, seed.value,
            Common.text(out), computing.device, precision, computing.threads, saveEvery);
        return end(request.run(terminal), json);
    }

    /** With what was typed beside --resume; what was not is not compared. */
    private ResumeRequest resumed(List<String> keys) {
        if (out == null) throw new ArgumentException("--resume needs --out DIR, the run to go on with");
        ParseResult typed = Objects.requireNonNull(spec).commandLine().getParseResult();
        if (model != null) keys.add("model=" + model);
        List<String> same = new ArrayList<>();
        if (typed.hasMatchedOption("--seed")) same.add("seed=" + seed.value);
        if (typed.hasMatchedOption("--precision")) same.add("precision=" + precision);
        return new ResumeRequest(out.toString(), keys, family, same, Common.name(data, "DATA"), changedData,
            typed.hasMatchedOption("--device") ? computing.device : "", typed.hasMatchedOption("--threads") ? computing.threads : -1,
            typed.hasMatchedOption("--save-every") ? saveEvery : -1);
    }

    /** Refuses an empty name, which would be the folder one stands in. */
    static void folder(String as, Path typed) {
        if (typed.toString().isBlank()) throw new ArgumentException(as + " is empty; it wants a folder");
    }

    static void length(List<String> keys, @Nullable Integer epochs, @Nullable Long steps) {
        if (epochs != null) keys.add("train.epochs=" + epochs);
        if (steps != null) keys.add("train.steps=" + steps);
    }

    /** -1 where none was typed. */
    static int orAsBefore(@Nullable Integer threads) { return threads == null ? -1 : threads; }

    /** -1 where none was typed. */
    static int checkedSaveEvery(@Nullable Integer steps) {
        if (steps != null && steps < 0) throw new ArgumentException("illegal --save-every: " + steps + ", must be at least 0");
        return steps == null ? -1 : steps;
    }

    private static void atLeastOne(String option, long n) {
        if (n < 1) throw new ArgumentException("illegal " + option + ": " + n + ", must be at least 1");
    }

    static int end(Trained trained, boolean json) throws IOException {
        if (json) Common.json(trained.toJson());
        else Common.OUT.println(trained.finished() ? trained.page() : trained.run());
        if (!trained.finished()) Terminal.print("stopped; go on with: palitra resume " + trained.run());
        trained.change().ifPresent(c -> {
            Terminal.print("paint with it: palitra paint TEXT --model " + c.model() + " --lora " + c.diffusers());
            Terminal.print("the same for programs that want kohya's form: " + c.kohya());
        });
        return trained.finished() ? CommandLine.ExitCode.OK : Main.STOPPED;
    }
}
