package io.palitra.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.FewPictures;
import io.palitra.data.Picture;
import io.palitra.data.Split;
import io.palitra.engine.Device;
import io.palitra.model.Measure;
import io.palitra.model.Watcher;
import io.palitra.stage.TinyFirstStage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvaluationTest {
    @Test void aModelOfCodesIsJudgedByTheClassAskedFor(@TempDir Path root) throws Exception {
        Dataset train = new FewPictures(1, 8, 40), test = new FewPictures(1, 8, 12);
        String stage = TinyFirstStage.save(root.resolve("stage"), 1, 1).toString();
        Map<String, List<String>> runs = Map.of("told", List.of("condition=label"), "untold", List.of());
        try (SampleJudge judge = SampleJudge.kept(root.resolve("cache"), train, "few", DataOptions.DEFAULT, test, Device.CPU,
                Watcher.SILENT)) {
            for (Map.Entry<String, List<String>> e : runs.entrySet()) {
                List<String> set = new ArrayList<>(List.of("stage=" + stage, "net.width=16", "net.layers=1", "net.heads=2",
                    "train.steps=2", "train.batch=4"));
                set.addAll(e.getValue());
                RunConfig config = RunConfig.of("tokens", "few", train, DataOptions.DEFAULT, 0, set);
                Trainer.start(root.resolve(e.getKey()), config, train, null, Watcher.SILENT);
                try (Run run = Run.open(root.resolve(e.getKey()), "cpu", note -> {})) {
                    List<Measure> all = Evaluation.of(run, new Evaluation.Asked(test, 12).sampling(List.of()).judged(judge, null),
                        Watcher.SILENT).measures();
                    assertThat(all.stream().anyMatch(m -> m.name().equals("asked class"))).isEqualTo(e.getKey().equals("told"));
                    assertThat(all).filteredOn(m -> m.name().equals("precision")).singleElement()
                        .satisfies(m -> assertThat(m.about()).endsWith("; judge trained on 40 items of few"));
                    assertThat(all).filteredOn(m -> m.name().equals(SampleJudge.ACCURACY)).singleElement().satisfies(m -> {
                        assertThat(m.value()).isEqualTo(judge.facts().accuracy());
                        assertThat(m.about()).startsWith("of 12 test items of few; judge trained on 40 items of few, 2 classes, judge"
                            + RunConfig.FORMAT + "-")
                            .endsWith(": its word is weak");
                    });
                    if (e.getKey().equals("told")) {
                        assertThat(Evaluation.of(run, new Evaluation.Asked(test, 12).sampling(List.of("label=1")).judged(judge, null),
                            Watcher.SILENT).measures())
                            .filteredOn(m -> m.name().equals("asked class")).hasSize(1);
                    }
                }
            }
        }
    }

    @Test void aFlowOnMoonsComesNearTheTruthAndNotBelowIt(@TempDir Path folder) throws Exception {
        Dataset train = Datasets.open("toy-moons", Split.TRAIN, DataOptions.DEFAULT);
        Dataset test = Datasets.open("toy-moons", Split.TEST, DataOptions.DEFAULT);
        RunConfig config = RunConfig.of("realnvp", "toy-moons", train, DataOptions.DEFAULT, 0, List.of("train.steps=600",
            "train.batch=256", "couplings=8")).on("cpu", RunConfig.Precision.FP32, 1);
        Trainer.start(folder, config, train, test, Watcher.SILENT);
        try (Run run = Run.open(folder, "cpu", note -> {})) {
            Map<String, Double> nats = Evaluation.of(run, new Evaluation.Asked(test, 100), Watcher.SILENT).measures().stream()
                .collect(Collectors.toMap(Measure::name, Measure::value));
            double truth = nats.get("-log p, standardised, of the truth"), own = nats.get("-log p, standardised");
            assertThat(truth).isCloseTo(1.124, within(0.01));   // of half circles of radius 1 with noise 0.05
            assertThat(own).isBetween(truth, 1.6);
            assertThat(nats.get("-log p")).isLessThan(own - 1);   // in data units, whose deviations are about 1/2
        }
    }

    @Test void everyLongMeasurementTellsHowFarItIsAndCanBeEnded(@TempDir Path root) throws Exception {
        Dataset train = new FewPictures(1, 8, 60), test = new FewPictures(1, 8, 40);
        RunConfig config = RunConfig.of("vae", "few", train, DataOptions.DEFAULT, 0, List.of("latent=2", "net.hidden=8", "train.steps=2",
            "train.batch=4")).on("cpu", RunConfig.Precision.FP32, 1);
        Trainer.start(root.resolve("vae"), config, train, null, Watcher.SILENT);
        Map<String, List<Double>> told = new LinkedHashMap<>();
        Watcher listens = new Watcher() {
            @Override public void tick(String what, long done, long of, Map<String, Double> figures, Supplier<Optional<Picture>> preview) {
                told.computeIfAbsent(what, w -> new ArrayList<>()).add(done / (double) of);
            }
        };
        boolean[] drawing = {false};
        Watcher ends = new Watcher() {
            @Override public void tick(String what, long done, long of, Map<String, Double> figures, Supplier<Optional<Picture>> preview) {
                drawing[0] |= what.equals("samples");
            }

            @Override public boolean stop() { return drawing[0]; }
        };
        try (SampleJudge judge = SampleJudge.kept(root.resolve("cache"), train, "few", DataOptions.DEFAULT, test, Device.CPU,
                Watcher.SILENT); Run run = Run.open(root.resolve("vae"), "cpu", note -> {})) {
            Evaluation.of(run, new Evaluation.Asked(test, 12).sampling(List.of()).judged(judge, null), listens);
            assertThat(told.keySet()).contains("what vae measures", "test items for the judge", "samples");
            told.values().forEach(shares -> assertThat(shares).isSorted().allMatch(share -> share >= 0 && share <= 1));
            assertThat(told.get("what vae measures")).as("within the one batch too").hasSizeGreaterThan(20);
            assertThatThrownBy(() -> Evaluation.of(run, new Evaluation.Asked(test, 12).sampling(List.of()).judged(judge, null), ends))
                .isInstanceOf(CancellationException.class);
        }
    }

    @Test void aJudgeThatIsStoppedWhileItTrainsGoesOnTheNextTime(@TempDir Path root) throws Exception {
        Dataset train = new FewPictures(1, 8, 40);
        assertThatThrownBy(() -> SampleJudge.kept(root, train, "few", DataOptions.DEFAULT, null, Device.CPU, TinyRuns.until(() -> true)))
            .isInstanceOf(CancellationException.class);
        SampleJudge.kept(root, train, "few", DataOptions.DEFAULT, null, Device.CPU, Watcher.SILENT).close();
    }
}
