package io.palitra.job;

import io.palitra.config.Config;
import io.palitra.config.Help;
import io.palitra.data.DataLoader;
import io.palitra.data.Dataset;
import io.palitra.data.Picture;
import io.palitra.data.Split;
import io.palitra.edit.Interpolate;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.measure.Course;
import io.palitra.model.Encoder;
import io.palitra.model.LatentModel;
import io.palitra.model.Watcher;
import io.palitra.report.Gif;
import io.palitra.report.Grid;
import io.palitra.report.Png;
import io.palitra.train.Run;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** A walk between codes of a run: strips or a grid as one picture, and the walk as an animation. */
public record InterpolateRequest(
        @Help(value = "the run folder", place = Help.Place.MODEL) String run,
        @Help(value = "strips", min = 1, max = 100) int rows,
        @Help(value = "items from end to end", min = 2, max = 100) int steps,
        @Help("one square between four corners instead of strips") boolean grid,
        @Help("between test items instead of draws from the prior, which needs an encoder") boolean items,
        @Help(value = "decides the ends", min = 0) long seed,
        @Help(value = "where data sets lie, empty = where they lay", place = Help.Place.DATA) String dataDir,
        @Help(value = "the picture, a .png, with a .gif beside it; empty = interpolate.png in the run folder",
            place = Help.Place.OUT) String out,
        @Help("whether files that are there are replaced") boolean force,
        @Help("where to compute: auto, cpu, cuda or cuda:n") String device,
        @Help(value = "threads of one operation, 0 = as they are", min = 0) int threads) implements Request<InterpolateRequest.Result> {
    /** Milliseconds of a frame. */
    private static final int DELAY = 120;

    /** Six walks of twelve steps between draws of the prior. */
    public InterpolateRequest(String run) { this(run, 6, 12, false, false, 0, "", "", false, "auto", 0); }

    /** The two files. */
    public record Result(Path png, Path gif) {}

    /** @throws IllegalArgumentException for a family without codes, for data that are no pictures, and for no encoder where it needs one */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        Inputs inputs = new Inputs(watcher);
        try (Run opened = inputs.open(run, device, threads); Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            LatentModel model = Inputs.latent(opened);
            ItemPictures shown = new ItemPictures("interpolate", opened.config().settings());
            Path png = Outputs.picture(out.isEmpty() ? Outputs.own(run, "interpolate.png") : Path.of(out), "out", force);
            Path gif = Outputs.free(png.resolveSibling(png.getFileName().toString().replaceFirst("\\.png$", "") + ".gif"), "out", force);
            Tensor ends = ends(opened, model, grid ? 4 : 2 * rows, inputs);
            List<Picture> pictures = new ArrayList<>();
            Course course = new Course(watcher);
            course.at("decoding", 0, 1, 1);
            try (var watch = Scope.watch(course)) {
                pictures.addAll(shown.of(Outputs.finite(decoded(model, ends), run)));
            }
            Png.write(png, Grid.of(pictures, steps, 2), Map.of());
            watcher.wrote(png);
            Gif.write(gif, frames(pictures, steps), DELAY);
            watcher.wrote(gif);
            return new Result(png, gif);
        }
    }

    private Tensor decoded(LatentModel model, Tensor ends) {
        if (grid) return Interpolate.grid(model, ends, steps);
        List<Tensor> strips = new ArrayList<>();
        for (int r = 0; r < rows; r++) strips.add(Interpolate.path(model, ends.rows(2 * r, 1), ends.rows(2 * r + 1, 1), steps));
        return Torch.cat(0, strips);
    }

    /** Codes [n,Z...]. */
    private Tensor ends(Run opened, LatentModel model, int n, Inputs inputs) {
        if (!items) return model.prior(n, new Rng(seed).on(opened.device()));
        Encoder encoder = ReconstructRequest.encoder(opened);
        Dataset test = inputs.data(opened.config(), "", dataDir, Split.TEST);
        int[] order = new Rng(seed).permutation(test.size());
        return encoder.encode(DataLoader.of(test, Arrays.copyOf(order, n), opened.device()).x());
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
