package io.palitra.app;

import io.palitra.job.CompleteRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "complete", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Keep the upper rows of a picture and draw the rest, several times: the picture, what is kept, and the alternatives.")
final class CompleteCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder")
    private Path run = Path.of("");

    @Option(names = "--image", paramLabel = "FILE", description = "the picture; default: the first ten items of the test split")
    private @Nullable Path image;

    @Option(names = "--keep", paramLabel = "ROWS", required = true, description = "rows kept, from the top")
    private int keep;

    @Option(names = "-n", paramLabel = "N", defaultValue = "8", description = "alternatives; default: 8")
    private int n;

    @Mixin private Seed seed = new Seed();

    @Option(names = "--set", paramLabel = "key=value", description = "sampling keys of the family, see 'palitra families FAMILY'")
    private List<String> set = new ArrayList<>();

    @Option(names = "--data-dir", paramLabel = "DIR", description = "where data sets lie")
    private @Nullable Path dataDir;

    @Option(names = "--out", paramLabel = "FILE.png", description = "default: RUN/complete.png")
    private @Nullable Path out;

    @Mixin private Overwriting overwriting = new Overwriting();

    @Mixin private Computing computing = new Computing();

    @Override public Integer call() throws IOException {
        CompleteRequest request = new CompleteRequest(run.toString(), Common.text(image), keep, n, seed.value, set, Common.text(dataDir),
            Common.text(out), overwriting.force, computing.device, computing.threads);
        Common.OUT.println(request.run(new Terminal("complete", false)).file());
        return 0;
    }
}
