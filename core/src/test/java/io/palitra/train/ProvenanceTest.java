package io.palitra.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.Picture;
import io.palitra.data.Split;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.model.LrSchedule;
import io.palitra.model.Recipe;
import io.palitra.model.Watcher;
import io.palitra.report.Png;
import io.palitra.stage.TinyFirstStage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a run rests on is kept by its checkpoints; a run that goes on is refused, or told, where it changed. */
class ProvenanceTest {
    @TempDir Path root;
    private Path pictures, run;
    private final List<String> notes = new ArrayList<>();
    private final Watcher progress = new Watcher() {
        @Override public void note(String message) { notes.add(message); }
    };

    @BeforeEach void draw() throws IOException {
        pictures = pictures(root.resolve("pictures"), 1);
        run = root.resolve("run");
    }

    /** Twelve pictures, 8x8, of as many channels. */
    private static Path pictures(Path folder, int channels) throws IOException {
        Files.createDirectories(folder);
        for (int i = 0; i < 12; i++) {
            byte[] p = new byte[channels * 64];
            Arrays.fill(p, 0, p.length / 2, (byte) (10 * i));
            Png.write(folder.resolve(String.format("%02d.png", i)), new Picture(channels, 8, 8, p), Map.of());
        }
        return folder;
    }

    private static Dataset data(Path folder) { return Datasets.open(folder.toString(), Split.TRAIN, DataOptions.DEFAULT); }

    private RunConfig config(String... more) {
        List<String> all = new ArrayList<>(List.of("latent=2", "net.hidden=8", "train.batch=4"));
        all.addAll(List.of(more));
        if (!all.contains("train.schedule=constant")) all.add("train.schedule=cosine");
        if (Stream.of(more).noneMatch(o -> o.startsWith("train.steps") || o.startsWith("train.epochs"))) all.add("train.steps=12");
        return RunConfig.of("ae", pictures.toString(), data(pictures), DataOptions.DEFAULT, 3, all).on("cpu", RunConfig.Precision.FP32, 1)
            .saving(2, 3);
    }

    private static BooleanSupplier after(int steps) {
        int[] asked = {0};
        return () -> asked[0]++ >= steps;
    }

    private void start(RunConfig config, int stopAfter) throws IOException {
        Trainer.start(run, config, data(pictures), null, TinyRuns.until(after(stopAfter)));
    }

    private boolean resume() throws IOException { return Trainer.resume(run, data(pictures), null, progress); }

    private boolean resume(RunConfig now, boolean changed, Path data) throws IOException {
        return Trainer.resume(run, now, changed, data(data), null, progress);
    }

    private RunConfig kept() throws IOException { return RunConfig.read(run.resolve(Run.CONFIG)); }

    private void edit(String key, int value) throws IOException {
        ObjectNode json = (ObjectNode) Json.read(run.resolve(Run.CONFIG));
        String[] names = key.split("\\.");
        ObjectNode at = json;
        for (int i = 0; i + 1 < names.length; i++) at = (ObjectNode) at.get(names[i]);
        at.put(names[names.length - 1], value);
        Json.write(run.resolve(Run.CONFIG), json);
    }

    /** Names and bytes of all files but the log of events and the lock. */
    private static Map<String, String> files(Path folder) throws IOException {
        Map<String, String> all = new TreeMap<>();
        try (Stream<Path> walk = Files.walk(folder)) {
            for (Path p : walk.filter(Files::isRegularFile).toList()) {
                String name = folder.relativize(p).toString();
                if (!name.contains("events") && !name.equals(".lock")) all.put(name, Arrays.hashCode(Files.readAllBytes(p)) + "");
            }
        }
        return all;
    }

    @Test void nothingChangedNothingSaid() throws Exception {
        start(config(), 5);
        assertThat(resume()).isTrue();
        assertThat(notes).isEmpty();
        assertThat(resume()).isTrue();
        assertThat(notes).singleElement().asString().contains("is finished: step 12 of 12; a larger train.steps (--steps) trains on");
    }

    @Test void aConfigChangedByHandIsRefusedByEachKeyWithBothValuesAndNothingIsWritten() throws Exception {
        start(config(), 5);
        edit("seed", 5);
        edit("train.batch", 3);
        edit("model.latent", 4);
        Map<String, String> before = files(run);
        assertThatThrownBy(this::resume).isInstanceOf(ConfigException.class).hasMessageContaining("checkpoint of step 5")
            .hasMessageContaining("seed is 5, was 3").hasMessageContaining("train.batch is 3, was 4")
            .hasMessageContaining("latent is 4, was 2");
        assertThat(files(run)).isEqualTo(before);
        edit("seed", 3);
        edit("train.batch", 4);
        edit("model.latent", 2);
        assertThat(resume()).isTrue();
    }

    @Test void changedDataIsRefusedByWhatChangedAndGoesOnWhenAsked() throws Exception {
        start(config(), 5);
        Files.delete(pictures.resolve("03.png"));
        int left = data(pictures).size();
        assertThatThrownBy(this::resume).isInstanceOf(IllegalArgumentException.class).hasMessageContaining("pictures'")
            .hasMessageContaining("items, now " + left).hasMessageContaining("--changed-data");
        assertThat(resume(kept(), true, pictures)).isTrue();
        assertThat(notes).anyMatch(n -> n.contains("items, now " + left));
        notes.clear();
        assertThat(resume()).isTrue();   // its checkpoints know the new data
        assertThat(notes).singleElement().asString().contains("is finished");
    }

    @Test void theSameDataElsewhereGoesOnWithTheSameBitsAndIsKept() throws Exception {
        start(config(), 100);
        Map<String, String> expected = TinyRuns.hashes(run);
        run = root.resolve("moved");
        start(config(), 5);
        Path there = Files.move(pictures, root.resolve("there"));
        assertThat(resume(kept().over(there.toString()), false, there)).isTrue();
        assertThat(TinyRuns.hashes(run)).isEqualTo(expected);
        assertThat(kept().settings().data()).isEqualTo(there.toString());
        assertThat(notes).singleElement().asString().contains("config.json now: data is " + there + ", was " + pictures);
    }

    @Test void aRunThatKnowsNoDataIsNotGivenOtherUnasked() throws Exception {
        start(config(), 0);
        Path other = pictures(root.resolve("other"), 1);
        try (Stream<Path> all = Files.walk(run.resolve("train"))) {
            for (Path p : all.sorted(java.util.Comparator.reverseOrder()).toList()) Files.delete(p);
        }
        assertThatThrownBy(() -> resume(kept().over(other.toString()), false, other)).hasMessageContaining("--changed-data");
        assertThat(resume(kept().over(other.toString()), true, other)).isTrue();
        assertThat(notes).anyMatch(n -> n.contains("no checkpoint to go on from"));
    }

    @Test void trainedOnByAConstantRateTheBitsAreThoseOfTheLongRun() throws Exception {
        start(config("train.schedule=constant", "train.steps=20"), 100);
        Map<String, String> expected = TinyRuns.hashes(run);
        run = root.resolve("short");
        start(config("train.schedule=constant"), 100);
        assertThat(resume(kept().with(List.of("train.steps=20")), false, pictures)).isTrue();
        assertThat(notes).anyMatch(n -> n.contains("ends at step 20 now, it ended at 12: the learning rate stays"));
        Map<String, String> hashes = TinyRuns.hashes(run);
        expected.remove(Metrics.NAME);   // the frames of an animation, and its figures, stand elsewhere in a longer run
        hashes.remove(Metrics.NAME);
        assertThat(hashes).isEqualTo(expected);
        assertThat(kept().settings().train().steps()).isEqualTo(20);
    }

    @Test void aScheduleThatIsStretchedIsSaidWithBothRates() throws Exception {
        start(config("train.optimizer.lr=1e-3"), 100);
        assertThat(resume(kept().with(List.of("train.steps=24")), false, pictures)).isTrue();
        assertThat(notes).anyMatch(n -> n.matches("the run ends at step 24 now, it ended at 12: its cosine schedule spans 24 steps, "
            + "lr at step 12 is [0-9.e-]+, it was 0(\\.0+)?") && !n.contains("is 0,"));
        notes.clear();
        assertThatThrownBy(() -> resume(kept().with(List.of("train.steps=10")), false, pictures))
            .isInstanceOf(ConfigException.class).hasMessage("train.steps=10: the run has done 24 steps; at least as many can be asked for");
        assertThat(kept().settings().train().steps()).isEqualTo(24);
    }

    @Test void ratesThatAreTheSameOrNearlySoAreNotShownAsTwo() {
        Recipe cosine = Recipe.of(1, 1, new OptimizerSpec.Adam(2e-3, 0.9, 0.999, 1e-8)).withSchedule(new LrSchedule.Cosine(100));
        assertThat(Provenance.length(cosine, 20, 300, 400)).hasValueSatisfying(line -> assertThat(line).contains("lr at step 20 stays "));
        Matcher shown = Pattern.compile("is ([0-9.e-]+), it was ([0-9.e-]+)").matcher(Provenance.length(cosine, 110, 100_000, 100_010)
            .orElseThrow());
        assertThat(shown.find()).isTrue();
        assertThat(shown.group(1)).isNotEqualTo(shown.group(2));
    }

    @Test void aLogThatWasCutOrAlteredIsSaidAndTheWeightsAreTheSame() throws Exception {
        start(config(), 100);
        Map<String, String> expected = TinyRuns.hashes(run);
        String whole = Files.readString(run.resolve(Metrics.NAME));
        expected.remove(Metrics.NAME);
        Map<String, String> told = new LinkedHashMap<>();
        told.put("was cut", "");
        told.put("was altered", null);
        for (String what : told.keySet()) {
            run = root.resolve(what.replace(' ', '-'));
            start(config(), 6);
            Path log = run.resolve(Metrics.NAME);
            String kept = Files.readString(log);
            int second = kept.indexOf('\n') + 1;
            Files.writeString(log, what.equals("was cut") ? kept.substring(0, second)
                : "no JSON" + kept.substring(7, second) + "{\"step\":900,\"loss\":1}\n" + kept.substring(second));
            notes.clear();
            assertThat(resume()).isTrue();
            assertThat(notes).singleElement().asString().contains("metrics.jsonl " + what);
            Map<String, String> hashes = TinyRuns.hashes(run);
            hashes.remove(Metrics.NAME);
            assertThat(hashes).isEqualTo(expected);
            List<String> lines = Files.readAllLines(log);
            assertThat(whole.lines().toList()).containsSubsequence(lines);
            assertThat(lines.get(lines.size() - 1)).contains("\"step\":12");
        }
    }

    @Test void whatBelongsToAKilledStepGoesFromTheLogUnsaid() throws Exception {
        start(config(), 100);
        Map<String, String> expected = TinyRuns.hashes(run);
        run = root.resolve("killed");
        start(config(), 6);
        Files.writeString(run.resolve(Metrics.NAME), "{\"step\":8,\"loss\":1}\n{\"step\":1", java.nio.file.StandardOpenOption.APPEND);
        assertThat(resume()).isTrue();
        assertThat(notes).isEmpty();
        assertThat(TinyRuns.hashes(run)).isEqualTo(expected);
    }

    @Test void aFirstStageThatWasReplacedIsRefusedAndOneThatMovedIsNot() throws Exception {
        Path colours = pictures(root.resolve("colours"), 3), stage = TinyFirstStage.save(root.resolve("vq"), 3, 1);
        RunConfig tokens = RunConfig.of("tokens", colours.toString(), data(colours), DataOptions.DEFAULT, 3, List.of("stage=" + stage,
            "net.width=16", "net.layers=1", "net.heads=2", "train.batch=4", "train.steps=6")).on("cpu", RunConfig.Precision.FP32, 1);
        Trainer.start(run, tokens, data(colours), null, TinyRuns.until(after(2)));
        Path there = Files.move(stage, root.resolve("vq-there"));
        TinyFirstStage.save(stage, 3, 7);
        Map<String, String> before = files(run);
        assertThatThrownBy(() -> Trainer.resume(run, data(colours), null, progress)).isInstanceOf(ConfigException.class)
            .hasMessageContaining("what the run is built upon was replaced: stage=" + stage + ": SHA-256 is ");
        assertThat(files(run)).isEqualTo(before);
        assertThat(Trainer.resume(run, kept().with(List.of("stage=" + there)), false, data(colours), null, progress)).isTrue();
        assertThat(notes).singleElement().asString().contains("stage is " + there + ", was " + stage);
    }

    @Test void aRunIsNotOpenedOverAnotherFirstStageThanItsOwn() throws Exception {
        Path colours = pictures(root.resolve("colours"), 3), stage = TinyFirstStage.save(root.resolve("vq"), 3, 1);
        RunConfig tokens = RunConfig.of("tokens", colours.toString(), data(colours), DataOptions.DEFAULT, 3, List.of("stage=" + stage,
            "net.width=16", "net.layers=1", "net.heads=2", "train.batch=4", "train.steps=2")).on("cpu", RunConfig.Precision.FP32, 1);
        Trainer.start(run, tokens, data(colours), null, Watcher.SILENT);
        Run.open(run, "cpu", notes::add).close();
        Path there = Files.move(stage, root.resolve("vq-there"));
        TinyFirstStage.save(stage, 3, 7);
        for (boolean torn : new boolean[] {false, true}) {   // its checkpoint, which serves where the weights are torn, knows as much
            if (torn) Files.writeString(run.resolve(Run.MODEL), "torn");
            assertThatThrownBy(() -> Run.open(run, "cpu", notes::add)).isInstanceOf(ConfigException.class)
                .hasMessageMatching("what the run is built upon was replaced: stage=" + stage + ": SHA-256 is [0-9a-f]{12}\\.\\.\\., was "
                    + "[0-9a-f]{12}\\.\\.\\.; it works with the same weights alone");
        }
        kept().with(List.of("stage=" + there)).write(run.resolve(Run.CONFIG));
        Run.open(run, "cpu", notes::add).close();
    }

    @Test void aNetworkOfFeaturesThatWasReplacedIsRefused() throws Exception {
        Path judge = root.resolve("judge"), classes = root.resolve("classes");
        for (String c : List.of("dark", "light")) pictures(classes.resolve(c), 1);
        Trainer.start(judge, RunConfig.of("classifier", classes.toString(), data(classes), DataOptions.DEFAULT, 3, List.of("width=4",
            "train.steps=1", "train.batch=4")).on("cpu", RunConfig.Precision.FP32, 1), data(classes), null, Watcher.SILENT);
        RunConfig vqgan = RunConfig.of("vqgan", pictures.toString(), data(pictures), DataOptions.DEFAULT, 3, List.of("net.channels=4,8",
            "net.groups=2", "net.codes=8", "net.width=3", "codesFrom=0", "adversary.weight=0", "perceptual=features", "perceptual.run="
                + judge, "train.steps=4", "train.batch=4")).on("cpu", RunConfig.Precision.FP32, 1);
        Trainer.start(run, vqgan, data(pictures), null, TinyRuns.until(after(2)));
        Run.open(run, "cpu", notes::add).close();
        try (Scope scope = new Scope()) {
            Map<String, Tensor> other = new LinkedHashMap<>(Checkpoint.readModel(judge.resolve(Run.MODEL)).tensors());
            other.replaceAll((k, t) -> k.endsWith("weight") ? t.mul(1.5) : t);
            Checkpoint.writeModel(judge.resolve(Run.MODEL), other, Map.of());
        }
        assertThatThrownBy(this::resume).isInstanceOf(ConfigException.class)
            .hasMessageContaining("what the run is built upon was replaced: perceptual.run=" + judge + ": SHA-256 is ");
    }

    @Test void aCheckpointOfAnEarlierVersionIsSaidToBeUnchecked() throws Exception {
        start(config(), 6);
        Checkpoint last = Checkpoint.latest(run, w -> { throw new AssertionError(w); }).orElseThrow();
        try (Scope scope = new Scope()) {
            Map<String, Map<String, Tensor>> parts = new LinkedHashMap<>();
            for (String part : last.parts()) parts.put(part, last.load(part));
            Checkpoint.save(run, last.step(), parts, Map.of());
        }
        assertThat(resume()).isTrue();
        assertThat(notes).singleElement().asString().contains("of an earlier version").contains("cannot be checked");
    }

    @Test void whereItComputesAndHowOftenItSavesMayChangeAndIsSaid() throws Exception {
        start(config(), 6);
        assertThat(resume(kept().on("cpu", RunConfig.Precision.FP32, 2).saving(2, 5), false, pictures)).isTrue();
        assertThat(notes).anyMatch(n -> n.contains("threads is 2, was 1; saveEvery is 5, was 3"))
            .anyMatch(n -> n.contains("another threads (2, was 1): last bits may differ"));
        assertThat(kept().settings().saveEvery()).isEqualTo(5);
    }

    @Test void aFolderOfOtherThingsIsNoPlaceForARun() throws Exception {
        Files.createDirectories(run);
        Files.writeString(run.resolve("letter.txt"), "dear");
        assertThatThrownBy(() -> start(config(), 1)).isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("holds other things than a run: letter.txt");
        assertThat(run.toFile().list()).containsExactly("letter.txt");
        Files.move(run.resolve("letter.txt"), run.resolve(".lock"));   // what a refused run leaves
        start(config(), 1);
        run = Files.writeString(root.resolve("file"), "");
        assertThatThrownBy(() -> start(config(), 1)).isInstanceOf(IllegalArgumentException.class).hasMessageContaining("is no folder");
    }
}
