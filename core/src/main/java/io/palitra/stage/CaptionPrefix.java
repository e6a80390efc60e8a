package io.palitra.stage;

import io.palitra.config.ConfigException;
import io.palitra.config.InWords;
import io.palitra.config.Notes;
import io.palitra.config.Reason;
import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.net.CaptionTokenizer;
import io.palitra.nn.Module;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Captions as a row of L tokens before a picture. What fills up a short one has at each place a token of its own, as in ruDALL-E: the kinds
 * are those of the tokenizer and then a padding for each place.
 */
public final class CaptionPrefix extends Module {
    private static final int SHOWN = 64;

    private final int length;
    private final CaptionTokenizer tokens;
    private final Tensor shown;   // I64 [64,L], captions of the training data

    public CaptionPrefix(int pairs, int length) {
        this.length = length;
        tokens = child("tokens", new CaptionTokenizer(pairs));
        shown = buffer("shown", Torch.zeros(DType.I64, SHOWN, length));
    }

    public CaptionTokenizer tokens() { return tokens; }

    public int length() { return length; }

    /** The tokenizer, as transformers reads it. */
    public List<Path> publish(Path folder) {
        try {
            return tokens.save(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(Reason.told(e), e);
        }
    }

    public int kinds() { return tokens.vocabulary() + length; }

    /** Takes the vocabulary from captions, and 64 of them, evenly spread, to draw from where no other text is asked for. */
    public void learn(Iterable<String> captions) {
        tokens.learn(captions);
        List<String> kept = new ArrayList<>();
        int every = 1, i = 0;
        for (String caption : captions) {
            if (i++ % every == 0) kept.add(caption);
            if (kept.size() < 2 * SHOWN) continue;
            for (int k = 0; k < SHOWN; k++) kept.set(k, kept.get(2 * k));
            kept.subList(SHOWN, kept.size()).clear();
            every *= 2;
        }
        List<String> all = new ArrayList<>();
        for (int k = 0; k < SHOWN; k++) all.add(kept.get(k % kept.size()));
        try (Scope scope = new Scope()) { shown.copyFrom(ids(all)); }
    }

    /** I64 [B,L]; of a longer caption the beginning. */
    public Tensor ids(List<String> texts) { return Scope.run(() -> padded(tokens.ids(texts, length))); }

    /** As {@link #ids}, for learning: {@link CaptionTokenizer#ids(List, int, double, Rng)}. */
    public Tensor ids(List<String> texts, double dropMerges, Rng rng) {
        return Scope.run(() -> padded(tokens.ids(texts, length, dropMerges, rng)));
    }

    private Tensor padded(Tensor ids) {
        Tensor places = Torch.arange(tokens.vocabulary(), kinds()).to(DType.I64).to(ids.device());
        return places.where(ids.eq(tokens.pad()), ids);
    }

    /** The text that says nothing, to be guided away from; I64 [count,L]. */
    public Tensor none(int count) { return ids(Collections.nCopies(count, "")); }

    /** A caption of the training data drawn for each of count pictures; I64 [count,L]. */
    public Tensor any(int count, Rng rng) { return shown.indexSelect(0, rng.integers(SHOWN, count).to(shown.device())); }

    /** What of a text will not be understood, in a line; empty where all of its words stood in the captions. */
    public List<String> notes(String text) {
        List<String> unknown = tokens.unknown(text);
        if (unknown.isEmpty()) return List.of();
        boolean one = unknown.size() == 1;
        String near = unknown.stream().map(w -> w.length() < 4 ? "" : InWords.nearest(w, alike(w))).filter(w -> !w.isEmpty()).distinct()
            .collect(Collectors.joining(", "));
        return List.of("'" + String.join("', '", unknown) + "' " + (one ? "stands" : "stand") + " in no caption that this model learned "
            + "from: " + (one ? "it cannot be drawn" : "they cannot be drawn") + (near.isEmpty() ? "" : "; near to that: " + near)
            + ". Words that it knows: " + Notes.some(alike(unknown.get(0)), 40));
    }

    /** Words of three letters and more of the captions, in the alphabet of this one. */
    private List<String> alike(String word) {
        Character.UnicodeScript script = Character.UnicodeScript.of(word.codePointAt(0));
        List<String> all = tokens.words().stream().filter(w -> w.length() > 2).sorted().toList();
        List<String> alike = all.stream().filter(w -> Character.UnicodeScript.of(w.codePointAt(0)) == script).toList();
        return alike.isEmpty() ? all : alike;
    }

    /** @throws ConfigException for a text that is asked for and longer than what is read of it */
    public void check(String text) {
        int wants = tokens.length(text);
        if (wants > length) {
            throw new ConfigException("prompt", "the text is of " + wants + " tokens, this model reads " + length + ": shorten it");
        }
    }
}
