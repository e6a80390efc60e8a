package io.palitra.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.data.Dataset;
import io.palitra.data.FewPictures;
import io.palitra.data.ImageDataset;
import io.palitra.data.Split;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.model.Watcher;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TrainerTest {
    private static RunConfig vae(String... more) {
        List<String> all = new ArrayList<>(List.of("latent=4", "train.batch=16"));
        all.addAll(List.of(more));
        return RunConfig.of("vae", "strokes", TinyRuns.data(Split.TRAIN), io.palitra.data.DataOptions.DEFAULT, 3, all)
            .on("cpu", RunConfig.Precision.FP32, 1).saving(5, 5);
    }

    private static boolean run(Path folder, RunConfig config) throws Exception {
        return Trainer.start(folder, config, TinyRuns.data(Split.TRAIN), TinyRuns.data(Split.TEST), Watcher.SILENT);
    }

    @Test void aRunFolderHoldsWhatAPersonWantsToSee(@TempDir Path root) throws Exception {
        Path folder = root.resolve("run");
        run(folder, vae("train.steps=12"));
        for (String f : List.of("config.json", "model.safetensors", "metrics.jsonl", "samples.png", "reconstructions.png", "training.gif",
            "report.html",
            "summary.json")) {
            assertThat(folder.resolve(f)).isNotEmptyFile();
        }
        assertThat(RunConfig.read(folder.resolve("config.json"))).isEqualTo(vae("train.steps=12"));
        assertThat(Metrics.read(folder).get("elbo")).hasSizeGreaterThanOrEqualTo(3);
        assertThat(Files.readString(folder.resolve("report.html"))).contains("class=\"hero frames\"", "step 12")
            .doesNotContain("src=\"http");
    }

    static List<String> tested() {
        return List.of("vae", "ae", "diffusion", "realnvp", "pixelcnn", "classifier", "tokens", "dalle", "clip");
    }

    @ParameterizedTest @MethodSource("tested")
    void theLossOnTestItemsIsLoggedAndChangesNothing(String family, @TempDir Path root) throws Exception {
        RunConfig config = TinyRuns.config(family, root);
        Path with = root.resolve("with"), without = root.resolve("without");
        Trainer.start(with, config, TinyRuns.train(config), TinyRuns.test(config), Watcher.SILENT);
        Trainer.start(without, config, TinyRuns.train(config), null, Watcher.SILENT);
        Map<String, List<double[]>> log = Metrics.read(with);
        List<String> names = log.keySet().stream().filter(n -> n.startsWith("test/")).toList();
        assertThat(names).hasSize(1);
        assertThat(log).containsKey(names.get(0).substring("test/".length()));
        List<double[]> points = log.get(names.get(0));
        assertThat(points.get(0)[0]).isZero();
        assertThat(points.get(points.size() - 1)[0]).isEqualTo(TinyRuns.STEPS);
        assertThat(points).allMatch(p -> Double.isFinite(p[1]));
        Map<String, String> one = TinyRuns.hashes(with), other = TinyRuns.hashes(without);
        one.remove(Metrics.NAME);
        other.remove(Metrics.NAME);
        assertThat(one).isEqualTo(other);
        assertThat(Files.readAllLines(with.resolve(Metrics.NAME)).stream().filter(line -> !line.contains("test/")))
            .containsExactlyElementsOf(Files.readAllLines(without.resolve(Metrics.NAME)));
        assertThat(Files.readString(with.resolve("report.html"))).contains(names.get(0).substring(5) + ", test items, averaged weights");
    }

    @Test void theSameSeedGivesTheSameBitsAndAnotherSeedOthers(@TempDir Path root) throws Exception {
        run(root.resolve("a"), vae("train.steps=10"));
        run(root.resolve("b"), vae("train.steps=10"));
        assertThat(TinyRuns.hashes(root.resolve("a"))).isEqualTo(TinyRuns.hashes(root.resolve("b")));
        RunConfig other = RunConfig.of("vae", "strokes", TinyRuns.data(Split.TRAIN), io.palitra.data.DataOptions.DEFAULT, 4,
            List.of("latent=4", "train.batch=16", "train.steps=10")).on("cpu", RunConfig.Precision.FP32, 1).saving(5, 5);
        run(root.resolve("c"), other);
        assertThat(TinyRuns.hashes(root.resolve("c"))).isNotEqualTo(TinyRuns.hashes(root.resolve("a")));
    }

    @Test void aNonFiniteLossStopsBeforeTheOptimiserMovesAndLeavesTheCheckpoint(@TempDir Path root) throws Exception {
        Path folder = root.resolve("run");
        assertThatThrownBy(() -> run(folder, vae("train.steps=200", "train.optimizer=sgd", "train.optimizer.lr=1e12", "train.clip=0")))
            .isInstanceOf(NonFiniteException.class).hasMessageContaining("elbo").hasMessageContaining("is not finite")
            .hasMessageContaining("before anything was saved");
        try (Scope scope = new Scope()) {
            Checkpoint.latest(folder, m -> {}).ifPresent(c -> {
                Map<String, Tensor> weights = c.load("weights");
                weights.forEach((k, t) -> assertThat(t.isFinite().all().item()).as(k).isEqualTo(1));
            });
        }
    }

    @Test void aCheckpointIsSaidToBeWholeWhereThereIsOne(@TempDir Path root) throws Exception {
        Path folder = root.resolve("run");
        RunConfig config = vae("train.steps=20", "train.optimizer=sgd", "train.optimizer.lr=1e12", "train.clip=0");
        assertThat(Trainer.start(folder, config, TinyRuns.data(Split.TRAIN), null, TinyRuns.until(() -> true))).isFalse();
        assertThatThrownBy(() -> Trainer.resume(folder, TinyRuns.data(Split.TRAIN), null, Watcher.SILENT))
            .isInstanceOf(NonFiniteException.class).hasMessageContaining("the checkpoint of step 0 is whole");
    }

    @Test void twoTrainersCannotShareAFolder(@TempDir Path root) throws Exception {
        Path folder = root.resolve("run");
        boolean[] tried = {false};
        Trainer.start(folder, vae("train.steps=6"), TinyRuns.data(Split.TRAIN), TinyRuns.data(Split.TEST), TinyRuns.until(() -> {
            if (!tried[0]) {
                tried[0] = true;
                assertThatThrownBy(() -> Trainer.resume(folder, TinyRuns.data(Split.TRAIN), null, Watcher.SILENT))
                    .hasMessageContaining("run");
            }
            return false;
        }));
        assertThat(tried[0]).isTrue();
    }

    @Test void aFolderThatHoldsARunIsNotOverwritten(@TempDir Path root) throws Exception {
        run(root.resolve("run"), vae("train.steps=5"));
        assertThatThrownBy(() -> run(root.resolve("run"), vae("train.steps=5"))).hasMessageContaining("already holds a run");
    }

    @Test void accumulatedMicroBatchesDescendTheSameMeanLoss(@TempDir Path root) throws Exception {
        run(root.resolve("one"), RunConfig.of("ae", "strokes", TinyRuns.data(Split.TRAIN), io.palitra.data.DataOptions.DEFAULT, 3,
            List.of("train.steps=5", "train.batch=16")).on("cpu", RunConfig.Precision.FP32, 1).saving(1, 5));
        run(root.resolve("four"), RunConfig.of("ae", "strokes", TinyRuns.data(Split.TRAIN), io.palitra.data.DataOptions.DEFAULT, 3,
            List.of("train.steps=5", "train.batch=16", "train.accumulate=4")).on("cpu", RunConfig.Precision.FP32, 1).saving(1, 5));
        List<double[]> one = first(Metrics.read(root.resolve("one"))), four = first(Metrics.read(root.resolve("four")));
        for (int i = 0; i < one.size(); i++) assertThat(four.get(i)[1]).isCloseTo(one.get(i)[1],
            org.assertj.core.api.Assertions.within(1e-3));
    }

    private static List<double[]> first(Map<String, List<double[]>> metrics) { return metrics.values().iterator().next(); }

    @Test void alteredWeightsAreRefusedAndTheCheckpointServes(@TempDir Path root) throws Exception {
        Path folder = root.resolve("run");
        run(folder, vae("train.steps=10"));
        byte[] bytes = Files.readAllBytes(folder.resolve(Run.MODEL));
        bytes[bytes.length - 5] ^= 4;
        Files.write(folder.resolve(Run.MODEL), bytes);
        List<String> warned = new ArrayList<>();
        try (Run opened = Run.open(folder, "cpu", warned::add); Scope scope = new Scope()) {
            assertThat(opened.sample(2, 1, List.of()).isFinite().all().item()).isEqualTo(1);
            assertThat(opened.weights()).isEqualTo("step 10");
        }
        assertThat(warned).anyMatch(w -> w.contains("model.safetensors"));
        Files.write(folder.resolve(Run.MODEL), Arrays.copyOf(bytes, 100));
        try (Run opened = Run.open(folder, "cpu", warned::add)) {
            assertThat(opened.weights()).isEqualTo("step 10");
        }
    }

    @Test void bf16TrainsToAFiniteLossNearThatOfFp32(@TempDir Path root) throws Exception {
        run(root.resolve("fp32"), vae("train.steps=10"));
        RunConfig half = vae("train.steps=10").on("cpu", RunConfig.Precision.BF16, 1);
        run(root.resolve("bf16"), half);
        List<double[]> a = Metrics.read(root.resolve("fp32")).get("elbo"), b = Metrics.read(root.resolve("bf16")).get("elbo");
        assertThat(b.get(b.size() - 1)[1]).isCloseTo(a.get(a.size() - 1)[1], org.assertj.core.api.Assertions.withinPercentage(5));
        assertThat(b.get(b.size() - 1)[1]).isNotEqualTo(a.get(a.size() - 1)[1]);
    }

    @Test void aVocabularyIsLearntFromEveryCaptionInOrder() {
        var scenes = (io.palitra.data.Dataset) io.palitra.data.Datasets.open("scenes", Split.TRAIN,
            io.palitra.data.DataOptions.DEFAULT);
        List<String> first = new ArrayList<>();
        for (String caption : scenes.everyCaption()) {
            first.add(caption);
            if (first.size() == 24) break;
        }
        assertThat(first.subList(0, 8)).isEqualTo(scenes.captions(0));
        assertThat(first.subList(16, 24)).isEqualTo(scenes.captions(2));
    }

    @Test void aRunThatIsRefusedBeforeItsFirstStepLeavesWhatWasThere(@TempDir Path root) throws Exception {
        RunConfig clip = RunConfig.of("clip", "strokes", TinyRuns.data(Split.TRAIN), io.palitra.data.DataOptions.DEFAULT, 0,
            List.of("train.batch=4")).on("cpu", RunConfig.Precision.FP32, 1);
        Path fresh = root.resolve("new/deep/run"), there = Files.createDirectory(root.resolve("there"));
        for (Path folder : List.of(fresh, there, there)) {   // a lock that was left would refuse the second
            assertThatThrownBy(() -> run(folder, clip)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'clip' learns from pictures with captions, and 'strokes' is read without: 'scenes' has some");
        }
        assertThat(root.resolve("new")).doesNotExist();
        assertThat(there).isEmptyDirectory();
        // config.json, grids and the log are there when the first batch is
        FewPictures few = new FewPictures(1, 8, 20);
        Dataset broken = new io.palitra.edit.Balance.Drawn(few.spec(), few.classNames(),
            new byte[7 * 64], new int[20]);
        RunConfig config = RunConfig.of("vae", "few", few, io.palitra.data.DataOptions.DEFAULT, 0, List.of("train.batch=8", "latent=2"));
        Files.writeString(there.resolve(".lock"), "1\n");
        for (Path folder : List.of(fresh, there)) {
            assertThatThrownBy(() -> Trainer.start(folder, config, broken, null, Watcher.SILENT));
        }
        assertThat(root.resolve("new")).doesNotExist();
        assertThat(there.toFile().list()).containsExactly(".lock");
        run(there, vae("train.steps=1"));
        assertThat(there.resolve("report.html")).isNotEmptyFile();
    }

    @Test void aRunIsOpenedWithALineOfWhatItsConfigSaysOtherwiseAndOfItsSteps(@TempDir Path root) throws Exception {
        Path folder = root.resolve("run"), file = folder.resolve("config.json");
        int[] asked = {0};
        assertThat(Trainer.start(folder, vae("train.steps=12"), TinyRuns.data(Split.TRAIN), null, TinyRuns.until(() -> asked[0]++ == 5)))
            .isFalse();
        assertThat(opened(folder)).containsExactly("'" + folder + "' stands at step 5 of 12: its training has not ended");
        String config = Files.readString(file);
        Files.writeString(file, config.replaceFirst("\"seed\" *: *3", "\"seed\":4").replaceFirst("\"steps\" *: *12", "\"steps\":5"));
        assertThat(opened(folder)).containsExactly("'" + folder + "': config.json was changed after the training, and is read as it is: "
            + "seed is 4, was 3");
        Files.writeString(file, config);
        Trainer.resume(folder, TinyRuns.data(Split.TRAIN), null, Watcher.SILENT);
        assertThat(opened(folder)).isEmpty();
    }

    private static List<String> opened(Path folder) throws Exception {
        List<String> warned = new ArrayList<>();
        Run.open(folder, "cpu", warned::add).close();
        return warned;
    }

    @Test void theCollapseAlarmIsSaidWhenItBeginsAndWhenItEnds(@TempDir Path root) throws Exception {
        ImageDataset few = new FewPictures(1, 8, 64);
        RunConfig config = RunConfig.of("gan", "few", few, io.palitra.data.DataOptions.DEFAULT, 0, List.of("train.batch=32", "width=4",
            "train.steps=150", "latent=4")).on("cpu", RunConfig.Precision.FP32, 1);
        List<String> notes = new ArrayList<>();
        Watcher listens = new Watcher() {
            @Override public void note(String message) { notes.add(message); }
        };
        Trainer.start(root.resolve("gan"), config, few, null, listens);
        List<double[]> alarms = Metrics.read(root.resolve("gan")).get("collapse/alarm");
        assertThat(alarms).as("epochs with an alarm").filteredOn(a -> a[0] >= 2 && a[1] == 1).hasSizeGreaterThan(1);
        int changes = 0;
        double before = 0;
        for (double[] a : alarms) {
            if (a[0] < 2) continue;
            if (a[1] != before) changes++;
            before = a[1];
        }
        assertThat(notes).filteredOn(n -> n.startsWith("collapse alarm")).hasSize(changes).first().asString()
            .startsWith("collapse alarm at step 50: ");
    }
}
