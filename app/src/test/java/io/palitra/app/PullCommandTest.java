package io.palitra.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.palitra.hub.LoopbackHub.Manner;
import io.palitra.hub.LoopbackHub;
import io.palitra.paint.TinyPipeline;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code palitra pull} as a user types it: a process of its own, told of a hub by its environment. */
class PullCommandTest {
    private static final String WEIGHTS = "unet/model.safetensors";

    @TempDir Path root;
    private LoopbackHub hub;

    record Result(int code, String out, String err) {
        /** What was refused, in one line. */
        String refusal() {
            List<String> lines = err.lines().filter(l -> l.startsWith("palitra: ")).toList();
            assertThat(lines).as(err).hasSize(1);
            assertThat(err).doesNotContain("\tat ").doesNotContain(LoopbackHub.TOKEN);
            return lines.get(0);
        }
    }

    @BeforeEach void start() throws IOException { hub = new LoopbackHub(); }

    @AfterEach void stop() { hub.close(); }

    private Path model() { return root.resolve("hub/models--org--name"); }

    private Path blob() { return model().resolve("blobs").resolve(hub.etag(WEIGHTS)); }

    private Path part() { return blob().resolveSibling(blob().getFileName() + ".palitra.incomplete"); }

    private Process begin(String before, Object... words) throws IOException {
        List<String> line = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx256m",
            "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path"), Main.class.getName()));
        for (Object w : words) line.add(w.toString());
        if (!before.isEmpty()) line = new ArrayList<>(List.of("sh", "-c", before + "; exec '" + String.join("' '", line) + "'"));
        ProcessBuilder builder = new ProcessBuilder(line).redirectOutput(root.resolve("out").toFile())
            .redirectError(root.resolve("err").toFile());
        builder.environment().putAll(Map.of("HF_HOME", root.toString(), "HF_ENDPOINT", hub.endpoint(), "HF_TOKEN", LoopbackHub.TOKEN));
        builder.environment().remove("HF_HUB_CACHE");
        return builder.start();
    }

    private Result end(Process process) throws IOException, InterruptedException {
        boolean ended = process.waitFor(300, TimeUnit.SECONDS);
        if (!ended) process.destroyForcibly();
        assertThat(ended).as("ended by itself").isTrue();
        return new Result(process.exitValue(), Files.readString(root.resolve("out")), Files.readString(root.resolve("err")));
    }

    private Result palitra(Object... words) throws IOException, InterruptedException { return end(begin("", words)); }

    /** A limit on the length of a file is what a full disk is to a writer: the write fails half way. */
    @Test void aFullDiskLeavesWhatCameTheRestComesLaterAndPaints() throws Exception {
        Path made = TinyPipeline.write(root.resolve("made"), 1);
        try (Stream<Path> all = Files.walk(made)) {
            for (Path p : all.filter(Files::isRegularFile).toList()) {
                hub.files.put(made.relativize(p).toString().replace('\\', '/'), Files.readAllBytes(p));
            }
        }
        if (System.getProperty("os.name").equals("Linux")) {   // where ulimit -f counts blocks of 512 bytes
            Result full = end(begin("ulimit -f 300", "pull", "org/name"));
            assertThat(full.code).as(full.err).isEqualTo(1);
            assertThat(full.refusal()).contains("cannot write to " + model()).contains("running again resumes");
            assertThat(blob()).doesNotExist();
            assertThat(model().resolve("refs/main")).doesNotExist();
            assertThat(Files.size(part())).isBetween(1L, 153_600L);
        }
        Result pulled = palitra("pull", "org/name");
        assertThat(pulled.code).as(pulled.err).isZero();
        assertThat(blob()).hasBinaryContent(hub.files.get(WEIGHTS));
        assertThat(part()).doesNotExist();
        assertThat(pulled.out.strip()).isEqualTo(model().resolve("snapshots").resolve(LoopbackHub.COMMIT).toString());
        Result painted = palitra("paint", "a castle", "--model", "org/name", "--steps", 2, "--out", root.resolve("x.png"));
        assertThat(painted.code).as(painted.err).isZero();
        assertThat(root.resolve("x.png")).isNotEmptyFile();
    }

    @Test void aSignalLeavesWhatCame() throws Exception {
        hub.manner = Manner.STALLS;
        Process process = begin("", "pull", "org/name", "--include", "*.safetensors");
        long start = System.nanoTime();
        while (!Files.exists(part()) || Files.size(part()) < 1) {
            assertThat(System.nanoTime() - start).isLessThan(300_000_000_000L);
            Thread.sleep(10);
        }
        process.destroy();
        Result stopped = end(process);
        assumeTrue(!System.getProperty("os.name").startsWith("Windows"), "a process of Windows is ended without being asked");
        assertThat(stopped.code).as(stopped.err).isEqualTo(143);
        assertThat(stopped.err).contains("the download was stopped; running again resumes");
        assertThat(Files.size(part())).isPositive();
        assertThat(blob()).doesNotExist();
    }
}
