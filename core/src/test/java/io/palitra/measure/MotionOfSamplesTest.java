package io.palitra.measure;

import static org.assertj.core.api.Assertions.assertThat;

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
import io.palitra.engine.Torch;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Measure;
import io.palitra.model.Update;
import io.palitra.model.Watcher;
import io.palitra.nn.Module;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;

class MotionOfSamplesTest {
    private record NoKeys() {}

    /** Draws test items of the class or the caption that is asked for, or what it is told to make of them. */
    private static final class Knows extends Module implements GenerativeModel<NoKeys> {
        private final Dataset of;
        private final boolean backwards;
        private int at;

        Knows(Dataset of, boolean backwards) {
            this.of = of;
            this.backwards = backwards;
        }

        @Override public Module net() { return this; }

        @Override public List<Update> updates() { return List.of(); }

        @Override public NoKeys samplingDefaults() { return new NoKeys(); }

        @Override public int classes() { return of.spec().classes(); }

        @Override public Set<Condition.Kind> takes() { return Set.of(Condition.Kind.LABEL, Condition.Kind.TEXT); }

        @Override public Tensor sample(NoKeys how, Condition given, int count, Rng rng) {
            double[] labels = given.labels() == null ? new double[0] : given.labels().doubles();
            int[] items = new int[count];
            for (int k = 0; k < count; k++) {
                int from = at++;
                while (labels.length > 0 && of.label(from % of.size()) != (int) labels[k]) from++;
                if (!given.texts().isEmpty()) {
                    from = 0;
                    while (!of.captions(from).contains(given.texts().get(k))) from++;
                }
                items[k] = from % of.size();
            }
            Tensor x = DataLoader.of(of, items, Device.CPU).x();
            if (!backwards) return x;
            List<Tensor> frames = new ArrayList<>();
            for (long t = x.size(1) - 1; t >= 0; t--) frames.add(x.narrow(1, t, 1));
            return Torch.cat(1, frames);
        }
    }

    private static Map<String, Double> measured(String kind, boolean backwards) {
        Dataset test = Datasets.open("moving", Split.TEST, Config.with(DataOptions.DEFAULT, "kind=" + kind));
        Map<String, Double> values = new LinkedHashMap<>();
        Subject subject = new Subject(new Knows(test, backwards), "x", Device.CPU, test, null, true, 24, List.of(), null, null, null, null,
            new Course(Watcher.SILENT));
        assertThat(new MotionOfSamples().fits(subject)).isTrue();
        for (Measure m : Objects.requireNonNull(new MotionOfSamples().of(subject)).measures()) values.put(m.name(), m.value());
        return values;
    }

    @Test void realFilmsGoWhereTheirClassAndTheirWordsSay() {
        Map<String, Double> m = measured("scenes", false);
        assertThat(m).containsEntry("straight ways", 100.0).containsEntry("one thing alone", 100.0).containsEntry("seen throughout", 100.0)
            .containsEntry("direction of the class", 100.0).containsEntry("direction of the words, English", 100.0)
            .containsEntry("direction of the words, Russian", 100.0);
    }

    @Test void filmsThatGoTheOtherWayAreFoundOut() {
        Map<String, Double> m = measured("scenes", true);
        assertThat(m).containsEntry("straight ways", 100.0).containsEntry("direction of the class", 0.0)
            .containsEntry("direction of the words, Russian", 0.0);
    }

    @Test void digitsHaveNoDirection() {
        Map<String, Double> m = measured("digits", false);
        assertThat(m).containsEntry("straight ways", 100.0).containsEntry("one thing alone", 100.0)
            .doesNotContainKey("direction of the class");
        assertThat(m.get("off the way")).isLessThan(1);
    }
}
