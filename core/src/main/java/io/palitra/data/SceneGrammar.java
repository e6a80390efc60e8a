package io.palitra.data;

import io.palitra.data.Scene.Background;
import io.palitra.data.Scene.Fact;
import io.palitra.data.Scene.Place;
import io.palitra.data.Scene.Relation;
import io.palitra.data.Scene.Shape;
import io.palitra.data.Scene.Size;
import io.palitra.data.Scene.Thing;
import java.util.ArrayList;
import java.util.List;

/** Writes captions of a scene in English and in Russian, with the genders and cases of Russian. */
public final class SceneGrammar {
    /** Languages of captions. */
    public enum Language { ENGLISH, RUSSIAN }

    /** Cases that captions use. */
    public enum Case { NOMINATIVE, GENITIVE, INSTRUMENTAL }

    private enum Gender { MASCULINE, FEMININE, NEUTER }

    private static final String[] SHAPES = {"circle", "square", "triangle", "star", "heart", "cross", "ring", "crescent"};
    private static final String[] COLOURS = {"red", "orange", "yellow", "green", "blue", "purple", "white", "black"};
    private static final String[] BACKGROUNDS = {"on a plain background", "on a gradient background", "in the desert", "in the snow",
        "on the grass", "in the night sky"};
    private static final String[] PLACES = {"in the middle", "on the left", "on the right", "at the top", "at the bottom",
        "in the top left corner", "in the top right corner", "in the bottom left corner", "in the bottom right corner"};
    private static final String[] RELATIONS = {"to the left of", "to the right of", "above", "below", "inside", "around"};

    /** Nominative, genitive, instrumental. */
    private static final String[][] RUSSIAN_SHAPES = {{"круг", "круга", "кругом"}, {"квадрат", "квадрата", "квадратом"},
        {"треугольник", "треугольника", "треугольником"}, {"звезда", "звезды", "звездой"}, {"сердце", "сердца", "сердцем"},
        {"крест", "креста", "крестом"}, {"кольцо", "кольца", "кольцом"}, {"полумесяц", "полумесяца", "полумесяцем"}};
    private static final Gender[] GENDERS = {Gender.MASCULINE, Gender.MASCULINE, Gender.MASCULINE, Gender.FEMININE, Gender.NEUTER,
        Gender.MASCULINE, Gender.NEUTER, Gender.MASCULINE};
    private static final String[] RUSSIAN_COLOURS = {"красный", "оранжевый", "жёлтый", "зелёный", "синий", "фиолетовый", "белый", "чёрный"};
    private static final String[] RUSSIAN_BACKGROUNDS = {"на ровном фоне", "на градиентном фоне", "в пустыне", "на снегу", "на траве",
        "в ночном небе"};
    private static final String[] RUSSIAN_PLACES = {"в центре", "слева", "справа", "вверху", "внизу", "в левом верхнем углу",
        "в правом верхнем углу", "в левом нижнем углу", "в правом нижнем углу"};
    private static final String[] RUSSIAN_RELATIONS = {"слева от", "справа от", "над", "под", "внутри", "вокруг"};
    /** Endings by gender, then case: of adjectives such as белый, синий, маленький, большой. */
    private static final String[][][] ENDINGS = {
        {{"ый", "ого", "ым"}, {"ая", "ой", "ой"}, {"ое", "ого", "ым"}},
        {{"ий", "его", "им"}, {"яя", "ей", "ей"}, {"ее", "его", "им"}},
        {{"ий", "ого", "им"}, {"ая", "ой", "ой"}, {"ое", "ого", "им"}},
        {{"ой", "ого", "им"}, {"ая", "ой", "ой"}, {"ое", "ого", "им"}}};

    private SceneGrammar() {}

    /** A thing in Russian: маленького красного круга. @param size whether the text has its size */
    public static String russian(Thing t, Case c, boolean size) {
        String thing = adjective(RUSSIAN_COLOURS[t.colour().ordinal()], t.shape(), c) + " "
            + RUSSIAN_SHAPES[t.shape().ordinal()][c.ordinal()];
        return size ? adjective(t.size() == Size.SMALL ? "маленький" : "большой", t.shape(), c) + " " + thing : thing;
    }

    private static String adjective(String masculine, Shape shape, Case c) {
        int kind = masculine.endsWith("ый") ? 0 : masculine.equals("синий") ? 1 : masculine.endsWith("ий") ? 2 : 3;
        return masculine.substring(0, masculine.length() - 2) + ENDINGS[kind][GENDERS[shape.ordinal()].ordinal()][c.ordinal()];
    }

    /** A thing in English, without an article. */
    static String english(Thing t, boolean size) {
        String thing = COLOURS[t.colour().ordinal()] + " " + SHAPES[t.shape().ordinal()];
        return size ? (t.size() == Size.SMALL ? "small " : "big ") + thing : thing;
    }

    private static String a(Thing t, boolean size) {
        String thing = english(t, size);
        return (thing.startsWith("o") ? "an " : "a ") + thing;
    }

    /** The relation of a thing to another in words: to the left of a blue square; слева от синего квадрата. */
    static String phrase(Relation relation, Thing object, boolean size, Language language) {
        if (language == Language.ENGLISH) return RELATIONS[relation.ordinal()] + " " + a(object, size);
        boolean level = relation == Relation.ABOVE || relation == Relation.BELOW;
        return RUSSIAN_RELATIONS[relation.ordinal()] + " " + russian(object, level ? Case.INSTRUMENTAL : Case.GENITIVE, size);
    }

    static String background(Background background, Language language) {
        return (language == Language.ENGLISH ? BACKGROUNDS : RUSSIAN_BACKGROUNDS)[background.ordinal()];
    }

    static String place(Place place, Language language) {
        return (language == Language.ENGLISH ? PLACES : RUSSIAN_PLACES)[place.ordinal()];
    }

    /** The complete caption: things with their sizes and colours, what they are to each other or where, and the background. */
    public static String caption(Scene scene, Language language) { return captions(scene, language).get(0); }

    /** All captions there are of a scene in a language, all true; the first is complete. */
    public static List<String> captions(Scene scene, Language language) {
        Speech s = new Speech(scene, language);
        return switch (scene.things().size()) {
            case 1 -> s.one();
            case 2 -> s.two();
            default -> s.more();
        };
    }

    /** Sentences of one scene in one language. */
    private record Speech(Scene scene, Language language) {
        private boolean english() { return language == Language.ENGLISH; }

        private Thing thing(int i) { return scene.things().get(i); }

        private String it(Thing t, boolean size) { return english() ? a(t, size) : russian(t, Case.NOMINATIVE, size); }

        private String before() { return background(scene.background(), language); }

        private String phrase(Relation r, Thing object, boolean size) { return SceneGrammar.phrase(r, object, size, language); }

        private String there(String what) { return before() + (english() ? " there is " : " ") + what; }

        List<String> one() {
            Thing t = thing(0);
            String place = place(scene.place().orElseThrow(), language);
            return List.of(it(t, true) + " " + before() + ", " + place,
                it(t, true) + " " + before(),
                it(t, false) + " " + before(),
                there(it(t, true)),
                it(t, false) + " " + place,
                english() ? place + " there is " + a(t, true) : place + " " + it(t, true),
                (english() ? "a picture of " + a(t, false) : "картинка с " + russian(t, Case.INSTRUMENTAL, false)) + " " + before());
        }

        List<String> two() {
            Fact fact = scene.facts().get(0);
            Thing a = thing(fact.subject()), b = thing(fact.object());
            Relation r = fact.relation();
            List<String> all = new ArrayList<>();
            all.add(related(a, r, b, true) + " " + before());
            all.add(there(related(b, r.inverse(), a, true)));
            all.add(related(a, r, b, false) + " " + before());
            all.add(related(a, r, b, false));
            all.add(related(b, r.inverse(), a, false));
            all.add(there(related(a, r, b, false)));
            all.add(it(a, false) + (english() ? " and " : " и ") + it(b, false) + " " + before());
            if (r != Relation.AROUND) {
                all.add(english() ? phrase(r, b, false) + " is " + it(a, true) : phrase(r, b, false) + " — " + it(a, true));
            }
            return all;
        }

        /** "A to the left of B"; of a thing around another: "a ring with a star inside". */
        private String related(Thing a, Relation r, Thing b, boolean sizes) {
            if (r != Relation.AROUND) return it(a, sizes) + " " + phrase(r, b, sizes);
            return english() ? it(a, sizes) + " with " + it(b, sizes) + " inside"
                : it(a, sizes) + " с " + russian(b, Case.INSTRUMENTAL, sizes) + " внутри";
        }

        List<String> more() {
            Fact first = scene.facts().get(0), second = scene.facts().get(1);
            List<String> all = new ArrayList<>();
            for (boolean sizes : new boolean[] {true, false}) {
                all.add(chain(first, second, sizes, true));
                all.add(chain(second, first, sizes, true));
            }
            all.add(chain(first, second, false, false));
            all.add(chain(second, first, false, false));
            all.add(list(false));
            all.add(list(true));
            return all;
        }

        /** A to the left of B, and C above B. */
        private String chain(Fact first, Fact second, boolean sizes, boolean background) {
            Thing a = thing(first.subject()), b = thing(first.object()), c = thing(second.subject());
            String pair = related(a, first.relation(), b, sizes);
            if (english()) {
                return pair + ", and " + it(c, sizes) + " " + RELATIONS[second.relation().ordinal()] + " the "
                    + SceneGrammar.english(b, false) + (background ? ", " + before() : "");
            }
            return (background ? before() + " " : "") + pair + ", а " + phrase(second.relation(), b, false) + " " + it(c, sizes);
        }

        private String list(boolean sizes) {
            String and = english() ? " and " : " и ";
            return it(thing(0), sizes) + ", " + it(thing(1), sizes) + and + it(thing(2), sizes) + " " + before();
        }
    }
}
