package io.palitra.job;

import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.engine.Scope;
import io.palitra.measure.Course;
import io.palitra.model.IncludedModels;
import io.palitra.model.Watcher;
import io.palitra.train.RunComparison;
import io.palitra.train.RunReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** One page that sets runs side by side; a run that was not evaluated yet is evaluated first. */
public record CompareRequest(
        @Help(value = "run folders, two at least", place = Help.Place.MODEL) List<String> runs,
        @Help(value = "the page", place = Help.Place.OUT) String out,
        @Help("whether a page that is there is replaced") boolean force,
        @Help(value = "samples to judge a run by that was not evaluated yet", min = 100, max = 1_000_000) int n,
        @Help(value = "where data sets lie, empty = where they lay", place = Help.Place.DATA) String dataDir,
        @Help("where to compute: auto, cpu, cuda or cuda:n") String device,
        @Help(value = "threads of one operation, 0 = as they are", min = 0) int threads) implements Request<CompareRequest.Result> {
    /** All their measures, 10,000 samples each. */
    public CompareRequest(List<String> runs, String out) { this(runs, out, false, 10_000, "", "auto", 0); }

    public CompareRequest { runs = List.copyOf(runs); }

    /** @param page that was written */
    public record Result(Path page) {}

    /** Writes the page. @throws IllegalArgumentException for a folder that is no run's, before any is evaluated */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        if (runs.size() < 2) throw new ConfigException("runs", "illegal runs: " + runs + ", must be two at least");
        for (String run : runs) {
            if (Files.exists(Path.of(run)) || IncludedModels.folder(run).isEmpty()) continue;
            throw new ArgumentException("'" + run + "' comes with the program: its numbers are kept nowhere, and compare sets folders of "
                + "runs side by side; palitra evaluate " + run + " prints them");
        }
        for (String run : runs) Inputs.config(run);   // one that is damaged is refused before another is evaluated, which takes minutes
        Path page = Outputs.free(Path.of(out), "out", force);
        for (String run : runs) {
            if (Files.exists(Path.of(run).resolve(RunReport.EVALUATION))) continue;
            watcher.note(run + " was not evaluated yet: evaluating it");
            new EvaluateRequest(List.of(run), "", n, "", false, "", "", "", EvaluateRequest.Resize.CLEAN, "", "", false, List.of(), dataDir,
                device, threads).run(watcher);
        }
        Course course = new Course(watcher);
        course.at("comparing", 0, 1, 1);
        try (var watch = Scope.watch(course)) {
            RunComparison.of(runs.stream().map(Path::of).toList(), device, watcher::note).write(page);
        }
        watcher.wrote(page);
        return new Result(page);
    }
}
