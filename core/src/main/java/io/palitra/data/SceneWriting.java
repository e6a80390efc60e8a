package io.palitra.data;

import io.palitra.config.ArgumentException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The texts of {@link SceneQuestions} alone, for a language model: each item has texts of several scenes one after the other, an end token
 * after each, in byte pairs learnt from some of them. Item i is a pure function of (split, i, length, vocabulary).
 */
public final class SceneWriting implements Dataset {
    static final int TRAIN = 50_000, TEST = 2_000, LENGTH = 160;
    /** Scenes whose texts the pairs are learnt from. */
    private static final int LEARNT = 500;
    private static final int SIDE = 64;

    private static volatile Alphabet.@Nullable Pairs last;

    private final Split split;
    private final Scenes scenes;
    private final TextSpec spec;

    private SceneWriting(Split split, int length, int vocabulary) {
        this.split = split;
        scenes = new Scenes(split, SIDE);
        spec = new TextSpec(length == 0 ? LENGTH : length, pairs(vocabulary));
    }

    /** @throws ArgumentException for options that these texts do not have */
    static SceneWriting open(Split split, DataOptions options) {
        DataOptions usual = DataOptions.DEFAULT;
        if (options.size() != 0 || options.channels() != 0) {
            throw new ArgumentException("scene-texts are text, not pictures: size and channels must be 0");
        }
        if (options.tokens() != usual.tokens() && options.tokens() != DataOptions.Tokens.PAIRS || !options.suffix().isEmpty()
                || !options.field().equals(usual.field())) {
            throw new ArgumentException("scene-texts have byte pairs: suffix, tokens and field must be left as they are");
        }
        return new SceneWriting(split, options.length(), options.vocabulary());
    }

    private static Alphabet.Pairs pairs(int vocabulary) {
        Alphabet.Pairs before = last;
        if (before != null && before.size() == vocabulary) return before;
        Scenes from = new Scenes(Split.TRAIN, SIDE);
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < LEARNT; i++) texts.addAll(SceneQuestions.texts(from, i));
        Alphabet.Pairs pairs = Alphabet.Pairs.learn(texts, vocabulary);
        last = pairs;
        return pairs;
    }

    @Override public String name() { return "scene-texts"; }

    @Override public TextSpec spec() { return spec; }

    @Override public int size() { return split == Split.TRAIN ? TRAIN : TEST; }

    @Override public void read(int i, ByteBuffer into) {
        SplitMix noise = new SplitMix(Objects.checkIndex(i, size()), split);
        int left = spec.length();
        while (left > 0) {
            List<String> texts = SceneQuestions.texts(scenes, noise.below(scenes.size()));
            int[] ids = spec.alphabet().encode(texts.get(noise.below(texts.size())));
            for (int k = 0; k < Math.min(left, ids.length); k++) into.putInt(ids[k]);
            if (ids.length < left) into.putInt(spec.end());
            left -= ids.length + 1;
        }
    }

    @Override public Fingerprint fingerprint() { return new Fingerprint(size(), List.of(), "texts of scenes 1, " + spec.vocabulary()); }
}
