package io.palitra.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.Config;
import io.palitra.data.Condition;
import io.palitra.data.DataLoader;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.Split;
import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Measure;
import io.palitra.model.Update;
import io.palitra.model.Watcher;
import io.palitra.nn.Module;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WrittenTextsTest {
    private record NoKeys() {}

    /** Gives the items of a data set, from one on. */
    private static final class Recites extends Module implements GenerativeModel<NoKeys> {
        private final Dataset of;
        private int at;

        Recites(Dataset of) { this.of = of; }

        @Override public Module net() { return this; }

        @Override public List<Update> updates() { return List.of(); }

        @Override public NoKeys samplingDefaults() { return new NoKeys(); }

        @Override public Tensor sample(NoKeys how, Condition given, int count, Rng rng) {
            at += count;
            return DataLoader.of(of, IntStream.range(at - count, at).map(i -> i % of.size()).toArray(), Device.CPU).x();
        }
    }

    private static Map<String, Double> measured(Dataset recited, Dataset test, @Nullable Dataset train) {
        Map<String, Double> values = new LinkedHashMap<>();
        for (Measure m : Measurements.of(new Subject(new Recites(recited), "x", Device.CPU, test, train, false, 100, List.of(), null, null,
            null, null, new Course(Watcher.SILENT))).measures()) {
            values.put(m.name(), m.value());
        }
        return values;
    }

    @TempDir private Path dir;

    @Test void whoRecitesTheTrainingTextIsFoundOut() throws Exception {
        SplittableRandom random = new SplittableRandom(1);
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 30_000; i++) text.append(random.nextInt(6) == 0 ? ' ' : (char) ('a' + random.nextInt(8)));
        Path file = Files.writeString(dir.resolve("x.txt"), text);
        DataOptions options = Config.with(DataOptions.DEFAULT, "length=64");
        Dataset train = Datasets.open(file.toString(), Split.TRAIN, options), test = Datasets.open(file.toString(), Split.TEST, options);
        assertThat(Measurements.wantsTraining(test)).isTrue();
        Map<String, Double> copied = measured(train, test, train), fresh = measured(test, test, train);
        assertThat(copied.get("copies of training text")).isEqualTo(100);
        assertThat(copied.get("longest common run")).isEqualTo(64);
        assertThat(fresh.get("copies of training text")).isZero();
        assertThat(fresh.get("longest common run")).isEqualTo(fresh.get("longest common run of the truth")).isBetween(3.0, 10.0);
        assertThat(fresh.get("unigram entropy")).isEqualTo(fresh.get("unigram entropy of the truth"))
            .isCloseTo(5 / 6.0 * Math.log(8 * 6 / 5.0) + Math.log(6) / 6, within(0.02));
        assertThat(fresh.get("distinct 2-grams")).isEqualTo(fresh.get("distinct 2-grams of the truth"));
        assertThat(fresh).doesNotContainKey("programs parsed");
        assertThat(measured(test, test, null)).doesNotContainKey("longest common run");
    }

    @Test void programsOfTheTestPartAreRight() {
        Dataset test = Datasets.open("programs", Split.TEST, DataOptions.DEFAULT);
        Map<String, Double> right = measured(test, test, null);
        assertThat(right).containsEntry("programs parsed", 100.0).containsEntry("programs run", 100.0)
            .containsEntry("comments true", 100.0);
    }
}
