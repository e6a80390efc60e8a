package io.palitra.data;

import io.palitra.data.SceneGrammar.Language;
import java.util.ArrayList;
import java.util.List;

/** The pictures of {@link Scenes} with captions and answered questions in English and Russian: "how many circles? 2". */
public final class SceneQuestions implements ImageDataset {
    /** Captions of an item in each language, beside all questions. */
    private static final int CAPTIONS = 2;

    private final Scenes scenes;

    public SceneQuestions(Split split, int size) { scenes = new Scenes(split, size); }

    /** What the pictures are of. */
    public Scenes scenes() { return scenes; }

    @Override public String name() { return "questions"; }

    @Override public ImageSpec spec() { return scenes.spec(); }

    @Override public int size() { return scenes.size(); }

    @Override public int label(int i) { return scenes.label(i); }

    @Override public List<String> classNames() { return scenes.classNames(); }

    @Override public void pixels(int i, byte[] out, int offset) { scenes.pixels(i, out, offset); }

    @Override public List<String> captions(int i) { return texts(scenes, i); }

    /** Captions of item i of scenes, then questions with their answers, in both languages. */
    static List<String> texts(Scenes scenes, int i) {
        List<String> all = new ArrayList<>();
        Scene scene = scenes.scene(i);
        for (Language language : Language.values()) all.addAll(scenes.captions(i, language).subList(0, CAPTIONS));
        for (Language language : Language.values()) SceneQuestion.of(scene, language).forEach(q -> all.add(q.answered()));
        return all;
    }
}
