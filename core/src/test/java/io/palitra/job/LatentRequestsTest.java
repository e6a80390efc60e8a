package io.palitra.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.data.Split;
import io.palitra.engine.LivePointers;
import io.palitra.engine.Scope;
import io.palitra.model.Watcher;
import io.palitra.report.Png;
import io.palitra.train.RunConfig;
import io.palitra.train.Trainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Requests about the codes and the rows of a run's items, of runs of few steps. */
class LatentRequestsTest {
    @TempDir private static Path root;
    private static Path pictures;
    private static Path points;
    private static Path rows;

    private static Path train(String family, String data, String... overrides) throws IOException {
        DataOptions options = Config.with(DataOptions.DEFAULT, data.equals("strokes") ? List.of("size=16") : List.of());
        Dataset train = Datasets.open(data, Split.TRAIN, options), test = Datasets.open(data, Split.TEST, options);
        RunConfig config = RunConfig.of(family, data, train, options, 3, List.of(overrides)).on("cpu", RunConfig.Precision.FP32, 1);
        Path folder = root.resolve(family + "-" + data);
        Trainer.start(folder, config, train, test, Watcher.SILENT);
        return folder;
    }

    @BeforeAll static void runs() throws IOException {
        pictures = train("ae", "strokes", "latent=3", "train.steps=4", "train.batch=8");
        points = train("ae", "toy-moons", "latent=2", "train.steps=4", "train.batch=8");
        rows = train("pixelcnn", "strokes", "net=gated", "net.width=4", "net.dilations=1", "train.steps=2", "train.batch=4");
    }

    @Test void codesAreMappedAndWalkedThroughAndItemsReconstructed() throws IOException {
        long live = LivePointers.settled();
        String run = pictures.toString();
        assertThat(new MapRequest(run, 60, "", "", false, "cpu", 0).run(Watcher.SILENT).files())
            .containsExactly(pictures.resolve("map.png"), pictures.resolve("map-decoded.png"), pictures.resolve("map.json"))
            .allMatch(Files::isRegularFile);
        InterpolateRequest.Result walk = new InterpolateRequest(run, 2, 3, false, true, 0, "", "", false, "cpu", 0).run(Watcher.SILENT);
        assertThat(walk.png()).isEqualTo(pictures.resolve("interpolate.png")).isNotEmptyFile();
        assertThat(walk.gif()).isEqualTo(pictures.resolve("interpolate.gif")).isNotEmptyFile();
        assertThat(new ReconstructRequest(run).run(Watcher.SILENT).file()).isEqualTo(pictures.resolve("reconstruct.png")).isNotEmptyFile();
        for (Run again : List.<Run>of(() -> new MapRequest(run).run(Watcher.SILENT),
            () -> new InterpolateRequest(run).run(Watcher.SILENT), () -> new ReconstructRequest(run).run(Watcher.SILENT))) {
            assertThatThrownBy(again::run).isInstanceOf(ConfigException.class).hasMessageContaining("choose another out=, or force=true");
        }
        assertThat(Scope.livePointers()).as("whatever fails").isLessThanOrEqualTo(live);
    }

    private interface Run {
        void run() throws Exception;
    }

    @Test void pointsAreMappedAndNotShownAsPictures() throws IOException {
        String run = points.toString();
        assertThat(new MapRequest(run, 60, "", "", false, "cpu", 0).run(Watcher.SILENT).files()).containsExactly(points.resolve("map.png"),
            points.resolve("map.json"));
        assertThatThrownBy(() -> new InterpolateRequest(run).run(Watcher.SILENT)).isInstanceOf(IllegalArgumentException.class)
            .hasMessage("interpolate shows pictures; 'toy-moons' holds points");
        assertThatThrownBy(() -> new ReconstructRequest(run).run(Watcher.SILENT)).isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("holds points");
    }

    @Test void rowsAreKeptAndTheRestIsDrawn() throws IOException {
        Path file = root.resolve("one.png");
        Png.write(file, new Picture(3, 20, 20, new byte[3 * 400]), Map.of());
        CompleteRequest request = new CompleteRequest(rows.toString(), file.toString(), 4, "", 1, "", 2, 7, List.of(), "",
            root.resolve("done.png").toString(), false, "cpu", 0);
        assertThat(request.run(Watcher.SILENT).file()).isEqualTo(root.resolve("done.png"));
        assertThat(Png.text(root.resolve("done.png"))).containsEntry("palitra", "complete, 4 rows kept, seed 7");
        assertThatThrownBy(() -> new CompleteRequest(rows.toString(), 17).run(Watcher.SILENT)).isInstanceOfSatisfying(
            ConfigException.class, e -> assertThat(e.key()).isEqualTo("keep"));
        assertThatThrownBy(() -> new CompleteRequest(pictures.toString(), 4).run(Watcher.SILENT))
            .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("completes nothing");
    }

    @Test void aDiffusionRunDrawsWhatAMaskLeavesWhite() throws IOException {
        String run = train("diffusion", "strokes", "net.channels=8,8", "net.attention=1", "net.groups=4", "train.steps=2", "train.batch=4")
            .toString();
        byte[] black = new byte[16 * 16], half = new byte[16 * 16];
        java.util.Arrays.fill(half, 0, 100, (byte) 255);
        Path picture = root.resolve("black.png"), mask = root.resolve("half.png"), small = root.resolve("small.png");
        Png.write(picture, new Picture(1, 16, 16, black), Map.of());
        Png.write(mask, new Picture(1, 16, 16, half), Map.of());
        Png.write(small, new Picture(1, 8, 8, new byte[64]), Map.of());
        CompleteRequest request = Config.with(new CompleteRequest(run, 0), "image=" + picture, "mask=" + mask, "n=2", "device=cpu",
            "set=sampler.steps=3", "out=" + root.resolve("masked.png"));
        Picture sheet = Pictures.grey(Pictures.read(Files.readAllBytes(request.run(Watcher.SILENT).file()), "sheet",
            io.palitra.data.Limits.DEFAULT));
        for (int column = 2; column < 4; column++) {   // the picture, what is kept of it, and two that are drawn
            int left = column * 18, inside = 0;
            for (int i = 0; i < 256; i++) {
                int value = sheet.pixels()[(i / 16) * sheet.width() + left + i % 16];
                if (i < 100) inside += value == 0 ? 0 : 1;
                else assertThat(value).as("pixel " + i).isZero();
            }
            assertThat(inside).isPositive();
        }
        refused(Config.replace(request, "mask", small.toString()), "mask", "the mask has 8x8 pixels, the picture 16x16");
        refused(Config.replace(request, "image", ""), "mask", "mask= is of a picture");
        refused(Config.replace(request, "keep", 3), "mask", "mask= and keep= both say what is kept");
        refused(Config.replace(request, "switchTo", run), "switchTo", "must be RUN@TIME");
        refused(Config.replace(request, "switchTo", rows + "@300"), "switchTo", "does not draw along noise levels");
        refused(Config.with(request, "run=" + rows, "set="), "run", "does not draw along noise levels");
    }

    private static void refused(CompleteRequest request, String key, String message) {
        assertThatThrownBy(() -> Config.replace(request, "force", true).run(Watcher.SILENT)).hasMessageContaining(message)
            .isInstanceOfSatisfying(ConfigException.class, e -> assertThat(e.key()).isEqualTo(key));
    }
}
