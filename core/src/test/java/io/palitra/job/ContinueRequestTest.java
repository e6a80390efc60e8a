package io.palitra.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.FilmFile;
import io.palitra.data.Picture;
import io.palitra.data.Split;
import io.palitra.model.Watcher;
import io.palitra.report.Gif;
import io.palitra.report.Png;
import io.palitra.train.RunConfig;
import io.palitra.train.Trainer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Films go on from what is given, by a run of few steps. */
class ContinueRequestTest {
    private static final DataOptions OPTIONS = Config.with(DataOptions.DEFAULT, "size=32", "frames=4");
    @TempDir private static Path root;
    private static Path run;

    private static Path train(String name, String... overrides) throws IOException {
        Dataset train = Datasets.open("moving", Split.TRAIN, OPTIONS), test = Datasets.open("moving", Split.TEST, OPTIONS);
        List<String> all = new ArrayList<>(List.of("net=latte", "net.width=16", "net.layers=2", "net.heads=2", "train.steps=2",
            "train.batch=4"));
        all.addAll(List.of(overrides));
        Path folder = root.resolve(name);
        RunConfig config = RunConfig.of("diffusion", "moving", train, OPTIONS, 3, all).on("cpu", RunConfig.Precision.FP32, 1);
        Trainer.start(folder, config, train, test, Watcher.SILENT);
        return folder;
    }

    @BeforeAll static void aRunOfFilms() throws IOException { run = train("films"); }

    private static ContinueRequest request(Path film, String... more) {
        return Config.with(Config.with(new ContinueRequest(run.toString(), film.toString()), "device=cpu", "set=sampler.steps=2",
            "force=true", "out=" + root.resolve("on.gif")), more);
    }

    /** Frames as the run sees them; the file shows each pixel by four times four. */
    private static List<byte[]> frames(Path file) throws IOException {
        List<byte[]> frames = new ArrayList<>();
        for (Picture p : FilmFile.read(file, note -> { })) {
            byte[] one = new byte[1024];
            for (int i = 0; i < one.length; i++) one[i] = p.pixels()[i / 32 * 4 * p.width() + i % 32 * 4];
            frames.add(one);
        }
        return frames;
    }

    private static Picture lit(int pixel) {
        byte[] pixels = new byte[1024];
        Arrays.fill(pixels, pixel, pixel + 40, (byte) 255);
        return new Picture(1, 32, 32, pixels);
    }

    @Test void aFilmGoesOnFromItsFirstFrameForAsLongAsIsAsked() throws IOException {
        Path first = root.resolve("first.png");
        Png.write(first, lit(30), Map.of());
        for (int length : new int[] {4, 11}) {
            ContinueRequest.Result made = request(first, "frames=" + length).run(Watcher.SILENT);
            assertThat(made.frames()).isEqualTo(length);
            List<byte[]> film = frames(made.file());
            assertThat(film).hasSize(length);
            assertThat(film.get(0)).isEqualTo(lit(30).pixels());
            assertThat(film.get(length - 1)).isNotEqualTo(lit(30).pixels());
        }
        List<byte[]> eleven = frames(root.resolve("on.gif")), four = frames(request(first).run(Watcher.SILENT).file());
        for (int t = 0; t < 4; t++) assertThat(eleven.get(t)).as("frame " + t).isEqualTo(four.get(t));
    }

    @Test void ofAFilmTheFirstFramesAreKept() throws IOException {
        Path film = root.resolve("film.gif");
        Gif.write(film, List.of(lit(10), lit(60), lit(110)), 100);
        List<byte[]> made = frames(request(film, "keep=2").run(Watcher.SILENT).file());
        assertThat(made).hasSize(4);
        assertThat(made.get(1)).isEqualTo(lit(60).pixels());
        assertThat(made.get(2)).isNotEqualTo(lit(110).pixels());
        assertThat(frames(request(film, "frames=7").run(Watcher.SILENT).file()).get(2)).isEqualTo(lit(110).pixels());
        assertThatThrownBy(() -> new CompleteRequest(run.toString(), 2).run(Watcher.SILENT))
            .hasMessageContaining("is a run of films: --film");
        refused(request(film, "keep=4"), "keep", "illegal keep: 4, must be at most 3");
        refused(request(film, "frames=3"), "frames", "illegal frames: 3, must be more than the 3 that are kept");
        refused(request(film, "out=" + root.resolve("on.png")), "out", "must end in .gif");
        assertThatThrownBy(() -> request(root.resolve("none.gif")).run(Watcher.SILENT)).hasMessageContaining("no such file");
    }

    @Test void aRunOfClassesIsToldWhichOneGoesOn() throws IOException {
        Path classes = train("classes", "condition=label"), first = root.resolve("class.png");
        Png.write(first, lit(30), Map.of());
        refused(request(first, "run=" + classes), "set", "label=N says which one goes on");
        request(first, "run=" + classes, "set=sampler.steps=2,label=3").run(Watcher.SILENT);
    }

    private static void refused(ContinueRequest request, String key, String message) {
        assertThatThrownBy(() -> request.run(Watcher.SILENT)).hasMessageContaining(message)
            .isInstanceOfSatisfying(ConfigException.class, e -> assertThat(e.key()).isEqualTo(key));
    }
}
