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
import io.palitra.model.Measure;
import io.palitra.model.TextImage;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class SceneTextsTest {
    private static final SceneTexts.Progress NONE = (first, count, of) -> {};
    private static final int N = 40;
    private static final Scenes TEST = new Scenes(Split.TEST, 64);

    /** Draws the test picture of a caption: perfectly, or what another caption says; Russian it may not understand. */
    private record Oracle(int off, boolean russian) implements SceneTexts.Painting {
        private static Map<String, Integer> items() {
            Map<String, Integer> items = new HashMap<>();
            for (int i = 0; i < N; i++) for (Language l : Language.values()) items.put(TEST.captions(i, l).get(0), i);
            return items;
        }

        @Override public Tensor draw(List<String> texts, Rng rng) {
            int[] items = new int[texts.size()];
            for (int k = 0; k < items.length; k++) {
                int item = items().getOrDefault(texts.get(k), 0);
                boolean lost = !russian && texts.get(k).matches(".*[а-я].*");
                items[k] = lost ? N + 1 : item + off;
            }
            return DataLoader.of(TEST, items, Device.CPU).x();
        }
    }

    private static Map<String, Double> measured(Oracle model) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            return SceneTexts.captionScores(model, TEST, N, new Rng(0), NONE).stream()
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

    /** Draws nothing but of every eighth text the last time it is asked. */
    private record Lucky() implements SceneTexts.Painting {
        @Override public Tensor draw(List<String> texts, Rng rng) {
            Tensor x = new Oracle(0, true).draw(texts, rng);
            for (int k = 0; k < texts.size(); k++) if (k % 8 != 7) x.narrow(0, k, 1).fill(-1);
            return x;
        }
    }

    /** Sets black pictures apart from all others, which every text fits. */
    private record Blind(boolean likesBlack) implements TextImage {
        @Override public Tensor embedText(List<String> texts) { return Torch.cat(1, List.of(Torch.ones(texts.size(), 1),
            Torch.zeros(texts.size(), 1))); }

        @Override public Tensor embedImage(Tensor x) {
            Tensor black = x.reshape(x.size(0), -1).amax(false, 1).lt(-0.99).to(x.dtype()).reshape(-1, 1), light = black.neg().add(1);
            return Torch.cat(1, likesBlack ? List.of(black, light) : List.of(light, black));
        }

        @Override public int side() { return 64; }

        @Override public double scale() { return 1; }

        @Override public void close() {}
    }

    private static Map<String, Double> chosen(Blind judge) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            return SceneTexts.bestOfK(new Lucky(), TEST, N, judge, "a judge",
                new Rng(0), NONE).stream()
                .collect(Collectors.toMap(Measure::name, Measure::value));
        }
    }

    @Test void aJudgesChoiceIsBesideTheFirstPicture() {
        Map<String, Double> good = chosen(new Blind(false)), bad = chosen(new Blind(true));
        for (String name : List.of("things right", "whole scenes right")) {
            assertThat(good.get(name + ", first of 8")).as(name).isZero();
            assertThat(good.get(name + ", best of 8")).as(name).isGreaterThan(90);
            assertThat(bad.get(name + ", best of 8")).as(name).isZero();
        }
    }
}
