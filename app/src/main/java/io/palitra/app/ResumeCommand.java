package io.palitra.app;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "resume", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Go on with a run from its last good checkpoint; it ends as if it had never been stopped.")
final class ResumeCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder")
    private Path run = Path.of("");

    @Option(names = "--data-dir", paramLabel = "DIR", description = "where data sets lie, if they moved")
    private @Nullable Path dataDir;

    @Option(names = "--json", description = "the result as JSON on stdout")
    private boolean json;

    @Option(names = "--quiet", description = "no progress line")
    private boolean quiet;

    @Override public Integer call() throws IOException { return TrainCommand.resume(run, dataDir, json, quiet); }
}
