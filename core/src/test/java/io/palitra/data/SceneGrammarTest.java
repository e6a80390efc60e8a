package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.data.Scene.Background;
import io.palitra.data.Scene.Colour;
import io.palitra.data.Scene.Fact;
import io.palitra.data.Scene.Relation;
import io.palitra.data.Scene.Shape;
import io.palitra.data.Scene.Size;
import io.palitra.data.Scene.Thing;
import io.palitra.data.SceneGrammar.Case;
import io.palitra.data.SceneGrammar.Language;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.Test;

class SceneGrammarTest {
    /** By shape: gender (0 he, 1 she, 2 it), nominative, genitive, instrumental. */
    private static final String[] NOUNS = {"0 круг круга кругом", "0 квадрат квадрата квадратом",
        "0 треугольник треугольника треугольником", "1 звезда звезды звездой", "2 сердце сердца сердцем", "0 крест креста крестом",
        "2 кольцо кольца кольцом", "0 полумесяц полумесяца полумесяцем"};
    /** By colour: he, she, it; each in the three cases. */
    private static final String[] COLOURS = {
        "красный красного красным красная красной красной красное красного красным",
        "оранжевый оранжевого оранжевым оранжевая оранжевой оранжевой оранжевое оранжевого оранжевым",
        "жёлтый жёлтого жёлтым жёлтая жёлтой жёлтой жёлтое жёлтого жёлтым",
        "зелёный зелёного зелёным зелёная зелёной зелёной зелёное зелёного зелёным",
        "синий синего синим синяя синей синей синее синего синим",
        "фиолетовый фиолетового фиолетовым фиолетовая фиолетовой фиолетовой фиолетовое фиолетового фиолетовым",
        "белый белого белым белая белой белой белое белого белым",
        "чёрный чёрного чёрным чёрная чёрной чёрной чёрное чёрного чёрным"};
    private static final String[] SIZES = {
        "маленький маленького маленьким маленькая маленькой маленькой маленькое маленького маленьким",
        "большой большого большим большая большой большой большое большого большим"};

    private static Thing thing(Shape shape, Colour colour, Size size) { return new Thing(shape, colour, size, 0.5, 0.5, 0.2); }

    @Test void russianHasTheRightEndingsForEveryShapeColourSizeAndCase() {
        for (Shape shape : Shape.values()) {
            String[] noun = NOUNS[shape.ordinal()].split(" ");
            for (Case c : Case.values()) {
                int form = 3 * Integer.parseInt(noun[0]) + c.ordinal();
                for (Colour colour : Colour.values()) {
                    for (Size size : Size.values()) {
                        String coloured = COLOURS[colour.ordinal()].split(" ")[form] + " " + noun[1 + c.ordinal()];
                        Thing t = thing(shape, colour, size);
                        assertThat(SceneGrammar.russian(t, c, false)).isEqualTo(coloured);
                        assertThat(SceneGrammar.russian(t, c, true)).isEqualTo(SIZES[size.ordinal()].split(" ")[form] + " " + coloured);
                    }
                }
            }
        }
    }

    private static Scene two(Relation r, Thing a, Thing b) { return new Scene(Background.SNOW, List.of(a, b), List.of(new Fact(0, r, 1))); }

    @Test void relationsGovernTheirCases() {
        Thing circle = thing(Shape.CIRCLE, Colour.RED, Size.SMALL), square = thing(Shape.SQUARE, Colour.BLUE, Size.LARGE);
        Thing star = thing(Shape.STAR, Colour.WHITE, Size.SMALL), ring = thing(Shape.RING, Colour.GREEN, Size.LARGE);
        assertThat(SceneGrammar.captions(two(Relation.LEFT_OF, circle, square), Language.RUSSIAN)).contains(
            "маленький красный круг слева от большого синего квадрата на снегу", "красный круг слева от синего квадрата",
            "на снегу большой синий квадрат справа от маленького красного круга", "слева от синего квадрата — маленький красный круг",
            "красный круг и синий квадрат на снегу");
        assertThat(SceneGrammar.captions(two(Relation.ABOVE, circle, star), Language.RUSSIAN)).contains(
            "красный круг над белой звездой", "белая звезда под красным кругом");
        assertThat(SceneGrammar.captions(two(Relation.INSIDE, star, ring), Language.RUSSIAN)).contains(
            "маленькая белая звезда внутри большого зелёного кольца на снегу", "зелёное кольцо с белой звездой внутри");
        assertThat(SceneGrammar.captions(two(Relation.INSIDE, star, ring), Language.ENGLISH)).contains(
            "a small white star inside a big green ring in the snow", "a green ring with a white star inside");
        assertThat(SceneGrammar.captions(two(Relation.BELOW, thing(Shape.HEART, Colour.ORANGE, Size.SMALL), square), Language.ENGLISH))
            .contains("a small orange heart below a big blue square in the snow", "an orange heart below a blue square",
                "a blue square above an orange heart");
    }

    @Test void threeThingsAreSaidByTwoRelationsToOneOfThem() {
        Scene scene = new Scene(Background.GRASS, List.of(thing(Shape.SQUARE, Colour.BLUE, Size.LARGE),
            thing(Shape.CIRCLE, Colour.RED, Size.SMALL), thing(Shape.STAR, Colour.YELLOW, Size.SMALL)),
            List.of(new Fact(1, Relation.LEFT_OF, 0), new Fact(2, Relation.ABOVE, 0)));
        assertThat(SceneGrammar.caption(scene, Language.ENGLISH)).isEqualTo(
            "a small red circle to the left of a big blue square, and a small yellow star above the blue square, on the grass");
        assertThat(SceneGrammar.caption(scene, Language.RUSSIAN)).isEqualTo(
            "на траве маленький красный круг слева от большого синего квадрата, а над синим квадратом маленькая жёлтая звезда");
        assertThat(SceneGrammar.captions(scene, Language.RUSSIAN)).contains("синий квадрат, красный круг и жёлтая звезда на траве");
    }

    @Test void captionsOfASceneDiffer() {
        Scenes scenes = new Scenes(Split.TRAIN, 32);
        for (int i = 0; i < 300; i++) {
            for (Language l : Language.values()) {
                List<String> all = SceneGrammar.captions(scenes.scene(i), l);
                assertThat(new HashSet<>(all)).hasSameSizeAs(all).hasSizeGreaterThanOrEqualTo(Scenes.CAPTIONS);
                assertThat(all).allMatch(c -> l == Language.ENGLISH ? c.matches("[a-z, ]+") : c.matches("[а-яё, —]+"));
            }
        }
    }
}
