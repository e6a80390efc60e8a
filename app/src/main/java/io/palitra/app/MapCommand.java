package io.palitra.app;

import io.palitra.job.MapRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "map", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "The latent space in two dimensions: test items coloured by class, and the grid of decoded points. Codes of more "
        + "than two dimensions are seen along their two directions of most variance.")
final class MapCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder")
    private Path run = Path.of("");

    @Option(names = "-n", paramLabel = "N", defaultValue = "5000", description = "test items; default: 5000")
    private int n;

    @Option(names = "--data-dir", paramLabel = "DIR", description = "where data sets lie")
    private @Nullable Path dataDir;

    @Mixin private Overwriting overwriting = new Overwriting();

    @Option(names = "--out", paramLabel = "FILE.png", description = "default: RUN/map.png, which RUN/report.html then shows; "
        + "NAME-decoded.png lies beside it")
    private @Nullable Path out;

    @Mixin private Computing computing = new Computing();

    @Override public Integer call() throws IOException {
        MapRequest request = new MapRequest(run.toString(), n, Common.text(dataDir), Common.text(out), overwriting.force,
            computing.device, computing.threads);
        request.run(new Terminal("map", false)).files().forEach(Common.OUT::println);
        return 0;
    }
}
