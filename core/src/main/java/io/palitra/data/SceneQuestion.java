package io.palitra.data;

import io.palitra.data.Scene.Colour;
import io.palitra.data.Scene.Shape;
import io.palitra.data.Scene.Size;
import io.palitra.data.Scene.Thing;
import io.palitra.data.SceneGrammar.Language;
import java.util.ArrayList;
import java.util.List;

/**
 * A question about a scene whose answer the scene decides: how many things of a shape there are, or of what colour the only one is.
 *
 * @param about what is counted or looked at
 * @param text of the question, with its mark
 * @param answer a number in digits, or a colour
 */
public record SceneQuestion(About about, String text, String answer) {
    /** Kinds of questions. */
    public enum About { COUNT, COLOUR }

    private static final String[] MANY = {"circles", "squares", "triangles", "stars", "hearts", "crosses", "rings", "crescents"};
    private static final String[] RUSSIAN_MANY = {"кругов", "квадратов", "треугольников", "звёзд", "сердец", "крестов", "колец",
        "полумесяцев"};

    /** As it stands in a text: the question and its answer. */
    public String answered() { return text + " " + answer; }

    /**
     * All questions about a scene: how many things, of each shape that is there and of one that is not; colours of shapes that are once.
     */
    public static List<SceneQuestion> of(Scene scene, Language language) {
        boolean english = language == Language.ENGLISH;
        List<SceneQuestion> all = new ArrayList<>();
        all.add(new SceneQuestion(About.COUNT, english ? "how many things?" : "сколько предметов?", String.valueOf(scene.things().size())));
        int absent = 0;
        for (Shape shape : Shape.values()) {
            List<Thing> own = scene.things().stream().filter(t -> t.shape() == shape).toList();
            if (own.isEmpty() && absent++ > 0) continue;
            String many = (english ? MANY : RUSSIAN_MANY)[shape.ordinal()];
            all.add(new SceneQuestion(About.COUNT, (english ? "how many " : "сколько ") + many + "?", String.valueOf(own.size())));
            if (own.size() == 1) all.add(colour(own.get(0), english));
        }
        return all;
    }

    private static SceneQuestion colour(Thing thing, boolean english) {
        String shape = SceneGrammar.english(new Thing(thing.shape(), Colour.RED, Size.SMALL, 0, 0, 0), false).substring("red ".length());
        String colour = SceneGrammar.english(thing, false).replace(" " + shape, "");
        if (english) return new SceneQuestion(About.COLOUR, "what colour is the " + shape + "?", colour);
        String[] what = SceneGrammar.russian(thing, SceneGrammar.Case.NOMINATIVE, false).split(" ");
        return new SceneQuestion(About.COLOUR, "какого цвета " + what[1] + "?", what[0]);
    }
}
