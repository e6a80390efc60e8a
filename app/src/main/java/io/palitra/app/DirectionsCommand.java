package io.palitra.app;

import io.palitra.job.DirectionsRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "directions", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Directions along which a run's pictures change: of a run of stylegan those of most variance of its styles, else those "
        + "of most change of its codes; with --labels also those along which classes, thickness and slant grow. Numbers as "
        + "directions.safetensors and .json, a sheet, and a GIF of each.")
final class DirectionsCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder")
    private Path run = Path.of("");

    @Option(names = "--count", paramLabel = "N", defaultValue = "8", description = "directions of most change; default: 8")
    private int count;

    @Option(names = "--labels",
        description = "directions of what is measured, too: of classes, by a classifier of the run's own data (trained "
        + "once, kept); of pictures of one channel, of the strokes' thickness and slant")
    private boolean labels;

    @Option(names = "--classifier", paramLabel = "RUN",
        description = "the run of classifier that says the classes; default: one of the run's "
        + "own data")
    private @Nullable Path classifier;

    @Option(names = "-n", paramLabel = "N", defaultValue = "2000", description = "pictures that are drawn and measured; default: 2000")
    private int n;

    @Mixin private Seed seed = new Seed();

    @Option(names = "--data-dir", paramLabel = "DIR", description = "where data sets lie")
    private @Nullable Path dataDir;

    @Option(names = "--out", paramLabel = "DIR", description = "default: RUN/directions")
    private @Nullable Path out;

    @Mixin private Overwriting overwriting = new Overwriting();

    @Option(names = "--json", description = "as JSON on stdout")
    private boolean json;

    @Mixin private Computing computing = new Computing();

    @Override public Integer call() throws IOException {
        DirectionsRequest request = new DirectionsRequest(run.toString(), count, labels, Common.text(classifier), n, seed.value,
            Common.text(dataDir), Common.text(out), overwriting.force, computing.device, computing.threads);
        DirectionsRequest.Result found = request.run(new Terminal("directions", false));
        if (json) {
            Common.json(found.toJson());
            return 0;
        }
        found.shares().forEach((name, share) -> Common.OUT.println(String.format(Locale.ROOT, "%-24s %5.1f %%", name, 100 * share)));
        found.files().subList(0, 3).forEach(Common.OUT::println);
        return 0;
    }
}
