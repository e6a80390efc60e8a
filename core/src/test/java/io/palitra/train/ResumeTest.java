package io.palitra.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.data.Picture;
import io.palitra.data.Split;
import io.palitra.family.Families;
import io.palitra.model.Family;
import io.palitra.model.Watcher;
import io.palitra.report.EventRecords;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Stopped anywhere and resumed, a run ends with the bits of the run never stopped. */
class ResumeTest {
    /** Families that are killed in each build, drawn anew each time; all of them are stopped. */
    private static final int KILLED = 4;
    @TempDir static Path root;
    private static Path stages;
    private static final Map<String, Map<String, String>> WHOLE = new HashMap<>();

    @BeforeAll static void prepare() throws Exception {
        stages = Files.createDirectories(root.resolve("stages"));
        for (String family : families()) TinyRuns.config(family, stages);   // and so the models that they are built upon
    }

    static List<String> families() { return Families.all().stream().map(Family::name).toList(); }

    /** The hashes of the run never stopped. */
    private static Map<String, String> whole(String family) throws Exception {
        if (!WHOLE.containsKey(family)) {
            RunConfig config = TinyRuns.config(family, stages);
            Path folder = root.resolve("whole").resolve(family);
            assertThat(Trainer.start(folder, config, TinyRuns.train(config), TinyRuns.test(config), Watcher.SILENT)).isTrue();
            WHOLE.put(family, TinyRuns.hashes(folder));
            allNamesAreKnown(folder);
        }
        return WHOLE.get(family);
    }

    private static void allNamesAreKnown(Path folder) {
        String[] names = folder.toFile().list();
        assertThat(names).as("files of " + folder + "; a new one is a name in RunFolder").allMatch(RunFolder::owns);
    }

    @ParameterizedTest @MethodSource("families")
    void stoppedAtRandomStepsAndResumedTheRunEndsBitIdentical(String family) throws Exception {
        SplittableRandom random = new SplittableRandom(System.nanoTime());
        int first = 1 + random.nextInt(TinyRuns.STEPS - 3), second = 1 + random.nextInt(TinyRuns.STEPS - 1 - first);
        RunConfig config = TinyRuns.config(family, stages);
        Path parts = root.resolve("parts").resolve(family);
        assertThat(Trainer.start(parts, config, TinyRuns.train(config), TinyRuns.test(config), TinyRuns.until(after(first)))).isFalse();
        assertThat(Trainer.resume(parts, TinyRuns.train(config), TinyRuns.test(config), TinyRuns.until(after(second)))).isFalse();
        assertThat(Trainer.resume(parts, TinyRuns.train(config), TinyRuns.test(config), Watcher.SILENT)).isTrue();
        assertThat(TinyRuns.hashes(parts)).as("stopped after " + first + " and " + second + " more steps").isEqualTo(whole(family));
    }

    @ParameterizedTest @ValueSource(ints = {1, 2, 3})
    void stoppedWhileItsNetworksGrowTheRunEndsBitIdentical(int steps) throws Exception {
        RunConfig config = TinyRuns.config("progan", stages);   // which grows at steps 1 and 3
        Path parts = root.resolve("growing" + steps);
        assertThat(Trainer.start(parts, config, TinyRuns.train(config), TinyRuns.test(config), TinyRuns.until(after(steps)))).isFalse();
        assertThat(Trainer.resume(parts, TinyRuns.train(config), TinyRuns.test(config), Watcher.SILENT)).isTrue();
        assertThat(TinyRuns.hashes(parts)).isEqualTo(whole("progan"));
    }

    private static java.util.function.BooleanSupplier after(int steps) {
        int[] asked = {0};
        return () -> asked[0]++ >= steps;
    }

    @Test void killedAtARandomInstantAndResumedTheRunEndsBitIdentical() throws Exception {
        long seed = System.nanoTime();
        SplittableRandom random = new SplittableRandom(seed);
        List<String> families = new ArrayList<>(families());
        Collections.shuffle(families, new Random(seed));
        families = families.subList(0, KILLED);
        Path killed = root.resolve("killed");
        for (String family : families) {
            Process p = child(killed, families);
            int last = 2 + random.nextInt(TinyRuns.STEPS - 3);   // a checkpoint is saved each four steps
            boolean reached = false;
            try (BufferedReader in = new BufferedReader(new InputStreamReader(p.getInputStream(), StandardCharsets.UTF_8))) {
                for (String line = in.readLine(); line != null && !reached; line = in.readLine()) {
                    reached = line.equals(family + " " + last);
                }
                if (reached) Thread.sleep(0, random.nextInt(900_000));
                p.destroyForcibly().waitFor();   // kill -9
            }
            assertThat(reached).as(family + " ended before it was killed at step " + last).isTrue();
        }
        assertThat(child(killed, families).waitFor()).isZero();
        for (String family : families) {
            Path folder = killed.resolve(family);
            assertThat(TinyRuns.hashes(folder)).as("killed: " + family).isEqualTo(whole(family));
            assertThat(Files.exists(folder.resolve("report.html"))).isTrue();
            allNamesAreKnown(folder);   // and so nothing half-written is left
        }
    }

    @Test void killedBetweenTheLastCheckpointAndItsModelTheModelIsThatOfTheCheckpoint(@TempDir Path folder) throws Exception {
        Trainer.start(folder, TinyRuns.config("ae"), TinyRuns.data(Split.TRAIN), TinyRuns.data(Split.TEST), TinyRuns.until(after(25)));
        byte[] before = Files.readAllBytes(folder.resolve(Run.MODEL));
        Trainer.resume(folder, TinyRuns.data(Split.TRAIN), TinyRuns.data(Split.TEST), Watcher.SILENT);
        Map<String, String> expected = TinyRuns.hashes(folder);
        Files.write(folder.resolve(Run.MODEL), before);   // what such a kill leaves
        assertThat(TinyRuns.hashes(folder)).isNotEqualTo(expected);
        Trainer.resume(folder, TinyRuns.data(Split.TRAIN), TinyRuns.data(Split.TEST), Watcher.SILENT);
        assertThat(TinyRuns.hashes(folder)).isEqualTo(expected);
    }

    @Test void aFinishedRunThatIsResumedOrStoppedAtOnceGetsNoNewFile(@TempDir Path folder) throws Exception {
        Trainer.start(folder, TinyRuns.config("ae"), TinyRuns.data(Split.TRAIN), TinyRuns.data(Split.TEST), TinyRuns.until(after(20)));
        List<Path> stopped = files(folder);
        assertThat(Trainer.resume(folder, TinyRuns.data(Split.TRAIN), TinyRuns.data(Split.TEST), TinyRuns.until(() -> true))).isFalse();
        assertThat(files(folder)).isEqualTo(stopped);
        Trainer.resume(folder, TinyRuns.data(Split.TRAIN), TinyRuns.data(Split.TEST), Watcher.SILENT);
        List<Path> finished = files(folder);
        assertThat(Trainer.resume(folder, TinyRuns.data(Split.TRAIN), TinyRuns.data(Split.TEST), Watcher.SILENT)).isTrue();
        assertThat(files(folder)).isEqualTo(finished);
    }

    private static List<Path> files(Path folder) throws Exception {
        try (Stream<Path> all = Files.walk(folder)) { return all.sorted().toList(); }
    }

    @Test void theCurveInTensorBoardNeverDoublesBack(@TempDir Path folder) throws Exception {
        RunConfig config = TinyRuns.config("ae").saving(1, 7);
        Watcher dies = new Watcher() {
            @Override public void tick(String what, long step, long steps, Map<String, Double> figures,
                Supplier<Optional<Picture>> preview) {
                if (step == 11) throw new IllegalStateException("killed at 11, saved at 7");
            }
        };
        assertThatThrownBy(() -> Trainer.start(folder, config, TinyRuns.data(Split.TRAIN), null, dies))
            .hasMessageContaining("11");
        assertThat(shown(folder)).isEqualTo(steps(1, 10));
        Trainer.resume(folder, TinyRuns.data(Split.TRAIN), null, TinyRuns.until(after(5)));
        Trainer.resume(folder, TinyRuns.data(Split.TRAIN), null, Watcher.SILENT);
        assertThat(shown(folder)).isEqualTo(steps(1, 30));
    }

    private static List<Long> steps(long from, long to) {
        List<Long> steps = new ArrayList<>();
        for (long s = from; s <= to; s++) steps.add(s);
        return steps;
    }

    /** The steps at which the learning rate was logged, as TensorBoard reads them: a session that starts purges that step and later. */
    private static List<Long> shown(Path folder) throws Exception {
        List<Path> files;
        try (Stream<Path> all = Files.list(folder)) {
            files = all.filter(p -> p.getFileName().toString().startsWith("events.")).sorted().toList();
        }
        List<Long> shown = new ArrayList<>();
        for (Path file : files) {
            for (Map<Integer, List<Object>> event : EventRecords.read(file)) {
                long step = event.containsKey(2) ? (Long) event.get(2).get(0) : 0;
                if (event.containsKey(7)) shown.removeIf(s -> s >= step);
                if (!event.containsKey(5)) continue;
                for (Object value : EventRecords.message((byte[]) event.get(5).get(0)).get(1)) {
                    Map<Integer, List<Object>> fields = EventRecords.message((byte[]) value);
                    if (new String((byte[]) fields.get(1).get(0), StandardCharsets.UTF_8).equals("lr")) shown.add(step);
                }
            }
        }
        return shown;
    }

    private static Process child(Path runs, List<String> families) throws Exception {
        List<String> words = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx1g",
            "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true",
            "-cp", System.getProperty("java.class.path"), TinyRuns.class.getName(), stages.toString(),
            runs.toString()));
        words.addAll(families);
        return new ProcessBuilder(words).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    }
}
