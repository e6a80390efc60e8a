package io.palitra.app;

import static io.palitra.app.Typed.palitra;
import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.edit.TinyVq;
import io.palitra.report.Parameters;
import io.palitra.report.Png;
import io.palitra.stage.TinyClip;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import sun.misc.Signal;

/** {@code palitra dream} as a user types it, on tiny models of random weights. */
class DreamCommandTest {
    @TempDir private static Path root;
    private static Path vqgan;
    private static Path clip;

    @BeforeAll static void models() throws IOException {
        vqgan = TinyVq.write(root.resolve("vqgan"), "");
        clip = TinyClip.write(root.resolve("clip"));
    }

    private static List<Object> words(Path out, Object... more) {
        List<Object> words = new ArrayList<>(List.of("dream", "--set", "cutouts=4"));
        words.addAll(List.of(more));
        if (!words.contains("--out")) words.addAll(List.of("--out", out));
        if (!words.contains("--iterations")) words.addAll(List.of("--iterations", 5));
        if (!words.contains("--vqgan")) words.addAll(List.of("--vqgan", vqgan));
        if (!words.contains("--clip")) words.addAll(List.of("--clip", clip));
        return words;
    }

    /** Dreams into a folder of that name. */
    private static Path dream(String name, Object... more) {
        Path out = root.resolve(name);
        Typed r = palitra(words(out, more).toArray());
        assertThat(r.code()).as(r.err()).isZero();
        return out;
    }

    private static Picture read(Path png) throws IOException {
        return Pictures.read(Files.readAllBytes(png), png.toString(), Limits.DEFAULT);
    }

    private static byte[] pixels(Path out) throws IOException { return read(out.resolve("dream.png")).pixels(); }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) { return files.map(f -> f.getFileName().toString()).sorted().toList(); }
    }

    private static int frames(Path gif) throws IOException {
        ImageReader reader = ImageIO.getImageReadersByFormatName("gif").next();
        reader.setInput(ImageIO.createImageInputStream(new ByteArrayInputStream(Files.readAllBytes(gif))));
        return reader.getNumImages(true);
    }

    @Test void aPictureItsPreviewItsFramesAndItsFilm() throws IOException {
        Path out = root.resolve("castle");
        Typed r = palitra(words(out, "a castle:50 | snow:-1:0.5", "--size", "20x12", "--seed", 7, "--display", 2).toArray());
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.err()).contains("dream: 'a castle' by 50, 'snow' by -1 as far as 0.5").contains("dream: 'a castle': cosine")
            .contains("no MP4, this build is without FFmpeg; 'mvn -q -DskipTests -pl app -am -Pvideo package'");
        assertThat(names(out)).containsExactly("dream.gif", "dream.png", "frames", "preview.png");
        assertThat(names(out.resolve("frames"))).isEqualTo(IntStream.range(0, 6).mapToObj("%06d.png"::formatted).toList());
        Picture last = read(out.resolve("dream.png"));
        assertThat(List.of(last.width(), last.height())).containsExactly(20, 12);
        assertThat(read(out.resolve("frames/000005.png")).pixels()).isEqualTo(last.pixels());
        assertThat(read(out.resolve("frames/000004.png")).pixels()).isEqualTo(read(out.resolve("preview.png")).pixels());
        assertThat(frames(out.resolve("dream.gif"))).isEqualTo(6);
        Parameters said = Parameters.parse(Png.text(out.resolve("dream.png")).get(Parameters.KEY));
        assertThat(said.prompt()).isEqualTo("a castle:50 | snow:-1:0.5");
        assertThat(said.values()).containsEntry("Steps", "5").containsEntry("Sampler", "VQGAN+CLIP").containsEntry("Seed", "7")
            .containsEntry("Size", "20x12").containsEntry("Model", "vqgan").containsEntry("CLIP", "clip");
    }

    @Test void aFilmHasTheFramesAskedForOrThereIsNone() throws IOException {
        Path some = dream("some", "a castle", "--set", "film.every=3", "--set", "film.first=1");
        assertThat(names(some.resolve("frames"))).as("0, 3 and the last").hasSize(3);
        assertThat(frames(some.resolve("dream.gif"))).isEqualTo(2);
        assertThat(pixels(some)).isEqualTo(read(some.resolve("frames/000002.png")).pixels());
        Path none = dream("some", "a castle", "--set", "film.every=0", "--force");
        assertThat(names(none.resolve("frames"))).as("those of the other film are gone").isEmpty();
    }

    @Test void aPictureIsDreamtAgainBitForBitFromItself() throws IOException {
        Path start = dream("start", "snow", "--iterations", 2).resolve("dream.png");
        Path first = dream("first", "a castle ^ snow", "--seed", 5, "--image", start, "--targets", start + ":2 | " + start + ":-0.1",
            "--noise", "3:0.5", "--set", "initWeight=0.5", "--set", "journey.zoom=1.1", "--set", "journey.every=2",
            "--set", "optimizer=adamw", "--set", "augment.flip=0.5", "--set", "phase=3");   // else phases depend on the iterations
        Path again = root.resolve("again");
        assertThat(palitra("dream", "--like", first.resolve("dream.png"), "--out", again).code()).isZero();
        assertThat(pixels(again)).isEqualTo(pixels(first));
        assertThat(Png.text(again.resolve("dream.png"))).isEqualTo(Png.text(first.resolve("dream.png")));
        assertThat(Png.text(first.resolve("dream.png")).toString()).as("names alone").doesNotContain(root.toString())
            .contains("\"vqgan\":\"vqgan\"").contains("\"image\":\"dream.png\"").containsPattern("Model hash: [0-9a-f]{10}, Model: vqgan");
        assertThat(palitra("dream", "--like", first.resolve("dream.png"), "--iterations", 3, "--out", again, "--force").code()).isZero();
        assertThat(pixels(again)).isNotEqualTo(pixels(first)).isEqualTo(read(first.resolve("frames/000003.png")).pixels());
    }

    /** TERM, since what a shell runs in the background does not get INT. */
    @Test void stoppedItKeepsWhatThereIsAndMakesItsFilm() throws IOException, InterruptedException {
        Path out = root.resolve("stopped");
        Thread user = new Thread(() -> {
            try {
                while (!Files.exists(out.resolve("frames/000007.png"))) Thread.sleep(20);
                Signal.raise(new Signal("TERM"));
            } catch (InterruptedException e) {
                // it came to nothing
            }
        });
        user.start();
        Typed r = palitra(words(out, "a castle", "--iterations", 0, "--seed", 4).toArray());
        user.interrupt();
        user.join();
        assertThat(r.code()).as(r.err()).isEqualTo(143);
        int frames = names(out.resolve("frames")).size();
        assertThat(frames).isGreaterThan(7);
        assertThat(frames(out.resolve("dream.gif"))).isEqualTo(frames);
        assertThat(Parameters.parse(Png.text(out.resolve("dream.png")).get(Parameters.KEY)).values())
            .containsEntry("Steps", Integer.toString(frames - 1));
        Path straight = dream("straight", "a castle", "--iterations", frames - 1, "--seed", 4);
        assertThat(pixels(out)).isEqualTo(pixels(straight));
    }

    @Test void itTellsHowManyCaptionsScoreLower() throws IOException {
        Path captions = Files.createDirectories(root.resolve("captions"));
        for (int i = 0; i < 4; i++) {
            Png.write(captions.resolve(i + ".png"), new Picture(3, 16, 16, new byte[3 * 16 * 16]), Map.of());
            Files.writeString(captions.resolve(i + ".txt"), "a castle");   // the text itself: none is lower
        }
        Typed r = palitra(words(root.resolve("against"), "a castle", "--against", captions).toArray());
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.err()).containsPattern("dream: 'a castle': cosine .*; above 0\\.0 % of 4 captions");
    }

    private static void refused(int code, String why, Object... more) {
        Path out = root.resolve("refused");
        Typed r = palitra(words(out, more).toArray());
        assertThat(r.err().lines().toList()).as(r.err()).singleElement().asString().startsWith("palitra: ").contains(why)
            .hasSizeLessThan(1100);
        assertThat(r.code()).as(r.err()).isEqualTo(code);
        assertThat(out).doesNotExist();
    }

    @Test void whatCannotBeIsRefusedInOneLine() throws IOException {
        Path there = dream("there", "a castle");
        refused(2, "dream of what?", "");
        refused(2, "dream of what?", " | ");
        refused(2, "the texts have 50000 characters", "word ".repeat(10_000));
        refused(2, "is too long, this CLIP reads", "word ".repeat(20));
        refused(2, "illegal weight of 'a castle': 1000001.0, must be between -1000000 and 1000000", "a castle:1000001");
        refused(2, "illegal --noise: 'x'", "a castle", "--noise", "x");
        refused(2, "does not divide a width of 21", "a castle", "--size", "21x12");
        for (String size : List.of("large", "0x0", "0x64", "64x0", "-64x64", "64x-1", "64")) {
            refused(2, "illegal --size: " + size + ", must be WIDTHxHEIGHT in pixels, each at least 1", "a castle", "--size=" + size);
        }
        refused(2, "illegal --iterations: 1000000000, must be between 0 and 1000000", "a castle", "--iterations", 1_000_000_000);
        refused(2, "no such key 'cutout'", "a castle", "--set", "cutout=3");
        refused(2, "film.minFps=50: must be at most maxFps", "a castle", "--set", "film.minFps=50");
        refused(2, "illegal --display: 0", "a castle", "--display", 0);
        refused(1, "no such file", "a castle", "--image", root.resolve("none.png"));
        refused(1, "no such file", "a castle", "--targets", root.resolve("none.png") + ":2");
        refused(2, "no model 'nowhere'", "a castle", "--vqgan", "nowhere");
        refused(2, "makes 4 channels of 4; a CLIP sees pictures", "a castle", "--vqgan",
            TinyVq.write(root.resolve("four"), "'in_channels': 4, 'out_channels': 4"));
        refused(1, "is no CLIP", "a castle", "--clip", vqgan);
        refused(2, "exists and is not empty; choose another --out, or --force", "a castle", "--out", there);
        refused(1, "carries no settings of a dreamt picture", "--like", there.resolve("preview.png"));
        refused(2, "is too long, this CLIP reads 14", "a castle", "--against", "strokes");
        refused(2, "toy-moons has points, not pictures", "a castle", "--against", "toy-moons");
        refused(2, "targets have no phases", "a castle", "--targets", "a.png ^ b.png");
        assertThat(palitra("dream", "a castle", "--clip", clip).err()).contains("which VQGAN?");
        assertThat(palitra("dream", "a castle", "--vqgan", vqgan).err()).contains("which CLIP?");
        assertThat(palitra("dream", "--keys").code()).isZero();
    }
}
