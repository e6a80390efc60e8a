package io.palitra.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.FewPictures;
import io.palitra.data.Picture;
import io.palitra.data.Split;
import io.palitra.engine.Device;
import io.palitra.model.Measure;
import io.palitra.model.Watcher;
import io.palitra.report.Png;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SampleJudgeTest {
    @TempDir private Path root;
    private final List<String> notes = Collections.synchronizedList(new ArrayList<>());
    private final Watcher progress = new Watcher() {
        @Override public void note(String message) { notes.add(message); }
    };

    /** Forty pictures of noise in two folders; which half of a class is dark depends on the seed. */
    private Path pets(String name, long seed, String... classes) throws Exception {
        Random random = new Random(seed);
        for (int i = 0; i < 40; i++) {
            byte[] bytes = new byte[64];
            random.nextBytes(bytes);
            for (int p = 0; p < 64; p++) if ((p % 8 < 4) == (i % 2 == 0)) bytes[p] = (byte) (seed * 40);
            Path file = root.resolve(name).resolve(classes[i % 2]).resolve(i + ".png");
            Files.createDirectories(file.getParent());
            Png.write(file, new Picture(1, 8, 8, bytes), Map.of());
        }
        return root.resolve(name);
    }

    private SampleJudge kept(Path folder) throws Exception {
        Dataset train = Datasets.open(folder.toString(), Split.TRAIN, DataOptions.DEFAULT);
        Dataset test = Datasets.open(folder.toString(), Split.TEST, DataOptions.DEFAULT);
        return SampleJudge.kept(root.resolve("cache"), train, folder.toString(), DataOptions.DEFAULT, test, Device.CPU, progress);
    }

    private long trainings() { return notes.stream().filter(n -> n.startsWith("training a classifier on")).count(); }

    @Test void foldersOfOneNameHaveJudgesOfTheirOwnAndOneThatMovedHasItsOwnStill() throws Exception {
        Path first = pets("a/pets", 1, "cat", "dog"), second = pets("b/pets", 2, "cat", "dog"), third = pets("c/pets", 3, "кот", "пёс");
        List<String> names = new ArrayList<>();
        for (Path folder : List.of(first, second, third)) {
            try (SampleJudge judge = kept(folder)) {
                names.add(judge.facts().name());
                assertThat(judge.name()).isEqualTo("pets-classifier");
                assertThat(judge.facts().trained() + judge.facts().tested()).isEqualTo(40);
            }
        }
        assertThat(names).doesNotHaveDuplicates().allMatch(n -> n.matches("judge" + RunConfig.FORMAT + "-[0-9a-f]{16}-1x8x8"));
        assertThat(trainings()).isEqualTo(3);
        Files.move(first, root.resolve("питомцы"));
        try (SampleJudge judge = kept(root.resolve("питомцы"))) {
            assertThat(judge.facts().name()).isEqualTo(names.get(0));
            assertThat(judge.name()).isEqualTo("питомцы-classifier");
        }
        assertThat(trainings()).isEqualTo(3);
    }

    @Test void aJudgeWhoseTrainingWasCutOffIsTrainedToItsEnd() throws Exception {
        Path folder = pets("pets", 1, "cat", "dog"), classifier;
        try (SampleJudge judge = kept(folder)) { classifier = judge.run().folder(); }
        String whole = Files.readString(classifier.resolve(RunReport.SUMMARY)), weights;
        try (Run run = Run.open(classifier, "cpu", s -> {})) { weights = run.weights(); }
        Path judge = classifier.getParent();
        Files.delete(judge.resolve("judge.json"));
        try (var files = Files.walk(classifier)) {
            for (Path f : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
                if (!f.equals(classifier.resolve(Run.CONFIG)) && !f.equals(classifier)) Files.delete(f);
            }
        }
        Dataset train = Datasets.open(folder.toString(), Split.TRAIN, DataOptions.DEFAULT);
        int[] asked = {0};
        assertThat(Trainer.resume(classifier, train, null, TinyRuns.until(() -> asked[0]++ == 1))).isFalse();
        assertThat(classifier.resolve(Run.MODEL)).exists();   // of its first step
        try (SampleJudge again = kept(folder)) { assertThat(again.run().weights()).isEqualTo(weights); }
        assertThat(trainings()).isEqualTo(2);
        assertThat(whole).contains("\"step\"");
    }

    @Test void ofTwoWhoWantOneJudgeAtOnceTheSecondWaits() throws Exception {
        Path folder = pets("pets", 1, "cat", "dog");
        ExecutorService both = Executors.newFixedThreadPool(2);
        Callable<Double> one = () -> {
            try (SampleJudge judge = kept(folder)) { return judge.facts().accuracy(); }
        };
        try {
            List<Future<Double>> answers = both.invokeAll(List.of(one, one));
            assertThat(answers.get(0).get()).isEqualTo(answers.get(1).get());
        } finally {
            both.shutdownNow();
        }
        assertThat(trainings()).isEqualTo(1);
    }

    @Test void aJudgeOfFewPicturesSaysThatItsWordIsWeak() {
        SampleJudge.Facts few = new SampleJudge.Facts("judge-1", "pets", "1", List.of("a", "b"), 50, 6, 100 * 5 / 6.0);
        assertThat(few.weakness()).hasValue("judge trained on 50 items of pets, 83.3 % of its own 6 test items right: its word is weak");
        assertThat(few.measure().orElseThrow().about()).isEqualTo("of 6 test items of pets; judge trained on 50 items of pets, 2 classes, "
            + "judge-1: its word is weak");
        assertThat(few.toJson().toString()).isEqualTo("{\"name\":\"judge-1\",\"data\":\"pets\",\"key\":\"1\",\"classes\":[\"a\","
            + "\"b\"],\"trained\":50,\"tested\":6,\"accuracy\":83.33333333333333,\"weak\":true}");
        SampleJudge.Facts many = new SampleJudge.Facts("judge-1", "mnist", "1", List.of("a", "b"), 60_000, 10_000, 99);
        assertThat(many.weakness()).isEmpty();
        assertThat(many.about()).isEqualTo("judge trained on 60,000 items of mnist");
        assertThat(new SampleJudge.Facts("j", "x", "1", List.of(), 2000, 1000, 40).weakness()).isPresent();
        assertThat(new SampleJudge.Facts("j", "x", "1", List.of(), 50, 0, Double.NaN).weakness())
            .hasValue("judge trained on 50 items of x, without test items of its own: its word is weak");
    }

    @Test void dataOfOtherClassesAreRefused() throws Exception {
        Dataset train = new FewPictures(1, 16, 40), test = Datasets.open("strokes", Split.TEST, new DataOptions("", 16, 0, false));
        try (SampleJudge judge = SampleJudge.kept(root.resolve("cache"), train, "few", DataOptions.DEFAULT, null, Device.CPU, progress)) {
            assertThat(judge.facts().tested()).isZero();
            assertThatThrownBy(() -> judge.refuseOthersThan(test)).isInstanceOf(IllegalArgumentException.class).hasMessage(
                "the judge knows the classes left, right, 'strokes' has 0, 1, 2, 3, 4, 5, 6, 7, 8, 9; --no-classifier leaves it out");
            assertThatThrownBy(() -> judge.refuseOthersThan(new FewPictures(1, 8, 40)))
                .hasMessageContaining("was made for pictures of 1x16x16");
        }
    }

    @Test void runsThatWereJudgedByOthersAreNotSaidToCompare() throws Exception {
        List<Path> runs = new ArrayList<>();
        for (String key : List.of("one", "two")) {
            Dataset data = new FewPictures(1, 8, 40);
            Path run = root.resolve(key);
            runs.add(run);
            Trainer.start(run, RunConfig.of("ae", "few", data, DataOptions.DEFAULT, 0, List.of("latent=2", "net.hidden=8",
                "train.steps=1")), data, null, Watcher.SILENT);
            RunReport.keep(run, new Evaluation.Result(List.of(new Measure("precision", 1, "", "of one")), null,
                new SampleJudge.Facts("judge-" + key, "few", key, List.of(), 40, 4, 100)), "palitra evaluate");
        }
        assertThat(RunComparison.of(runs, "cpu", s -> {}).result()).contains("judged by classifiers trained on different data");
    }
}
