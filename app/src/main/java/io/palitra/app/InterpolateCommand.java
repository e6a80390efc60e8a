package io.palitra.app;

import io.palitra.job.InterpolateRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "interpolate", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Walk between codes: strips or a grid as PNG, and the walk as GIF. Spherical where the prior is normal, else straight.")
final class InterpolateCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder")
    private Path run = Path.of("");

    @Option(names = "--rows", paramLabel = "N", defaultValue = "6", description = "strips; default: 6")
    private int rows;

    @Option(names = "--steps", paramLabel = "N", defaultValue = "12", description = "items from end to end; default: 12")
    private int steps;

    @Option(names = "--grid", description = "one square between four corners instead of strips")
    private boolean grid;

    @Option(names = "--items", description = "between test items instead of draws from the prior (needs an encoder)")
    private boolean items;

    @Mixin private Seed seed = new Seed();

    @Option(names = "--data-dir", paramLabel = "DIR", description = "where data sets lie")
    private @Nullable Path dataDir;

    @Option(names = "--out", paramLabel = "FILE.png", description = "default: RUN/interpolate.png, and a .gif beside it")
    private @Nullable Path out;

    @Mixin private Overwriting overwriting = new Overwriting();

    @Mixin private Computing computing = new Computing();

    @Override public Integer call() throws IOException {
        InterpolateRequest request = new InterpolateRequest(run.toString(), rows, steps, grid, items, seed.value, Common.text(dataDir),
            Common.text(out), overwriting.force, computing.device, computing.threads);
        InterpolateRequest.Result made = request.run(new Terminal("interpolate", false));
        Common.OUT.println(made.png());
        Common.OUT.println(made.gif());
        return 0;
    }
}
