package io.palitra.video;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.abort;

import io.palitra.config.Config;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.FilmFile;
import io.palitra.data.FormatException;
import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.Split;
import io.palitra.report.FilmWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.Random;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Loader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class Mp4Test {
    @TempDir private Path root;

    /** A square that walks over a slope of colour. */
    private static List<Picture> frames(int n, int height, int width) {
        List<Picture> frames = new ArrayList<>();
        for (int k = 0; k < n; k++) {
            byte[] p = new byte[3 * height * width];
            for (int i = 0; i < height * width; i++) {
                int x = i % width, y = i / width;
                boolean square = Math.abs(x - 10 - k) < 6 && Math.abs(y - height / 2) < 6;
                p[i] = (byte) (square ? 230 : 200 * x / width);
                p[height * width + i] = (byte) (square ? 40 : 90);
                p[2 * height * width + i] = (byte) (square ? 40 : 200 * y / height);
            }
            frames.add(new Picture(3, height, width, p));
        }
        return frames;
    }

    /** What a program of FFmpeg says to stdout. */
    private static byte[] run(Class<?> program, Object... words) throws IOException, InterruptedException {
        String file;
        try {
            file = Loader.load(program);
        } catch (LinkageError e) {   // the programs want libraries of sound that not every system has; our writer does not
            return abort("skipped: FFmpeg's own programs, which look at the film, cannot be loaded here: " + e.getMessage());
        }
        List<String> line = new ArrayList<>(List.of(file, "-v", "error"));
        for (Object w : words) line.add(w.toString());
        ProcessBuilder builder = new ProcessBuilder(line).redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().put("LD_LIBRARY_PATH", String.valueOf(Path.of(file).getParent()));   // libva, which not every system has
        Process process = builder.start();
        byte[] out = process.getInputStream().readAllBytes();
        assertThat(process.waitFor()).isZero();
        return out;
    }

    private static Properties probe(Path file) throws IOException, InterruptedException {
        Properties said = new Properties();
        said.load(new java.io.ByteArrayInputStream(run(org.bytedeco.ffmpeg.ffprobe.class, "-count_frames", "-select_streams", "v",
            "-show_entries", "stream=codec_name,width,height,avg_frame_rate,nb_read_frames,duration", "-of", "default=noprint_wrappers=1",
            file)));
        return said;
    }

    private static double rate(Properties said) {
        String[] q = said.getProperty("avg_frame_rate").split("/");
        return Double.parseDouble(q[0]) / Double.parseDouble(q[1]);
    }

    @Test void theServiceIsFound() {
        assertThat(FilmWriter.find(".mp4")).get().isInstanceOf(Mp4.class);
        assertThat(FilmWriter.find(".avi")).isEmpty();
    }

    @Test void whatIsWrittenDecodesToTheSameFrames() throws IOException, InterruptedException {
        List<Picture> frames = frames(40, 64, 96);
        Path file = root.resolve("film.mp4");
        new Mp4().write(file, frames, 12.5);
        Properties said = probe(file);
        assertThat(said).containsEntry("codec_name", "h264").containsEntry("width", "96").containsEntry("height", "64")
            .containsEntry("nb_read_frames", "40");
        assertThat(rate(said)).isCloseTo(12.5, within(1e-6));
        assertThat(Double.parseDouble(said.getProperty("duration"))).isCloseTo(40 / 12.5, within(0.01));
        byte[] back = run(org.bytedeco.ffmpeg.ffmpeg.class, "-i", file, "-f", "rawvideo", "-pix_fmt", "gbrp", "-");
        assertThat(back).hasSize(40 * 3 * 64 * 96);
        for (int k = 0; k < 40; k++) {
            double sum = 0;
            int n = 64 * 96;
            byte[] given = frames.get(k).pixels();
            int[] order = {2, 0, 1};   // its planes are green, blue, red
            for (int c = 0; c < 3; c++) {
                for (int i = 0; i < n; i++) {
                    double d = (back[(k * 3 + c) * n + i] & 0xff) - (given[(order[c] + 2) % 3 * n + i] & 0xff);
                    sum += d * d;
                }
            }
            assertThat(10 * Math.log10(255 * 255 / (sum / (3 * n)))).as("PSNR of frame " + k).isGreaterThan(27);
        }
    }

    @Test void oddSizesGreyFramesAndAnyRateAreShown() throws IOException, InterruptedException {
        Path file = root.resolve("odd.mp4");
        byte[] grey = new byte[33 * 21];
        Arrays.fill(grey, (byte) 99);
        for (double fps : new double[] {10, 200 / 15.0, 29.97}) {
            new Mp4().write(file, List.of(new Picture(1, 21, 33, grey), new Picture(1, 21, 33, grey)), fps);   // over the last one
            Properties said = probe(file);
            assertThat(said).containsEntry("width", "34").containsEntry("height", "22").containsEntry("nb_read_frames", "2");
            assertThat(rate(said)).isCloseTo(fps, within(1e-3));
        }
        byte[] back = run(org.bytedeco.ffmpeg.ffmpeg.class, "-i", file, "-f", "rawvideo", "-pix_fmt", "gray", "-");
        // blocks of the codec reach beyond the last row
        for (int i = 0; i < 34 * 20; i++) assertThat(back[i] & 0xff).isCloseTo(99, within(2));
    }

    @Test void whatIsWrittenIsReadAgain() throws IOException {
        List<Picture> frames = frames(20, 64, 96);
        Path folder = Files.createDirectory(root.resolve("films")), file = folder.resolve("film.mp4");
        new Mp4().write(file, frames, 12.5);
        List<Picture> back = FilmFile.read(file, note -> { });
        assertThat(back).hasSize(20);
        for (int k = 0; k < 20; k++) {
            byte[] a = frames.get(k).pixels(), b = back.get(k).pixels();
            assertThat(b).hasSameSizeAs(a);
            double sum = 0;
            for (int i = 0; i < a.length; i++) sum += Math.pow((a[i] & 0xff) - (b[i] & 0xff), 2);
            assertThat(10 * Math.log10(255 * 255 / (sum / a.length))).as("PSNR of frame " + k).isGreaterThan(27);
        }
        new Mp4().write(folder.resolve("other.mp4"), frames(12, 64, 96), 25);
        DataOptions options = Config.with(DataOptions.DEFAULT, "frames=10");
        Dataset train = Datasets.open(folder.toString(), Split.TRAIN, options),
            test = Datasets.open(folder.toString(), Split.TEST, options);
        assertThat(train.spec()).hasToString("video of 10 frames of 3x64x96 without classes");
        assertThat(train.size() + test.size()).isEqualTo(3);
    }

    @Test void damagedFilmsAreRefusedInOneLine() throws IOException {
        Path file = root.resolve("film.mp4");
        new Mp4().write(file, frames(6, 32, 32), 10);
        byte[] whole = Files.readAllBytes(file);
        Random random = new Random(4);
        int read = 0;
        for (int i = 0; i < 300; i++) {
            byte[] damaged = Arrays.copyOf(whole, i % 3 == 0 ? random.nextInt(whole.length) : whole.length);
            for (int k = 0; k < i % 5 && damaged.length > 0; k++) damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
            try {
                new Mp4Reader().read(damaged, "film.mp4", Limits.DEFAULT);
                read++;
            } catch (FormatException e) {
                assertThat(e.getMessage()).startsWith("film.mp4").doesNotContain("\n");
            }
        }
        assertThat(read).as("those that were hardly damaged").isPositive();
        assertThatThrownBy(() -> new Mp4Reader().read("#EXTM3U\nfile:///etc/hosts\n".getBytes(StandardCharsets.UTF_8), "list.mp4",
            Limits.DEFAULT)).isInstanceOf(FormatException.class).hasMessageStartingWith("list.mp4").hasMessageContaining("no MP4 film");
    }

    @Test void whatCannotBeWrittenIsToldAndLeavesNothing() throws IOException {
        List<Picture> two = new ArrayList<>(frames(1, 16, 16));
        two.addAll(frames(1, 16, 18));
        Path file = root.resolve("no.mp4"), nowhere = root.resolve("none/no.mp4");
        assertThatThrownBy(() -> new Mp4().write(file, List.of(), 10)).hasMessageContaining("at least one frame");
        assertThatThrownBy(() -> new Mp4().write(file, two, 0)).hasMessageContaining("illegal fps");
        assertThatThrownBy(() -> new Mp4().write(file, two, 10)).hasMessage("a film wants frames of one shape, got 16x16 and 18x16");
        assertThatThrownBy(() -> new Mp4().write(nowhere, two, 10)).isInstanceOf(UncheckedIOException.class)
            .hasMessageContaining("cannot write " + nowhere);
        try (Stream<Path> files = Files.list(root)) { assertThat(files).isEmpty(); }
    }
}
