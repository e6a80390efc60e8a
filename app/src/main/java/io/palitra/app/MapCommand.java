package io.palitra.app;

import io.palitra.data.DataLoader;
import io.palitra.data.DataSpec;
import io.palitra.data.Dataset;
import io.palitra.data.Split;
import io.palitra.edit.LatentMap;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Encoder;
import io.palitra.report.Display;
import io.palitra.report.Plot;
import io.palitra.report.Png;
import io.palitra.train.Run;
import io.palitra.train.RunFolder;
import io.palitra.train.RunReport;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "map", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "The latent space in two dimensions: test items coloured by class, and the grid of decoded points. Codes of more "
        + "than two dimensions are seen along their two directions of most variance.")
final class MapCommand implements Callable<Integer> {
    private static final int SIDE = 20;

    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder")
    private Path run = Path.of("");

    @Option(names = "-n", paramLabel = "N", defaultValue = "5000", description = "test items; default: 5000")
    private int n;

    @Option(names = "--data-dir", paramLabel = "DIR", description = "where data sets lie")
    private @Nullable Path dataDir;

    @Option(names = "--force", description = "overwrite what is there")
    private boolean force;

    @Override public Integer call() throws IOException {
        if (n < 2) throw new IllegalArgumentException("illegal -n: " + n + ", must be at least 2");
        Terminal terminal = new Terminal("map", false);
        try (Run opened = Common.open(run, "auto", 0, terminal); Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Path file = Common.free(RunFolder.own(run, "map.png"), force), decoded = Common.free(RunFolder.own(run, "map-decoded.png"),
                force);
            Encoder encoder = ReconstructCommand.encoder(opened);
            Dataset test = Common.data(opened.config(), null, dataDir, Split.TEST, terminal);
            LatentMap map = LatentMap.of(encoder, DataLoader.inOrder(test, 500, n, opened.device()));
            boolean direct = map.mean().length == 2;
            String title = direct ? "Codes of " + map.x().length + " test items"
                : String.format(Locale.ROOT, "%d test items, 2 of %d directions, %.0f %% of variance", map.x().length, map.mean().length,
                    100 * map.share());
            Plot plot = new Plot(title, direct ? "z1" : "direction 1", direct ? "z2" : "direction 2", 760, 620);
            List<String> classes = new ArrayList<>(test.classNames());
            int others = classes.size();
            classes.add("no class");
            int[] of = Arrays.stream(map.labels()).map(c -> c < 0 ? others : c).toArray();
            Png.write(file, others == 0 ? plot.scatter(map.x(), map.y()) : plot.scatter(map.x(), map.y(), of,
                Arrays.stream(of).anyMatch(c -> c == others) ? classes : test.classNames()), Map.of());
            Common.OUT.println(file);
            DataSpec spec = opened.config().settings().spec();
            Tensor items = Common.finite(encoder.decode(map.grid(SIDE).to(opened.device())), run);
            Display display = Display.of(spec);
            if (!display.each(spec, items.rows(0, 1)).isEmpty()) {
                display.sheet(spec, items, SIDE, "decoded codes").write(decoded, Map.of());
                Common.OUT.println(decoded);
            }
            RunReport.write(run, terminal::note);
            return 0;
        }
    }
}
