package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.Config;
import io.palitra.data.Scene.Background;
import io.palitra.data.Scene.Colour;
import io.palitra.data.Scene.Shape;
import io.palitra.data.Scene.Size;
import io.palitra.data.Scene.Thing;
import io.palitra.data.SceneGrammar.Language;
import io.palitra.metric.SceneWords;
import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;

class SceneQuestionTest {
    private static final Scene SCENE = new Scene(Background.PLAIN, List.of(new Thing(Shape.STAR, Colour.BLUE, Size.LARGE, 0.3, 0.3, 0.2),
        new Thing(Shape.CIRCLE, Colour.RED, Size.SMALL, 0.7, 0.3, 0.13), new Thing(Shape.CIRCLE, Colour.GREEN, Size.SMALL, 0.7, 0.7, 0.13)),
        List.of());

    @Test void questionsHaveTheAnswersOfTheScene() {
        assertThat(SceneQuestion.of(SCENE, Language.ENGLISH).stream().map(SceneQuestion::answered)).containsExactly("how many things? 3",
            "how many circles? 2", "how many squares? 0", "how many stars? 1", "what colour is the star? blue");
        assertThat(SceneQuestion.of(SCENE, Language.RUSSIAN).stream().map(SceneQuestion::answered)).containsExactly("сколько предметов? 3",
            "сколько кругов? 2", "сколько квадратов? 0", "сколько звёзд? 1", "какого цвета звезда? синяя");
    }

    @Test void captionsAreReadBack() {
        Scenes scenes = new Scenes(Split.TEST, 32);
        for (int i = 0; i < 40; i++) {
            for (Language language : Language.values()) {
                assertThat(SceneWords.found(scenes.scene(i), scenes.captions(i, language).get(0)))
                    .isEqualTo(scenes.scene(i).things().size());
            }
        }
        assertThat(SceneWords.named("a blue star and a red ring")).hasSize(2);
        assertThat(SceneWords.named("nothing")).isEmpty();
    }

    @Test void picturesComeWithCaptionsAndQuestions() {
        Dataset questions = Datasets.open("questions", Split.TEST, Config.with(DataOptions.DEFAULT, List.of("size=32")));
        assertThat(questions.captions(3)).anyMatch(t -> t.startsWith("how many things? ")).anyMatch(t ->
            t.startsWith("сколько предметов? "));
        assertThat(questions.size()).isEqualTo(10_000);
    }

    @Test void textsFollowEachOtherWithEndsBetween() {
        DataOptions options = Config.with(DataOptions.DEFAULT, List.of("length=64", "vocabulary=300"));
        Dataset texts = Datasets.open("scene-texts", Split.TRAIN, options);
        TextSpec spec = (TextSpec) texts.spec();
        assertThat(spec.vocabulary()).isEqualTo(300);
        int[] ids = new int[64];
        ByteBuffer row = ByteBuffer.allocate(4 * 64);
        texts.read(5, row);
        row.flip().asIntBuffer().get(ids);
        assertThat(ids).contains(spec.end());
        ByteBuffer again = ByteBuffer.allocate(4 * 64);
        Datasets.open("scene-texts", Split.TRAIN, options).read(5, again);
        assertThat(again.array()).isEqualTo(row.array());
        assertThatThrownBy(() -> Datasets.open("scene-texts", Split.TRAIN, Config.with(DataOptions.DEFAULT, List.of("size=32"))))
            .hasMessage("scene-texts are text, not pictures: size and channels must be 0");
    }
}
