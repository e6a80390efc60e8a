package io.palitra.app;

import io.palitra.job.ResumeRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "resume", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Go on with a run from its last good checkpoint; it ends as if it had never been stopped.")
final class ResumeCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder")
    private Path run = Path.of("");

    static final class Length {
        @Option(names = "--epochs", paramLabel = "N", description = "train on to so many passes of the data in all")
        private @Nullable Integer epochs;

        @Option(names = "--steps", paramLabel = "N",
            description = "train on to so many optimiser moves in all") private @Nullable Long steps;
    }

    @ArgGroup private @Nullable Length length;

    @Option(names = "--data", paramLabel = "DATA", description = "where the run's data lies, if it moved: a folder, zip or table")
    private @Nullable String data;

    @Option(names = "--data-dir", paramLabel = "DIR", description = "where data sets lie, if they moved")
    private @Nullable Path dataDir;

    @Option(names = "--changed-data", description = "go on although the data is no longer what the run was trained on")
    private boolean changedData;

    @Option(names = "--device", paramLabel = "auto|cpu|cuda[:n]",
        description = "where to compute; default: as before; last bits may differ")
    private @Nullable String device;

    @Option(names = "--threads", paramLabel = "N|auto", converter = Threads.class,
        description = "of one operation, auto = all processors; default: as before; last bits may differ")
    private @Nullable Integer threads;

    @Option(names = "--save-every", paramLabel = "STEPS", description = "steps between checkpoints, 0 = by time")
    private @Nullable Integer saveEvery;

    @Option(names = "--json", description = "the result as JSON on stdout")
    private boolean json;

    @Option(names = "--quiet", description = "no progress line")
    private boolean quiet;

    @Override public Integer call() throws IOException {
        TrainCommand.folder("RUN", run);
        List<String> set = new ArrayList<>();
        if (length != null) TrainCommand.length(set, length.epochs, length.steps);
        if (dataDir != null) set.add("data.dir=" + dataDir);
        ResumeRequest request = new ResumeRequest(run.toString(), set, "", List.of(), Common.name(data, "--data"), changedData,
            Common.name(device, "--device"), TrainCommand.orAsBefore(threads), TrainCommand.checkedSaveEvery(saveEvery));
        Terminal terminal = new Terminal("", quiet).until(Stop.whenAsked());
        return TrainCommand.end(request.run(terminal), json);
    }
}
