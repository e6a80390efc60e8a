package io.palitra.metric;

import io.palitra.data.Scene.Composition;
import io.palitra.data.Scene.Fact;
import io.palitra.data.Scene;
import io.palitra.data.SceneGrammar.Language;
import io.palitra.data.Scenes;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.model.Measure;
import io.palitra.model.TextImage;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;

/**
 * Whether a model draws the scenes of captions: the whole caption of test items in each language, a picture for each, read back by
 * {@link SceneCheck}. Pairs of shape and colour and relations that training never shows are counted for themselves.
 */
public final class SceneTexts {
    private static final int AT_ONCE = 64;
    /** Pictures of one caption that a CLIP chooses from. */
    private static final int OF = 8;

    /** Right of so many. */
    private static final class Share {
        private int right;
        private int of;

        void add(int right, int of) {
            this.right += right;
            this.of += of;
        }

        void into(List<Measure> all, String name, String who, String about) {
            if (of == 0) return;
            all.add(new Measure(name + ", " + who, 100.0 * right / of, "%", about + "; " + of + " of them"));
        }
    }

    private SceneTexts() {}

    /** Draws a picture [3,H,W] in [-1,1] for each text, [texts,3,H,W]. */
    @FunctionalInterface public interface Painting { Tensor draw(List<String> texts, Rng rng); }

    /** Called before {@code count} of {@code of} pictures are drawn, with the number of the first. */
    @FunctionalInterface public interface Progress { void at(long first, long count, long of); }

    /** Measures over the first {@code n} test items. Without recording, in evaluation mode. */
    public static List<Measure> captionScores(Painting model, Scenes test, int n, Rng rng,
            Progress progress) {
        List<Measure> measures = new ArrayList<>();
        int each = Math.min(n, test.size());
        for (Language language : Language.values()) measures.addAll(in(language, model, test, each, rng, progress));
        return measures;
    }

    /**
     * Whether a CLIP's choice of {@value #OF} pictures of a caption shows more of it than the first one does: captions of the first
     * {@code n} test items, each in the next language. Without recording, in evaluation mode. Waits for the device.
     */
    public static List<Measure> bestOfK(Painting model, Scenes test, int n, TextImage judge, String name,
            Rng rng, Progress progress) {
        Share[] things = {new Share(), new Share()}, whole = {new Share(), new Share()};
        for (int from = 0; from < Math.min(n, test.size()); from += AT_ONCE / OF) {
            int to = Math.min(Math.min(n, test.size()), from + AT_ONCE / OF);
            progress.at(from, to - from, Math.min(n, test.size()));
            List<String> texts = new ArrayList<>();
            for (int i = from; i < to; i++) {
                Language language = Language.values()[i % Language.values().length];
                texts.addAll(Collections.nCopies(OF, test.captions(i, language).get(0)));
            }
            List<Scene> drawn;
            long[] best;
            try (Scope scope = new Scope()) {
                Tensor x = model.draw(texts, rng.at(from));
                drawn = SceneCheck.read(x);
                best = ClipScore.of(judge, x, texts).reshape(to - from, OF).argmax(1).longs();
            }
            for (int i = from; i < to; i++) {
                int first = (i - from) * OF;
                int[] candidates = {first, first + (int) best[i - from]};
                for (int k = 0; k < candidates.length; k++) {
                    SceneCheck.Score score = SceneCheck.score(test.scene(i), drawn.get(candidates[k]));
                    things[k].add(score.found(), score.things());
                    whole[k].add(score.exact() ? 1 : 0, 1);
                }
            }
        }
        List<Measure> all = new ArrayList<>();
        String[] which = {"first of " + OF, "best of " + OF};
        for (int k = 0; k < which.length; k++) {
            String about = k == 0 ? "of the first picture" : "of the picture that " + name + " finds nearest";
            things[k].into(all, "things right", which[k], about + ", things in their shape and colour");
            whole[k].into(all, "whole scenes right", which[k], about + ", all things and relations, and nothing else");
        }
        return all;
    }

    private static List<Measure> in(Language language, Painting model, Scenes test, int n, Rng rng,
            Progress progress) {
        Share things = new Share(), pairs = new Share(), facts = new Share(), chance = new Share(), relations = new Share();
        Share whole = new Share();
        Fact before = new Fact(0, Scene.Relation.LEFT_OF, 1);   // of the scene before: what it states of this one is right by chance
        long done = (long) language.ordinal() * n, pictures = (long) Language.values().length * n;
        for (int from = 0; from < n; from += AT_ONCE) {
            progress.at(done + from, Math.min(AT_ONCE, n - from), pictures);
            List<String> texts = new ArrayList<>();
            for (int i = from; i < Math.min(n, from + AT_ONCE); i++) texts.add(test.captions(i, language).get(0));
            List<Scene> drawn;
            try (Scope scope = new Scope()) {
                drawn = SceneCheck.read(model.draw(texts, rng.at(from)));
            }
            for (int k = 0; k < drawn.size(); k++) {
                Scene wanted = test.scene(from + k), seen = drawn.get(k);
                Composition composition = test.composition(from + k);
                SceneCheck.Score score = SceneCheck.score(wanted, seen);
                if (composition == Composition.SEEN) {
                    things.add(score.found(), score.things());
                    facts.add(score.related(), score.facts());
                    whole.add(score.exact() ? 1 : 0, 1);
                    Fact other = before;
                    List<Fact> swapped = wanted.facts().stream().map(f -> new Fact(f.subject(), other.relation(), f.object())).toList();
                    SceneCheck.Score by = SceneCheck.score(new Scene(wanted.background(), wanted.things(), swapped), seen);
                    chance.add(by.related(), by.facts());
                    if (!wanted.facts().isEmpty()) before = wanted.facts().get(0);
                } else if (composition == Composition.NEW_PAIR) {
                    List<Scene.Thing> fresh = wanted.things().stream().filter(t -> Scene.heldOut(t.shape(), t.colour())).toList();
                    SceneCheck.Score own = SceneCheck.score(new Scene(wanted.background(), fresh, List.of()), seen);
                    pairs.add(own.found(), own.things());
                } else {
                    Predicate<Fact> heldOut = f -> Scene.heldOut(wanted.things().get(f.subject()).shape(), f.relation(),
                        wanted.things().get(f.object()).shape());
                    List<Fact> fresh = wanted.facts().stream().filter(heldOut).toList();
                    SceneCheck.Score own = SceneCheck.score(new Scene(wanted.background(), wanted.things(), fresh), seen);
                    relations.add(own.related(), own.facts());
                }
            }
        }
        List<Measure> all = new ArrayList<>();
        String name = language.name().charAt(0) + language.name().substring(1).toLowerCase(Locale.ROOT);
        things.into(all, "things right", name, "share drawn in their shape and colour");
        pairs.into(all, "new pairs right", name, "the same of pairs of shape and colour held out of training");
        facts.into(all, "relations right", name, "share of relations in which both things stand as in the caption; "
            + "of things not drawn none does");
        chance.into(all, "relations by chance", name, "the same of the relation of another caption");
        relations.into(all, "new relations right", name, "the same of relations of shapes held out of training");
        whole.into(all, "whole scenes right", name, "all things and relations, and nothing else");
        return all;
    }
}
