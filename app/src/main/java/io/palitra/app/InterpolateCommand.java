package io.palitra.app;

import io.palitra.data.DataLoader;
import io.palitra.data.Dataset;
import io.palitra.data.ImageSpec;
import io.palitra.data.Picture;
import io.palitra.data.Split;
import io.palitra.edit.Interpolate;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Encoder;
import io.palitra.model.LatentModel;
import io.palitra.report.Gif;
import io.palitra.report.Grid;
import io.palitra.report.Png;
import io.palitra.train.Run;
import io.palitra.train.RunFolder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
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

    @Option(names = "--seed", paramLabel = "S", defaultValue = "0", description = "decides the ends; default: 0")
    private long seed;

    @Option(names = "--data-dir", paramLabel = "DIR", description = "where data sets lie")
    private @Nullable Path dataDir;

    @Option(names = "--out", paramLabel = "FILE.png", description = "default: RUN/interpolate.png, and a .gif beside it")
    private @Nullable Path out;

    @Option(names = "--force", description = "overwrite what is there")
    private boolean force;

    @Override public Integer call() throws IOException {
        if (rows < 1 || rows > 100) throw new IllegalArgumentException("illegal --rows: " + rows + ", must be between 1 and 100");
        if (steps < 2 || steps > 100) throw new IllegalArgumentException("illegal --steps: " + steps + ", must be between 2 and 100");
        Terminal terminal = new Terminal("interpolate", false);
        try (Run opened = Common.open(run, "auto", 0, terminal); Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            LatentModel model = opened.model().as(LatentModel.class).orElseThrow(() -> new IllegalArgumentException("'"
                + opened.config().settings().family() + "' has no latent space to walk through"));
            if (!(opened.config().settings().spec() instanceof ImageSpec)) {
                throw new IllegalArgumentException("interpolate shows pictures; '" + opened.config().settings().data() + "' holds points");
            }
            Path png = Common.picture(out != null ? out : RunFolder.own(run, "interpolate.png"), force);
            Path gif = Common.free(png.resolveSibling(png.getFileName().toString().replaceFirst("\\.png$", "") + ".gif"), force);
            Tensor ends = ends(opened, model, grid ? 4 : 2 * rows, terminal);
            List<Picture> pictures = new ArrayList<>();
            int columns = steps;
            if (grid) {
                pictures.addAll(Grid.pictures(Common.finite(Interpolate.grid(model, ends, steps), run)));
            } else {
                for (int r = 0; r < rows; r++) {
                    pictures.addAll(Grid.pictures(Common.finite(Interpolate.path(model, ends.rows(2 * r, 1),
                        ends.rows(2 * r + 1, 1), steps), run)));
                }
            }
            Png.write(png, Grid.of(pictures, columns, 2), Map.of());
            Gif.write(gif, frames(pictures, columns), 120);
            Common.OUT.println(png);
            Common.OUT.println(gif);
            return 0;
        }
    }

    private Tensor ends(Run opened, LatentModel model, int n, Terminal terminal) {
        if (!items) return model.prior(n, new Rng(seed).on(opened.device()));
        Encoder encoder = ReconstructCommand.encoder(opened);
        Dataset test = Common.data(opened.config(), null, dataDir, Split.TEST, terminal);
        int[] order = new Rng(seed).permutation(test.size());
        return encoder.encode(DataLoader.of(test, java.util.Arrays.copyOf(order, n), opened.device()).x());
    }

    /** There and back: each frame one column of all strips, or one row of the grid. */
    private static List<Picture> frames(List<Picture> pictures, int columns) {
        List<Picture> frames = new ArrayList<>();
        int strips = pictures.size() / columns;
        for (int c = 0; c < columns; c++) {
            List<Picture> column = new ArrayList<>();
            for (int r = 0; r < strips; r++) column.add(pictures.get(r * columns + c));
            Picture frame = Grid.of(column, Math.min(strips, 4), 2);
            frames.add(frame.width() < 200 ? Grid.enlarge(frame, 3) : frame);
        }
        for (int i = frames.size() - 2; i > 0; i--) frames.add(frames.get(i));
        return frames;
    }
}
