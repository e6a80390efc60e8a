package io.palitra.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.Split;
import io.palitra.model.Measure;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvaluationTest {
    @Test void aFlowOnMoonsComesNearTheTruthAndNotBelowIt(@TempDir Path folder) throws Exception {
        Dataset train = Datasets.open("toy-moons", Split.TRAIN, DataOptions.DEFAULT);
        Dataset test = Datasets.open("toy-moons", Split.TEST, DataOptions.DEFAULT);
        RunConfig config = RunConfig.of("realnvp", "toy-moons", train, DataOptions.DEFAULT, 0, List.of("train.steps=600",
            "train.batch=256", "couplings=8")).on("cpu", RunConfig.Precision.FP32, 1);
        Trainer.start(folder, config, train, test, Progress.SILENT, () -> false);
        try (Run run = Run.open(folder, "cpu", note -> {})) {
            Map<String, Double> nats = Evaluation.of(run, test, null, null, 100, List.of()).measures().stream()
                .collect(Collectors.toMap(Measure::name, Measure::value));
            double truth = nats.get("-log p, standardised, of the truth"), own = nats.get("-log p, standardised");
            assertThat(truth).isCloseTo(1.124, within(0.01));   // of half circles of radius 1 with noise 0.05
            assertThat(own).isBetween(truth, 1.6);
            assertThat(nats.get("-log p")).isLessThan(own - 1);   // in data units, whose deviations are about 1/2
        }
    }
}
