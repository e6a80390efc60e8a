package io.palitra.job;

import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.data.Picture;
import io.palitra.edit.StyleMixing;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.measure.Course;
import io.palitra.model.Styles;
import io.palitra.model.Watcher;
import io.palitra.report.Grid;
import io.palitra.report.Png;
import io.palitra.train.Run;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * A sheet of mixed styles: the first column and the first row are pictures of their own; where row i and column j meet, the picture has the
 * styles of row i, but in some layers those of column j. The pictures are drawn, or given ones are mixed with each other: then they stand
 * in the column and in the row.
 */
public record MixRequest(
        @Help(value = "the run folder, of a family with styles such as stylegan", place = Help.Place.MODEL) String run,
        @Help(value = "files of pictures of the run's size, or folders that project wrote, to be mixed with each other; none = drawn ones",
            place = Help.Place.PICTURE) List<String> pictures,
        @Help(value = "drawn pictures of the first column; 0 = 4, or none where pictures are given", min = 0, max = 100) int rows,
        @Help(value = "drawn pictures of the first row; 0 = 6, or none where pictures are given", min = 0, max = 100) int columns,
        @Help("layers A-B, such as 0-3, whose styles are the column's; all others are the row's. 0 is the coarsest") String layers,
        @Help(value = "by how much styles are moved to the mean one: 1 = not at all, 0 = onto it", min = 0, max = 3) double truncation,
        @Help("number or name of the class of all pictures, empty = any") String label,
        @Help(value = "decides the pictures", min = 0) long seed,
        @Help(value = "the sheet, a .png, empty = mix.png in the run folder", place = Help.Place.OUT) String out,
        @Help("whether a file that is there is replaced") boolean force,
        @Help("where to compute: auto, cpu, cuda or cuda:n") String device,
        @Help(value = "threads of one operation, 0 = as they are", min = 0) int threads) implements Request<MixRequest.Result> {
    /** The side below which a picture is enlarged. */
    private static final int SMALL = 64;
    private static final int ROWS = 4, COLUMNS = 6;

    /** Of drawn pictures of any classes, styles as they are. */
    public MixRequest(String run, String layers) {
        this(run, List.of(), 0, 0, layers, 1, "", 0, "", false, "auto", 0);
    }

    public MixRequest {
        pictures = List.copyOf(pictures);
    }

    /** @param file the sheet */
    public record Result(Path file) {}

    /**
     * Draws the sheet.
     *
     * @throws ConfigException for layers that the run does not have, and for a class that it does not have
     * @throws IllegalArgumentException for a family without styles
     */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        if (pictures.size() == 1) throw new ConfigException("pictures", "mix wants two pictures at least, got 1");
        if (!pictures.isEmpty() && (rows != 0 || columns != 0)) {
            throw new ConfigException(rows != 0 ? "rows" : "columns", "rows and columns count drawn pictures; those that are given stand "
                + "in both");
        }
        Inputs inputs = new Inputs(watcher);
        try (Run opened = inputs.open(run, device, threads); Scope scope = new Scope()) {
            Styles model = Inputs.styles(opened);
            ItemPictures shown = new ItemPictures("mix", opened.config().settings());
            StyleMixing.Layers taken = StyleMixing.Layers.of(layers, model.layers());
            Path file = Outputs.picture(out.isEmpty() ? Outputs.own(run, "mix.png") : Path.of(out), "out", force);
            Tensor given = pictures.isEmpty() ? null : given(opened, model, watcher);
            try (Guard g = Torch.noGrad()) {
                Tensor styles = given == null ? drawn(opened, model) : Torch.cat(0, given, given);
                int n = given == null ? first(rows, ROWS) : pictures.size();
                Course course = new Course(watcher);
                course.at("pictures", 0, 1, 1);
                List<Picture> sources;
                List<Picture> mixed;
                try (var watch = Scope.watch(course)) {
                    sources = shown.of(Outputs.finite(Scope.run(() -> model.draw(styles, model.noise()).clamp(-1, 1)), run));
                    mixed = shown.of(Outputs.finite(StyleMixing.table(model, styles.rows(0, n), styles.rows(n, styles.size(0) - n), taken),
                        run));
                }
                course.at("pictures", 1, 0, 1);
                Png.write(file, sheet(sources, mixed, n), Map.of("palitra", "mix, layers " + layers.strip() + " of the columns, seed "
                    + seed));
            }
            watcher.wrote(file);
            return new Result(file);
        }
    }

    private static int first(int asked, int usual) { return asked == 0 ? usual : asked; }

    /** Of the column and then of the row, [rows+columns,L,W]. */
    private Tensor drawn(Run opened, Styles model) {
        Rng rng = new Rng(seed).on(opened.device());
        int n = first(rows, ROWS) + first(columns, COLUMNS), classes = Inputs.classes(opened);
        Tensor kinds = !label.isEmpty() ? Torch.full(SampleRequest.number(opened, label), n).to(DType.I64).to(opened.device())
            : classes == 0 ? null : rng.split(1).integers(classes, n);
        return model.styles(rng.normal(n, model.latent()), kinds, truncation, 0);
    }

    /** Of the pictures that are given, [n,L,W]. */
    private Tensor given(Run opened, Styles model, Watcher watcher) throws IOException {
        if (truncation != 1 || !label.isEmpty()) {
            throw new ConfigException(truncation != 1 ? "truncation" : "label", "pictures that are given have the styles they have: "
                + "truncation and label are of drawn ones");
        }
        List<Tensor> all = new ArrayList<>();
        for (String p : pictures) all.add(ProjectRequest.styles(opened, model, p, seed, watcher));
        return Torch.cat(0, all.toArray(Tensor[]::new));
    }

    private static Picture sheet(List<Picture> sources, List<Picture> mixed, int rows) {
        int columns = sources.size() - rows;
        Picture first = sources.get(0);
        byte[] paper = new byte[first.pixels().length];
        Arrays.fill(paper, (byte) 255);
        List<Picture> all = new ArrayList<>(List.of(new Picture(first.channels(), first.height(), first.width(), paper)));
        all.addAll(sources.subList(rows, rows + columns));
        for (int i = 0; i < rows; i++) {
            all.add(sources.get(i));
            all.addAll(mixed.subList(i * columns, (i + 1) * columns));
        }
        Picture sheet = Grid.of(all, columns + 1, 2);
        return first.width() < SMALL ? Grid.enlarge(sheet, (SMALL + first.width() - 1) / first.width()) : sheet;
    }
}
