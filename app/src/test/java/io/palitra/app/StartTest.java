package io.palitra.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** How the program starts and ends: each test starts it in a process of its own. */
@DisabledOnOs(OS.WINDOWS)
class StartTest {
    /** Letters of another alphabet, in the words of a shell. */
    private static final String CAT = "\\320\\272\\320\\276\\321\\202";

    @TempDir Path root;
    private int count;

    record Result(int code, String out, String err) {}

    private final class Begun {
        final Process process;
        final Path out;
        final Path err;

        Begun(Map<String, String> environment, List<String> jvm, Object... words) throws IOException {
            List<String> line = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx256m",
                "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path")));
            line.addAll(jvm);
            line.add(Main.class.getName());
            for (Object w : words) line.add(w.toString());
            count++;
            out = root.resolve("out" + count);
            err = root.resolve("err" + count);
            // double quotes: the shell of a test writes letters by $(printf ...)
            String typed = "exec \"" + String.join("\" \"", line) + "\"";
            ProcessBuilder builder = new ProcessBuilder("sh", "-c", typed).redirectOutput(out.toFile()).redirectError(err.toFile());
            builder.environment().putAll(environment);
            process = builder.start();
        }

        Result end() throws IOException, InterruptedException {
            boolean ended = process.waitFor(300, TimeUnit.SECONDS);
            if (!ended) process.destroyForcibly();
            assertThat(ended).as("ended by itself").isTrue();
            return new Result(process.exitValue(), Files.readString(out), Files.readString(err));
        }
    }

    private static List<String> libraries(Path folder) { return List.of("-Dorg.bytedeco.javacpp.cachedir=" + folder); }

    private static void remove(Path folder) throws IOException {
        Files.walkFileTree(folder, new SimpleFileVisitor<>() {
            @Override public FileVisitResult visitFile(Path file, BasicFileAttributes facts) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override public FileVisitResult postVisitDirectory(Path dir, @Nullable IOException e) throws IOException {
                Files.delete(dir);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    /** {@code bench/first-start} does it with more of both. */
    @Test void severalProgramsMayStartAtOnceOnAFolderWithoutLibraries() throws Exception {
        for (int round = 0; round < 2; round++) {
            Path folder = root.resolve("libraries" + round);
            List<Begun> all = new ArrayList<>();
            for (int i = 0; i < 3; i++) all.add(new Begun(Map.of(), libraries(folder), "doctor"));
            for (Begun b : all) {
                Result r = b.end();
                assertThat(r.code()).as(r.err()).isZero();
                assertThat(r.out()).contains("self-test    passed", folder.toString());
            }
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder))).isEqualTo("rwx------");
            remove(folder);
        }
    }

    @Test void librariesThatCannotBeLoadedAreOneLineThatNamesTheFolder() throws Exception {
        Path file = Files.writeString(root.resolve("a file"), "");
        for (Path wrong : List.of(file, file.resolve("under it"), Path.of("/proc/palitra"))) {
            Result r = new Begun(Map.of(), libraries(wrong), "train", "vae", "--steps", 1, "--out", root.resolve("run")).end();
            assertThat(r.code()).as(r.err()).isEqualTo(1);
            assertThat(r.err().lines().filter(l -> !l.contains("SLF4J"))).as(r.err()).singleElement().asString().startsWith("palitra: ")
                .contains("'" + wrong + "'", "-Dorg.bytedeco.javacpp.cachedir=FOLDER").doesNotContain("Exception", "Error:");
        }
        Path open = Files.createDirectory(root.resolve("open to all"));
        Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
        Result r = new Begun(Map.of(), libraries(open.resolve("cache")), "doctor").end();
        assertThat(r.code()).isEqualTo(1);
        assertThat(r.out()).contains("every user can write to '" + open + "'");
        assertThat(open.resolve("cache")).isEmptyDirectory();
    }

    @Test void wordsThatTheLocaleCannotReadAreRefused() throws Exception {
        String cat = "$(printf '" + CAT + "')";
        Result lost = new Begun(Map.of("LC_ALL", "C"), List.of(), "families", cat).end();
        assertThat(lost.code()).as(lost.err()).isEqualTo(2);
        assertThat(lost.err().lines()).singleElement().asString().contains("word 2", "LC_ALL=C.UTF-8");
        Result read = new Begun(Map.of("LC_ALL", "C.UTF-8"), List.of(), "families", cat).end();
        assertThat(read.code()).isEqualTo(2);
        assertThat(read.err()).contains("\u043a\u043e\u0442");
    }

    @Test void resultsThatCannotBeWrittenAreAFailureUnlessTheReaderLeft() throws Exception {
        Path java = Path.of(System.getProperty("java.home"), "bin", "java");
        String line = java + " -cp \"" + System.getProperty("java.class.path") + "\" " + Main.class.getName() + " families --json";
        if (Files.exists(Path.of("/dev/full"))) {
            Process full = new ProcessBuilder("sh", "-c", line + " >/dev/full").redirectErrorStream(true).start();
            assertThat(new String(full.getInputStream().readAllBytes())).contains("cannot be written to standard output");
            assertThat(full.waitFor()).isEqualTo(1);
        }
        Process left = new ProcessBuilder("sh", "-c", line + " | true").redirectErrorStream(true).start();
        assertThat(new String(left.getInputStream().readAllBytes())).isEmpty();
    }

    @Test void aTrainingThatIsTerminatedSavesAndEndsWith143() throws Exception {
        Path run = root.resolve("run");
        Begun b = new Begun(Map.of(), List.of(), "train", "vae", "--set", "latent=4", "--steps", 1_000_000, "--batch", 8, "--out", run);
        for (int i = 0; i < 3000 && !Files.exists(run.resolve("metrics.jsonl")); i++) Thread.sleep(50);
        b.process.destroy();
        Result r = b.end();
        assertThat(r.code()).as(r.err()).isEqualTo(143);
        assertThat(r.err()).contains("stopped; go on with: palitra resume");
        try (Stream<Path> saved = Files.list(run.resolve("train"))) {
            assertThat(saved.map(f -> f.getFileName().toString())).anyMatch(n -> n.startsWith("step-"));
        }
    }

    @Test void aSignalIsNeverLostAndTwoAtOnceAreOne() throws Exception {
        for (int delay : new int[] {0, 150, 400, 900, 1600}) {
            Begun b = new Begun(Map.of(), List.of(), "train", "vae", "--steps", 1_000_000, "--batch", 8, "--quiet", "--out",
                root.resolve("run" + delay));
            Thread.sleep(delay);
            b.process.destroy();
            assertThat(b.end().code()).as(delay + " ms").isEqualTo(143);
        }
        Path run = root.resolve("again");
        Begun b = new Begun(Map.of(), List.of(), "train", "vae", "--steps", 1_000_000, "--batch", 8, "--out", run);
        for (int i = 0; i < 3000 && !Files.exists(run.resolve("metrics.jsonl")); i++) Thread.sleep(50);
        b.process.destroy();
        b.process.destroy();   // as `timeout` does, which signals its child and then its group
        Result r = b.end();
        assertThat(r.code()).as(r.err()).isEqualTo(143);
        assertThat(r.err()).containsOnlyOnce("stopping after this step").contains("stopped; go on with: palitra resume");
    }

    /** Hidden files of a name that only lasts while they are written. */
    private static List<Path> halfWritten(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(f -> f.getFileName().toString().matches("\\..+\\.(part|tmp)")).toList();
        }
    }

    @Test void aLongCommandThatIsTerminatedEndsWith143AndLeavesNoHalfFile() throws Exception {
        Path runs = root.resolve("runs"), vae = runs.resolve("vae"), kl = runs.resolve("kl"), out = runs.resolve("out");
        Path pictures = root.resolve("pictures");
        for (int c = 0; c < 2; c++) {
            for (int i = 0; i < (c == 0 ? 400 : 20); i++) {
                byte[] p = new byte[64];
                java.util.Arrays.fill(p, 0, c == 0 ? 32 : 16, (byte) (i + 100));
                Path folder = Files.createDirectories(pictures.resolve("train/" + c)), test = Files.createDirectories(
                    pictures.resolve("test/" + c));
                io.palitra.report.Png.write((i % 10 == 0 ? test : folder).resolve(i + ".png"), new io.palitra.data.Picture(1, 8, 8, p),
                    Map.of());
            }
        }
        assertThat(Typed.palitra("train", "vae", pictures, "--set", "latent=2", "--set", "net.hidden=8", "--set", "conditional=true",
            "--steps", 2, "--out", vae, "--quiet", "--threads", 1).code()).isZero();
        Typed big = Typed.palitra("train", "vae", "--set", "latent=2", "--steps", 2, "--batch", 4, "--out", kl, "--quiet", "--threads", 1);
        assertThat(big.code()).as(big.err()).isZero();
        List<List<Object>> commands = List.of(List.of("evaluate", kl, "--no-classifier"), List.of("balance", vae, "--out", out));
        for (List<Object> words : commands) {
            for (int delay : new int[] {0, 900, words.contains("evaluate") ? 9000 : 2500}) {
                Begun b = new Begun(Map.of("PALITRA_CACHE", root.resolve("cache").toString()), List.of(), words.toArray());
                Thread.sleep(delay);
                b.process.destroy();
                Result r = b.end();
                assertThat(r.code()).as(words.get(0) + " after " + delay + " ms: " + r.err()).isEqualTo(143);
                if (delay == 9000) assertThat(r.err()).contains("evaluate: what vae measures ", "stopping after", "palitra: stopped");
                assertThat(halfWritten(runs)).isEmpty();
                assertThat(out).doesNotExist();
                assertThat(kl.resolve("evaluation.json")).doesNotExist();
            }
        }
        for (int delay : new int[] {600, 900, 1200, 1500}) {
            Path made = runs.resolve("made" + delay);
            Begun b = new Begun(Map.of(), List.of(), "export", exportable(runs), made);
            Thread.sleep(delay);
            b.process.destroy();
            Result r = b.end();
            assertThat(r.code()).as(r.err()).isIn(0, 143);
            assertThat(halfWritten(runs)).isEmpty();
            if (Files.exists(made)) assertThat(made.resolve("README.md")).isNotEmptyFile();
            assertThat(Files.exists(made)).isEqualTo(r.code() == 0);
        }
    }

    private static Path exportable(Path runs) {
        Path run = runs.resolve("vq");
        if (!Files.exists(run)) {
            Typed r = Typed.palitra("train", "vqvae", "--set", "net.channels=8,8", "--set", "net.groups=2", "--set", "data.size=16",
                "--steps", 1, "--batch", 2, "--out", run, "--quiet", "--threads", 1);
            assertThat(r.code()).as(r.err()).isZero();
        }
        return run;
    }

    @Test void damagedWeightsOfARunAreSaidAndTheRestIsShown() throws Exception {
        Path run = root.resolve("run"), model = run.resolve("model.safetensors");
        assertThat(Typed.palitra("train", "ae", "--set", "latent=2", "--steps", 1, "--out", run, "--quiet", "--threads", 1).code())
            .isZero();
        byte[] whole = Files.readAllBytes(model);
        for (int length : new int[] {5, whole.length - 1}) {
            Files.write(model, java.util.Arrays.copyOf(whole, length));
            Result r = new Begun(Map.of(), List.of(), "inspect", run).end();
            assertThat(r.code()).as(r.err()).isZero();
            assertThat(r.out()).contains("family: ae", "model.safetensors: damaged: ", "\"latent\":2");
        }
    }
}
