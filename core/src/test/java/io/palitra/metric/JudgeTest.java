package io.palitra.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.ClassifierFeatures;
import io.palitra.model.Measure;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** A judge whose features are the points themselves and whose classes are the quadrants of the plane. */
class JudgeTest {
    private static final ClassifierFeatures QUADRANTS = new ClassifierFeatures() {
        @Override public Tensor features(Tensor x) { return x; }

        @Override public Tensor logits(Tensor x) {
            Tensor right = x.narrow(1, 0, 1).mul(20), up = x.narrow(1, 1, 1).mul(20);
            return Torch.cat(1, right.neg().sub(up), right.sub(up), up.sub(right), right.add(up));   // 0: left and down ... 3: right and up
        }
    };

    private static final Judge JUDGE = new Judge(QUADRANTS, "plane-quadrants");

    /** count points of a square of side 2 around the origin. */
    private static Tensor square(long seed, int first, int count) { return new Rng(seed).at(first).uniform(count, 2).mul(2).sub(1); }

    /** As a test set comes: in batches. */
    private static List<Batch> real(int n, int batch) {
        List<Batch> batches = new ArrayList<>();
        for (int at = 0; at < n; at += batch) batches.add(new Batch(square(1, at, Math.min(batch, n - at))));
        return batches;
    }

    private static Measure find(List<Measure> measures, String start) {
        return measures.stream().filter(m -> m.name().startsWith(start)).findFirst().orElseThrow();
    }

    @Test void samplesOfTheDataScoreAsData() {
        try (Scope scope = new Scope()) {
            List<Measure> all = JUDGE.measure(real(3000, 700), (first, count) -> new Batch(square(2, first, count)), 3000, 256);
            assertThat(find(all, "FD-plane-quadrants, n = 3,000").value()).isLessThan(0.01);
            assertThat(find(all, "KD-plane-quadrants").value()).isCloseTo(0, within(0.01));
            assertThat(find(all, "precision").value()).isGreaterThan(0.9);
            assertThat(find(all, "recall").value()).isGreaterThan(0.9);
            assertThat(find(all, "density").value()).isCloseTo(1, within(0.1));
            assertThat(find(all, "smallest class").value()).isBetween(22.0, 25.0);
            assertThat(find(all, "classifier score").value()).isBetween(3.0, 4.0);
            assertThat(find(all, "confidence").value()).isBetween(90.0, 99.9);
            assertThat(find(all, "confident").value()).isBetween(80.0, 99.9);
            assertThat(all).noneMatch(m -> m.name().equals("asked class"));
        }
    }

    @Test void theBatchSizeOfSamplesDoesNotMoveAnyMeasure() {
        try (Scope scope = new Scope()) {
            List<Measure> one = JUDGE.measure(real(500, 500), (first, count) -> new Batch(square(2, first, count)), 500, 500);
            List<Measure> many = JUDGE.measure(real(500, 33), (first, count) -> new Batch(square(2, first, count)), 500, 7);
            for (int i = 0; i < one.size(); i++) {
                assertThat(many.get(i).value()).as(one.get(i).name()).isCloseTo(one.get(i).value(), within(1e-9));
                assertThat(many.get(i).about()).isEqualTo(one.get(i).about());
            }
        }
    }

    @Test void samplesWithoutOneClassShowItAndLoseRecallOnly() {
        try (Scope scope = new Scope()) {
            Judge.Source threeQuarters = (first, count) -> {   // what is right and up is drawn to the left
                Tensor x = square(2, first, count), both = x.narrow(1, 0, 1).minimum(x.narrow(1, 1, 1)).gt(0);
                return new Batch(Torch.cat(1, x.narrow(1, 0, 1).neg().where(both, x.narrow(1, 0, 1)), x.narrow(1, 1, 1)));
            };
            List<Measure> all = JUDGE.measure(real(2000, 500), threeQuarters, 2000, 500);
            assertThat(find(all, "smallest class").value()).isZero();
            assertThat(find(all, "smallest class").about()).startsWith("samples taken for class 3; all: 2").contains("data: 2");
            assertThat(find(all, "precision").value()).isGreaterThan(0.95);
            assertThat(find(all, "recall").value()).isBetween(0.7, 0.85);
            assertThat(find(all, "FD-").value()).isGreaterThan(0.05);
        }
    }

    @Test void theAskedClassCountsOnlySamplesOfWhichOneWasAsked() {
        try (Scope scope = new Scope()) {
            Judge.Source halfObeys = (first, count) -> {
                long[] asked = new long[count];
                float[] x = new float[2 * count];
                for (int i = 0; i < count; i++) {
                    asked[i] = (first + i) % 4 == 3 ? -1 : 3;
                    x[2 * i] = (first + i) % 4 == 1 ? -0.5f : 0.5f;
                    x[2 * i + 1] = 0.5f + 0.001f * (first + i);
                }
                return new Batch(Torch.of(x, count, 2), Condition.ofLabels(Torch.of(asked, count)));
            };
            Measure asked = find(JUDGE.measure(real(100, 100), halfObeys, 40, 16), "asked class");
            assertThat(asked.value()).isCloseTo(100 * 2 / 3.0, within(1e-9));
            assertThat(asked.about()).startsWith("of 30 samples of a given class");
        }
    }

    @Test void whatCannotBeJudgedIsRefused() {
        try (Scope scope = new Scope()) {
            Judge.Source broken = (first, count) -> new Batch(square(2, first, count).div(first == 0 ? 1 : 0));
            assertThatThrownBy(() -> JUDGE.measure(real(50, 50), broken, 40, 20))
                .hasMessage("samples 20..39 have features that are not finite");
            Judge.Source fine = (first, count) -> new Batch(square(2, first, count));
            assertThatThrownBy(() -> JUDGE.measure(real(50, 50), fine, 3, 20)).hasMessage("illegal n: 3, must be more than 3");
            assertThatThrownBy(() -> JUDGE.measure(List.of(), fine, 40, 20)).hasMessage("the judge wants more than 3 test items, got 0");
        }
    }

    @Test void aJudgementThatWasCutOffGoesOnToTheSameMeasures() {
        try (Scope scope = new Scope()) {
            Judge.Source whole = (first, count) -> new Batch(square(2, first, count));
            List<Measure> straight = JUDGE.measure(real(2500, 500), whole, 2500, 100);
            Map<String, Tensor> kept = new HashMap<>();
            List<Integer> drawn = new ArrayList<>();
            Judge.Store store = new Judge.Store() {
                @Override public Map<String, Tensor> load() { return kept; }

                @Override public void save(Map<String, Tensor> state) { state.forEach((k, v) -> kept.put(k, v.copy().retain())); }
            };
            Judge.Source cut = (first, count) -> {
                if (first == 1700) throw new IllegalStateException("cut off");
                return whole.draw(first, count);
            };
            assertThatThrownBy(() -> JUDGE.measure(real(2500, 500), cut, 2500, 100, store)).hasMessage("cut off");
            List<Measure> resumed = JUDGE.measure(real(2500, 500), (first, count) -> {
                drawn.add(first);
                return whole.draw(first, count);
            }, 2500, 100, store);
            assertThat(drawn).startsWith(1000).hasSize(15);
            assertThat(resumed).hasSameSizeAs(straight);
            for (int i = 0; i < straight.size(); i++) {
                assertThat(resumed.get(i).value()).as(straight.get(i).name()).isCloseTo(straight.get(i).value(), within(1e-9));
            }
        }
    }

    @Test void aClassThatIsAllButMissingIsNotCovered() {
        try (Scope scope = new Scope()) {
            Judge.Source right = (first, count) -> {
                Tensor x = square(2, first, count);
                return new Batch(Torch.cat(1, x.narrow(1, 0, 1).abs(), x.narrow(1, 1, 1)));
            };
            List<Measure> all = JUDGE.measure(real(1000, 500), right, 1000, 100);
            assertThat(find(all, "classes covered").value()).isEqualTo(2);
            assertThat(find(all, "diversity").value()).isBetween(0.5, 0.95);
            assertThat(find(all, "SWD-").value()).isGreaterThan(0.3);
        }
    }
}
