package io.palitra.metric;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.data.DataLoader;
import io.palitra.data.SceneGrammar.Language;
import io.palitra.data.Scenes;
import io.palitra.data.Split;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.DrawsTexts;
import io.palitra.model.Measure;
import io.palitra.model.Update;
import io.palitra.nn.Module;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class SceneTextsTest {
    private static final int N = 40;
    private static final Scenes TEST = new Scenes(Split.TEST, 64);

    /** Draws the test picture of a caption: perfectly, or what another caption says; Russian it may not understand. */
    private record Oracle(int off, boolean russian) implements DrawsTexts<Oracle.How> {
        record How() {}

        private static Map<String, Integer> items() {
            Map<String, Integer> items = new HashMap<>();
            for (int i = 0; i < N; i++) for (Language l : Language.values()) items.put(TEST.captions(i, l).get(0), i);
            return items;
        }

        @Override public Tensor draw(How how, List<String> texts, Rng rng) {
            int[] items = new int[texts.size()];
            for (int k = 0; k < items.length; k++) {
                int item = items().getOrDefault(texts.get(k), 0);
                boolean lost = !russian && texts.get(k).matches(".*[а-я].*");
                items[k] = lost ? N + 1 : item + off;
            }
            return DataLoader.of(TEST, items, Device.CPU).x();
        }

        @Override public How samplingDefaults() { return new How(); }

        @Override public Tensor sample(How how, int count, Rng rng) { throw new UnsupportedOperationException(); }

        @Override public Module net() { throw new UnsupportedOperationException(); }

        @Override public List<Update> updates() { return List.of(); }
    }

    private static Map<String, Double> measured(Oracle model) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            return SceneTexts.measure(model, new Oracle.How(), TEST, N, new Rng(0)).stream()
                .collect(Collectors.toMap(Measure::name, Measure::value));
        }
    }

    @Test void whoDrawsWhatItIsToldIsRightAndWhoDrawsAnotherSceneIsNot() {
        Map<String, Double> right = measured(new Oracle(0, true)), wrong = measured(new Oracle(1, true));
        for (String language : List.of("English", "Russian")) {
            for (String name : List.of("things", "new pairs", "relations", "new relations", "whole scenes")) {
                assertThat(right.get(name + " right, " + language)).as(name).isGreaterThan(90);
                assertThat(wrong.get(name + " right, " + language)).as(name).isLessThan(50);
            }
            assertThat(right.get("relations by chance, " + language)).isLessThan(60);
        }
    }

    @Test void aLanguageThatIsNotUnderstoodIsSeen() {
        Map<String, Double> model = measured(new Oracle(0, false));
        assertThat(model.get("things right, English")).isGreaterThan(90);
        assertThat(model.get("things right, Russian")).isLessThan(50);
    }
}
