package io.palitra.metric;

import io.palitra.data.Scene;
import io.palitra.data.Scene.Colour;
import io.palitra.data.Scene.Shape;
import io.palitra.data.Scene.Size;
import io.palitra.data.Scene.Thing;
import io.palitra.data.SceneGrammar;
import io.palitra.data.SceneGrammar.Language;
import io.palitra.data.SceneQuestion;
import io.palitra.data.Scenes;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Captions;
import io.palitra.model.Measure;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

/** Whether a model says of pictures of {@code scenes} what is there: captions are read back, answers compared. */
public final class SceneWords {
    /** Examples before each question. */
    private static final int SHOTS = 4;
    private static final int TOKENS = 80;

    private SceneWords() {}

    /** Called before item {@code i} of {@code of}. */
    @FunctionalInterface public interface Progress { void at(long i, long of); }

    /** The things that a text names with their colours, as "red circle" and the forms of «красный круг». */
    public static List<Thing> named(String text) {
        String read = text.toLowerCase(Locale.ROOT);
        List<Thing> all = new ArrayList<>();
        for (Shape shape : Shape.values()) {
            for (Colour colour : Colour.values()) {
                Thing thing = new Thing(shape, colour, Size.SMALL, 0, 0, 0);
                boolean said = read.contains((colour + " " + shape).toLowerCase(Locale.ROOT));
                for (SceneGrammar.Case c : SceneGrammar.Case.values()) said |= read.contains(SceneGrammar.russian(thing, c, false));
                if (said) all.add(thing);
            }
        }
        return all;
    }

    /** Things of a scene that a text names with their colours. */
    public static int found(Scene scene, String text) {
        List<Thing> named = named(text);
        return (int) scene.things().stream().filter(t -> named.stream().anyMatch(n -> n.shape() == t.shape() && n.colour() == t.colour()))
            .count();
    }

    private static final class Share {
        private long right;
        private long of;
    }

    /**
     * Captions and answers of the first n test items in each language, after {@value #SHOTS} others as examples, and the same without the
     * pictures. Without recording, in evaluation mode. Waits for the device.
     *
     * @param picture of a test item, [1,3,H,W] in [-1,1]
     */
    public static List<Measure> of(Captions model, Scenes test, Function<Integer, Tensor> picture, int n, Rng rng, Progress progress) {
        Map<String, Share> shares = new LinkedHashMap<>();
        int done = 0, all = n * Language.values().length;
        for (Language language : Language.values()) {
            String who = ", " + language.name().charAt(0) + language.name().substring(1).toLowerCase(Locale.ROOT);
            for (int i = 0; i < n; i++) {
                progress.at(done++, all);
                try (Scope scope = new Scope()) {
                    Scene scene = test.scene(i);
                    Tensor own = picture.apply(i), none = Torch.zeros(0, own.size(1), own.size(2), own.size(3));
                    List<Captions.Shot> captions = new ArrayList<>(), answers = new ArrayList<>();
                    for (int k = 1; k <= SHOTS; k++) {
                        int other = test.size() - (i * SHOTS + k) % (test.size() - n);
                        Tensor x = picture.apply(other - 1);
                        List<SceneQuestion> asked = SceneQuestion.of(test.scene(other - 1), language);
                        captions.add(new Captions.Shot(x, test.captions(other - 1, language).get(0)));
                        answers.add(new Captions.Shot(x, asked.get((i + k) % asked.size()).answered()));
                    }
                    List<SceneQuestion> asked = SceneQuestion.of(scene, language);
                    SceneQuestion question = asked.get(i % asked.size());
                    String about = question.about() == SceneQuestion.About.COUNT ? "counts right" : "colours right";
                    for (boolean blind : new boolean[] {false, true}) {
                        String suffix = who + (blind ? ", without the picture" : "");
                        Tensor x = blind ? none : own;
                        Share things = shares.computeIfAbsent("things named" + suffix, k -> new Share());
                        things.right += found(scene, model.caption(captions, x, "", TOKENS, 0, rng));
                        things.of += scene.things().size();
                        Share right = shares.computeIfAbsent(about + suffix, k -> new Share());
                        right.right += model.caption(answers, x, question.text(), TOKENS, 0, rng).strip().equals(question.answer()) ? 1 : 0;
                        right.of++;
                    }
                }
            }
        }
        return shares.entrySet().stream().map(e -> new Measure(e.getKey(), 100.0 * e.getValue().right / Math.max(1, e.getValue().of), "%",
            SHOTS + " examples before; " + e.getValue().of + " of them")).toList();
    }
}
