package io.palitra.train;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.data.Split;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Stopped anywhere and resumed, a run ends with the bits of the run never stopped. */
class ResumeTest {
    @ParameterizedTest @ValueSource(strings = {"ae", "vae", "vqvae", "gan", "diffusion"})
    void stoppedAtRandomStepsAndResumedTheRunEndsBitIdentical(String family, @TempDir Path root) throws Exception {
        Path whole = root.resolve("whole");
        assertThat(Trainer.start(whole, TinyRuns.config(family), TinyRuns.data(Split.TRAIN), TinyRuns.data(Split.TEST), Progress.SILENT,
            () -> false))
            .isTrue();
        Map<String, String> expected = TinyRuns.hashes(whole);
        SplittableRandom random = new SplittableRandom(System.nanoTime());
        for (int trial = 0; trial < 3; trial++) {
            Path parts = root.resolve("parts-" + trial);
            int first = 1 + random.nextInt(18), second = 1 + random.nextInt(18);
            boolean done = Trainer.start(parts, TinyRuns.config(family), TinyRuns.data(Split.TRAIN), TinyRuns.data(Split.TEST),
                Progress.SILENT, after(first));
            assertThat(done).isFalse();
            Trainer.resume(parts, TinyRuns.data(Split.TRAIN), TinyRuns.data(Split.TEST), Progress.SILENT, after(second));
            Trainer.resume(parts, TinyRuns.data(Split.TRAIN), TinyRuns.data(Split.TEST), Progress.SILENT, () -> false);
            assertThat(TinyRuns.hashes(parts)).as("stopped after " + first + " and " + second + " steps").isEqualTo(expected);
        }
    }

    private static java.util.function.BooleanSupplier after(int steps) {
        int[] asked = {0};
        return () -> asked[0]++ >= steps;
    }

    @ParameterizedTest @ValueSource(strings = {"ae", "vae", "gan", "diffusion"})
    void killedAtARandomInstantAndResumedTheRunEndsBitIdentical(String family, @TempDir Path root) throws Exception {
        Path whole = root.resolve("whole"), killed = root;
        long started = System.nanoTime();
        assertThat(child(whole, family).waitFor()).isZero();
        long millis = (System.nanoTime() - started) / 1_000_000;
        SplittableRandom random = new SplittableRandom(System.nanoTime());
        int kills = 0;
        for (int go = 0; kills == 0; go++, millis /= 2) {   // a machine that was busy and no longer is ends sooner than it is killed
            assertThat(go).as("runs that ended before they were killed").isLessThan(8);
            killed = root.resolve("killed-" + go);
            for (int i = 0; i < 2; i++) {
                Process p = child(killed, family);
                long wait = millis / 3 + random.nextLong(Math.max(1, millis / 2));
                if (!p.waitFor(wait, TimeUnit.MILLISECONDS)) {
                    p.destroyForcibly().waitFor();   // kill -9
                    kills++;
                }
            }
        }
        assertThat(child(killed, family).waitFor()).isZero();
        assertThat(TinyRuns.hashes(killed)).isEqualTo(TinyRuns.hashes(whole));
        assertThat(Files.exists(killed.resolve("report.html"))).isTrue();
    }

    @Test void killedBetweenTheLastCheckpointAndItsModelTheModelIsThatOfTheCheckpoint(@TempDir Path folder) throws Exception {
        Trainer.start(folder, TinyRuns.config("ae"), TinyRuns.data(Split.TRAIN), TinyRuns.data(Split.TEST), Progress.SILENT, after(25));
        byte[] before = Files.readAllBytes(folder.resolve(Run.MODEL));
        Trainer.resume(folder, TinyRuns.data(Split.TRAIN), TinyRuns.data(Split.TEST), Progress.SILENT, () -> false);
        Map<String, String> expected = TinyRuns.hashes(folder);
        Files.write(folder.resolve(Run.MODEL), before);   // what such a kill leaves
        assertThat(TinyRuns.hashes(folder)).isNotEqualTo(expected);
        Trainer.resume(folder, TinyRuns.data(Split.TRAIN), TinyRuns.data(Split.TEST), Progress.SILENT, () -> false);
        assertThat(TinyRuns.hashes(folder)).isEqualTo(expected);
    }

    private static Process child(Path folder, String family) throws Exception {
        return new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx1g", "-Djava.awt.headless=true",
            "-cp",
            System.getProperty("java.class.path"), TinyRuns.class.getName(), folder.toString(), family).inheritIO().start();
    }
}
