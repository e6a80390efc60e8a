package io.palitra.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands as a user types them. */
class MainTest {
    @TempDir static Path root;
    private static Path run;

    record Result(int code, String err) {}

    private static Result palitra(Object... args) {
        PrintStream before = System.err;
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        try {
            List<String> words = new ArrayList<>();
            for (Object a : args) words.add(a.toString());
            return new Result(Main.execute(words.toArray(String[]::new)), err.toString(StandardCharsets.UTF_8));
        } finally {
            System.setErr(before);
        }
    }

    @BeforeAll static void aSmallRun() {
        run = root.resolve("vae");
        Result r = palitra("train", "vae", "--set", "latent=4", "--steps", 40, "--batch", 32, "--out", run, "--quiet", "--threads", 1);
        assertThat(r.code).as(r.err).isZero();
    }

    @Test void everyCommandOfARunWorks() {
        assertThat(palitra("sample", run, "-n", 9, "--seed", 3, "--out", root.resolve("nine.png"))).extracting(Result::code).isEqualTo(0);
        assertThat(palitra("inspect", root.resolve("nine.png"))).extracting(Result::code).isEqualTo(0);
        assertThat(palitra("sample", run, "-n", 3, "--each", "--out", root.resolve("each"))).extracting(Result::code).isEqualTo(0);
        assertThat(root.resolve("each/00002.png")).isNotEmptyFile();
        assertThat(palitra("reconstruct", run).code).isZero();
        assertThat(palitra("interpolate", run).code).isZero();
        assertThat(palitra("interpolate", run, "--grid", "--items", "--steps", 4, "--out", root.resolve("grid.png")).code).isZero();
        assertThat(palitra("map", run, "-n", 300).code).isZero();
        for (String f : List.of("reconstruct.png", "interpolate.png", "interpolate.gif", "map.png", "map-decoded.png")) {
            assertThat(run.resolve(f)).isNotEmptyFile();
        }
        assertThat(palitra("inspect", run, "--json").code).isZero();
        assertThat(palitra("inspect", run.resolve("model.safetensors")).code).isZero();
        assertThat(palitra("families", "vae").code).isZero();
        assertThat(palitra("families", "--json").code).isZero();
        assertThat(palitra("data").code).isZero();
        assertThat(palitra("data", "strokes").code).isZero();
        assertThat(palitra("doctor").code).isZero();
        assertThat(palitra("generate-completion").code).isZero();
        assertThat(palitra("resume", run, "--quiet").code).isZero();   // finished already: nothing to do
    }

    @Test void wrongInputIsOneClearLineAndExitCodeTwo() throws Exception {
        Path text = Files.writeString(root.resolve("notes.txt"), "not a run");
        List<Object[]> wrong = List.of(
            new Object[] {"train", "vea"}, new Object[] {"train", "vae", "mnits"}, new Object[] {"train", "vae", "--set", "latnt=3"},
            new Object[] {"train", "vae", "--set", "latent=0"}, new Object[] {"train", "vae", "--set", "latent"},
            new Object[] {"train", "vae", "--epochs", "two"}, new Object[] {"train", "vae", "--device", "gpu"},
            new Object[] {"train", "vae", "--epochs", 1, "--steps", 1}, new Object[] {"train", "vae", "--out", run},
            new Object[] {"sample", root.resolve("nowhere")}, new Object[] {"sample", run, "-n", 0},
            new Object[] {"sample", run, "--set", "temprature=1"}, new Object[] {"sample", run, "--class", "eleven"},
            new Object[] {"resume", text}, new Object[] {"frobnicate"}, new Object[] {}, new Object[] {"train"});
        for (Object[] words : wrong) {
            Result r = palitra(words);
            assertThat(r.code).as(List.of(words) + ": " + r.err).isEqualTo(2);
            assertThat(r.err).as(List.of(words).toString()).startsWith("palitra: ").doesNotContain("\tat ").hasLineCount(lines(r.err));
            assertThat(lines(r.err)).isLessThanOrEqualTo(2);   // the fault, and perhaps what to try
        }
        assertThat(palitra("train", "vae", "--set", "latnt=3").err).contains("latent");
        assertThat(palitra("train", "vea").err).contains("gan").contains("diffusion");
    }

    private static int lines(String s) { return (int) s.lines().count(); }

    @Test void aBrokenFileEndsWithOneAndNamesIt() throws Exception {
        Path torn = root.resolve("torn.safetensors");
        Files.write(torn, java.util.Arrays.copyOf(Files.readAllBytes(run.resolve("model.safetensors")), 1000));
        Result r = palitra("inspect", torn);
        assertThat(r.code).isEqualTo(1);
        assertThat(r.err).contains("torn.safetensors");
    }

    @Test void anExistingPictureIsNotOverwritten() throws Exception {
        Path file = Files.writeString(root.resolve("mine.png"), "mine");
        assertThat(palitra("sample", run, "-n", 4, "--out", file).code).isEqualTo(2);
        assertThat(Files.readString(file)).isEqualTo("mine");
    }
}
