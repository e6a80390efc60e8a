package io.palitra.app;

import io.palitra.job.ReconstructRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "reconstruct", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Test items, and what a run with an encoder and a decoder makes of them.")
final class ReconstructCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder")
    private Path run = Path.of("");

    @Parameters(index = "1", arity = "0..1", paramLabel = "DATA", completionCandidates = Names.Data.class,
        description = "other pictures than the run's own test split")
    private @Nullable String data;

    @Option(names = "-n", paramLabel = "N", defaultValue = "16", description = "how many; default: 16")
    private int n;

    @Option(names = "--data-dir", paramLabel = "DIR", description = "where data sets lie")
    private @Nullable Path dataDir;

    @Option(names = "--out", paramLabel = "FILE.png", description = "default: RUN/reconstruct.png")
    private @Nullable Path out;

    @Mixin private Overwriting overwriting = new Overwriting();

    @Mixin private Computing computing = new Computing();

    @Override public Integer call() throws IOException {
        ReconstructRequest request = new ReconstructRequest(run.toString(), Common.name(data, "DATA"), n, Common.text(dataDir),
            Common.text(out), overwriting.force, computing.device, computing.threads);
        Common.OUT.println(request.run(new Terminal("reconstruct", false)).file());
        return 0;
    }
}
