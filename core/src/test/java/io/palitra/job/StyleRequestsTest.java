package io.palitra.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.Picture;
import io.palitra.data.Split;
import io.palitra.engine.Scope;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import io.palitra.model.Watcher;
import io.palitra.report.Png;
import io.palitra.train.RunConfig;
import io.palitra.train.Trainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Projection, mixing and directions as jobs, and walks through styles. */
class StyleRequestsTest {
    @TempDir private static Path root;
    private static ClassLoader before;
    private static Path plain;
    private static Path ofClasses;
    private static Path codes;
    private static Path classifier;

    private static Path train(String name, String family, String... overrides) throws IOException {
        DataOptions options = Config.with(DataOptions.DEFAULT, "size=16");
        Dataset train = Datasets.open("strokes", Split.TRAIN, options), test = Datasets.open("strokes", Split.TEST, options);
        RunConfig config = RunConfig.of(family, "strokes", train, options, 3, List.of(overrides)).on("cpu", RunConfig.Precision.FP32, 1);
        Path folder = root.resolve(name);
        Trainer.start(folder, config, train, test, Watcher.SILENT);
        return folder;
    }

    @BeforeAll static void runs() throws Exception {
        before = StyledFamily.register(root);
        plain = StyledFamily.run(root.resolve("plain"), "nothing", List.of());
        ofClasses = StyledFamily.run(root.resolve("classes"), "nothing", List.of("a", "b", "c"));
        codes = train("gan", "gan", "latent=4", "width=4", "conditional=true", "train.steps=2", "train.batch=8");
        classifier = train("classifier", "classifier", "train.steps=2", "train.batch=8");
    }

    @AfterAll static void forget() { Thread.currentThread().setContextClassLoader(before); }

    private static Path picture(String name, int channels, int height, int width) {
        byte[] pixels = new byte[channels * height * width];
        for (int i = 0; i < pixels.length; i++) pixels[i] = (byte) (i * 37 + i / (height * width) * 50);
        Path file = root.resolve(name);
        Png.write(file, new Picture(channels, height, width, pixels), Map.of());
        return file;
    }

    private static ProjectRequest project(Path run, Path picture, String... more) {
        ProjectRequest usual = Config.with(new ProjectRequest(run.toString(), picture.toString()), "device=cpu", "steps=20");
        return Config.with(usual, more);
    }

    private static List<String> names(List<Path> files) { return files.stream().map(f -> f.getFileName().toString()).toList(); }

    @Test void aProjectionWritesItsPictureStylesAndFilm() throws IOException {
        List<Double> told = new ArrayList<>();
        ProjectRequest.Result found = project(plain, picture("grey.png", 1, 16, 16), "steps=150").run(new Watcher() {
            @Override public void tick(String what, long done, long of, Map<String, Double> figures,
                    java.util.function.Supplier<java.util.Optional<Picture>> preview) {
                if (figures.containsKey("psnr")) told.add(figures.get("psnr"));
            }
        });
        assertThat(names(found.files())).startsWith("projected.png", "compared.png", "projected.safetensors", "projection.gif");
        assertThat(found.files()).allMatch(Files::isRegularFile).allMatch(f -> f.getParent().equals(plain.resolve("projected")));
        assertThat(told.get(told.size() - 1)).isEqualTo(found.psnr()).isGreaterThan(told.get(0));
        try (Scope scope = new Scope()) {
            Safetensors read = Safetensors.read(found.files().get(2));
            assertThat(read.tensors().keySet()).containsExactly("w");
            assertThat(Objects.requireNonNull(read.tensors().get("w")).shape()).containsExactly(4, 6);
            assertThat(read.metadata()).containsEntry("space", "w+");
        }
        assertThat(found.toJson().path("psnr").asDouble()).isEqualTo(found.psnr());
        assertThat(found.toJson().path("files")).hasSize(found.files().size());
        assertThatThrownBy(() -> project(plain, root.resolve("grey.png")).run(Watcher.SILENT)).isInstanceOf(ConfigException.class)
            .hasMessageContaining("exists and is not empty");
    }

    @Test void noiseIsWrittenWhereItWasMovedAndFeaturesOfAClassifierCount() throws IOException {
        Path picture = picture("noisy.png", 1, 16, 16);
        ProjectRequest.Result found = project(ofClasses, picture, "noise=true", "space=w", "label=b", "out=" + root.resolve("noise"))
            .run(Watcher.SILENT);
        try (Scope scope = new Scope()) {
            assertThat(Safetensors.read(found.files().get(2)).tensors().keySet()).containsExactlyInAnyOrder("w", "noise.0");
        }
        ProjectRequest.Result other = project(ofClasses, picture, "features=" + classifier, "out=" + root.resolve("features")).run(
            Watcher.SILENT);
        assertThat(other.psnr()).isFinite();
    }

    @Test void whatCannotBeProjectedIsRefusedInALine() {
        Path small = picture("small.png", 1, 8, 12), grey = picture("right.png", 1, 16, 16);
        refused(project(plain, small), "'" + small + "' is 12x8 pixels, the run draws 16x16; bring it to that size first");
        refused(project(plain, root.resolve("none.png")), "no such file: " + root.resolve("none.png"));
        refused(project(codes, grey), "'gan' draws by no styles that its layers read; stylegan does");
        refused(project(plain, grey, "space=z"), "illegal space: 'z', must be w or w+");
        refused(project(plain, grey, "label=a"), "illegal label: 'a', this run draws by no classes");
        refused(project(ofClasses, grey, "label=q", "out=" + root.resolve("q")), "no class 'q'; there are a, b, c");
        refused(project(plain, grey, "features=" + codes, "out=" + root.resolve("f")), "'" + codes + "' is a run of family gan; features "
            + "wants a run of classifier on pictures with 1 channel");
        assertThat(root.resolve("f/projected.png")).doesNotExist();
    }

    private static void refused(Request<?> request, String message) {
        assertThatThrownBy(() -> request.run(Watcher.SILENT)).isInstanceOf(IllegalArgumentException.class).hasMessage(message);
    }

    @Test void aPictureInColourIsProjectedInGreyWhichIsSaidOnce() throws IOException {
        List<String> notes = new ArrayList<>();
        Path colour = picture("colour.png", 3, 16, 16);
        project(plain, colour, "steps=2", "out=" + root.resolve("colour")).run(new Watcher() {
            @Override public void note(String line) { notes.add(line); }
        });
        assertThat(notes).containsExactly("'" + colour + "' is in colour, the run draws in grey: its brightness is projected");
    }

    @Test void aStoppedProjectionWritesNothing() {
        Path picture = picture("stopped.png", 1, 16, 16), out = root.resolve("stopped");
        assertThatThrownBy(() -> project(plain, picture, "out=" + out).run(new Watcher() {
            @Override public boolean stop() { return true; }
        })).isInstanceOf(CancellationException.class);
        assertThat(out.resolve("projected.png")).doesNotExist();
    }

    @Test void aSheetOfMixturesHasItsSourcesAroundIt() throws IOException {
        Path out = root.resolve("mix.png");
        assertThat(Config.with(new MixRequest(ofClasses.toString(), "0-1"), "rows=2", "columns=3", "out=" + out,
            "device=cpu").run(Watcher.SILENT).file())
            .isEqualTo(out);
        Picture sheet = PictureBytes.read(out, note -> { });
        assertThat(List.of(sheet.width(), sheet.height())).containsExactly(4 * (4 * 16 + 3 * 2),
            4 * (3 * 16 + 2 * 2));   // 64 for 16 pixels
        // all layers are the column's: each column is its source
        Config.with(new MixRequest(plain.toString(), "0-3"), "rows=2", "columns=2", "out=" + out, "device=cpu", "force=true")
            .run(Watcher.SILENT);
        Picture all = PictureBytes.read(out, note -> { });
        assertThat(cell(all, 1, 1)).isEqualTo(cell(all, 0, 1)).isEqualTo(cell(all, 2, 1)).isNotEqualTo(cell(all, 1, 0));
        assertThat(cell(all, 0, 0)).containsOnly((byte) 255);
    }

    @Test void picturesAndProjectionsAreMixedWithEachOther() throws IOException {
        Path a = picture("a.png", 1, 16, 16), b = root.resolve("projected-b"), out = root.resolve("given.png");
        project(plain, picture("b.png", 1, 16, 16), "out=" + b).run(Watcher.SILENT);
        MixRequest mix = Config.with(new MixRequest(plain.toString(), "0-3"), "out=" + out, "device=cpu", "pictures=" + a + "," + b);
        mix.run(Watcher.SILENT);
        Picture sheet = PictureBytes.read(out, note -> { });
        assertThat(sheet.width()).isEqualTo(4 * (3 * 16 + 2 * 2));
        assertThat(cell(sheet, 0, 1)).as("in the row and in the column").isEqualTo(cell(sheet, 1, 0)).isNotEqualTo(cell(sheet, 0, 2));
        assertThat(cell(sheet, 1, 2)).as("all layers are the column's").isEqualTo(cell(sheet, 0, 2));
        assertThatThrownBy(() -> Config.with(mix, "pictures=" + a, "force=true").run(Watcher.SILENT))
            .hasMessageContaining("mix wants two pictures at least, got 1");
        assertThatThrownBy(() -> Config.with(mix, "columns=2", "force=true").run(Watcher.SILENT))
            .hasMessageContaining("rows and columns count drawn pictures; those that are given stand in both");
        assertThatThrownBy(() -> Config.with(mix, "truncation=0.5", "force=true").run(Watcher.SILENT))
            .hasMessageContaining("pictures that are given have the styles they have");
        assertThatThrownBy(() -> Config.with(mix, "pictures=" + a + "," + root, "force=true").run(Watcher.SILENT))
            .hasMessageContaining("is a folder without projected.safetensors");
        Path other = Files.createDirectories(root.resolve("other"));
        try (Scope scope = new Scope()) {
            Safetensors.write(other.resolve("projected.safetensors"), Map.of("w", Torch.zeros(4, 4)), Map.of("run", "another"));
        }
        assertThatThrownBy(() -> Config.with(mix, "pictures=" + a + "," + other, "force=true").run(Watcher.SILENT))
            .hasMessageContaining("was projected by another run");
    }

    /** Row and column of a sheet of pictures 16 x 16, 2 between, four times as large. */
    private static byte[] cell(Picture sheet, int row, int column) {
        byte[] cell = new byte[64 * 64];
        for (int y = 0; y < 64; y++) {
            System.arraycopy(sheet.pixels(), (row * 72 + y) * sheet.width() + column * 72, cell, y * 64, 64);
        }
        return cell;
    }

    @Test void layersOutOfRangeAndFamiliesWithoutStylesAreRefused() {
        refused(new MixRequest(plain.toString(), "2-4"),
            "illegal layers: 2-4, must lie within 0-3, the lower one first: this run has "
            + "4 layers that read a style, 0 the coarsest");
        refused(new MixRequest(plain.toString(), "coarse"), "illegal layers: 'coarse', must be A-B, such as 0-3, or one");
        refused(new MixRequest(codes.toString(), "0-1"), "'gan' draws by no styles that its layers read; stylegan does");
        assertThatThrownBy(() -> Config.with(new MixRequest(plain.toString(), "0-1"), "rows=101"))
            .hasMessageContaining("illegal rows: 101, must be between 0 and 100");
    }

    @Test void directionsAreWrittenAsNumbersSheetAndFilms() throws IOException {
        DirectionsRequest.Result found = Config.with(new DirectionsRequest(ofClasses.toString()), "count=2", "labels=true", "n=100",
            "device=cpu",
            "classifier=" + classifier).run(Watcher.SILENT);
        Path folder = ofClasses.resolve("directions");
        List<String> classes = RunConfig.read(classifier.resolve("config.json")).settings().classes();
        assertThat(found.directions()).hasSize(4 + classes.size());
        assertThat(names(found.files())).startsWith("directions.safetensors", "directions.json", "directions.png", "thickness.gif",
            "slant.gif",
            "class-" + classes.get(0).replace(' ', '-') + ".gif").endsWith("direction-1.gif", "direction-2.gif").doesNotHaveDuplicates();
        assertThat(found.files()).allMatch(Files::isRegularFile);
        try (Stream<Path> there = Files.list(folder)) { assertThat(there.count()).isEqualTo(found.files().size()); }
        JsonNode told = new ObjectMapper().readTree(Files.readString(folder.resolve("directions.json")));
        assertThat(told.path("names").get(0).asText()).isEqualTo("thickness");
        assertThat(told.path("directions").get(0)).hasSize(6);
        assertThat(told.path("spreads")).hasSize(found.directions().size());
        try (Scope scope = new Scope()) {
            Safetensors read = Safetensors.read(folder.resolve("directions.safetensors"));
            assertThat(Objects.requireNonNull(read.tensors().get("axes")).shape()).containsExactly(found.directions().size(), 6);
            assertThat(read.metadata().get("names")).startsWith("[\"thickness\",\"slant\",\"class ");
        }
        found.directions().forEach(d -> {
            double length = 0;
            for (float v : d.axis()) length += v * v;
            assertThat(length).as(d.name()).isCloseTo(1, within(1e-4));
        });
    }

    @Test void ofAFamilyWithoutStylesTheyAreOfItsCodes() throws IOException {
        DirectionsRequest.Result found = Config.with(new DirectionsRequest(codes.toString()), "count=9", "device=cpu",
            "out=" + root.resolve("of-codes")).run(Watcher.SILENT);
        assertThat(found.directions()).hasSize(4);
        int classes = RunConfig.read(codes.resolve("config.json")).settings().classes().size();
        assertThat(found.directions()).allSatisfy(d -> {
            assertThat(d.axis()).hasSize(4 + classes);
            assertThat(Arrays.copyOfRange(d.axis(), 4, 4 + classes)).containsOnly(0);
            assertThat(d.share()).isNaN();
        });
        assertThat(found.toJson().path("shares").get(0).isNull()).isTrue();
    }

    @Test void withoutClassesThicknessAndSlantAreFoundAloneAndWhatCannotBeIsRefused() throws IOException {
        DirectionsRequest.Result found = Config.with(new DirectionsRequest(plain.toString()), "count=0", "labels=true", "n=50",
            "device=cpu",
            "out=" + root.resolve("strokes-only")).run(Watcher.SILENT);
        assertThat(found.directions()).extracting(d -> d.name()).containsExactly("thickness", "slant");
        assertThatThrownBy(() -> Config.with(new DirectionsRequest(plain.toString()), "count=0")).hasMessageContaining("illegal count: 0");
        assertThatThrownBy(() -> Config.with(new DirectionsRequest(plain.toString()), "classifier=x"))
            .hasMessageContaining("classifier= says the classes of labels=true");
    }

    @Test void aWalkOfARunWithStylesGoesThroughStyles() throws IOException {
        WalkRequest.Result walk = Config.with(new WalkRequest(ofClasses.toString()), "device=cpu", "seeds=1,2", "between=1", "directions=3",
            "label=b", "out=" + root.resolve("walk")).run(Watcher.SILENT);
        assertThat(walk.codes()).hasSize(3).allMatch(c -> c.length == 6);
        assertThat(walk.axes()).hasSize(3);
        for (int i = 0; i < 6; i++) {   // straight
            assertThat(walk.codes().get(1)[i]).isCloseTo((walk.codes().get(0)[i] + walk.codes().get(2)[i]) / 2, within(1e-5f));
        }
        WalkRequest.Result mean = Config.with(new WalkRequest(plain.toString()), "device=cpu", "truncation=0", "out="
            + root.resolve("mean"))
            .run(Watcher.SILENT);
        assertThat(mean.codes().get(0)).containsOnly(0);   // the mean style of the double
    }
}
