package io.palitra.data;

import io.palitra.config.ArgumentException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Objects;

/**
 * Small programs drawn by the program, each with a comment that says what it prints: 1,000,000 for training and 10,000 to test. Item i is a
 * pure function of (split, i), whatever the length; no program is in both parts. Every item is in the grammar, runs, and prints what its
 * comment says; shorter ones are filled up by end tokens. See {@link Program}.
 */
public final class Programs implements Dataset {
    static final int TRAIN = 1_000_000, TEST = 10_000;
    private static final Alphabet.Characters LETTERS = new Alphabet.Characters(ProgramGrammar.LETTERS);

    private final Split split;
    private final TextSpec spec;

    /** @param length tokens of an item; 0 = as many as the longest program has */
    public Programs(Split split, int length) {
        if (length != 0 && length < ProgramGrammar.LONGEST) {
            throw new ArgumentException("illegal length: " + length + ", programs have up to " + ProgramGrammar.LONGEST + " characters");
        }
        this.split = split;
        spec = new TextSpec(length == 0 ? ProgramGrammar.LONGEST : length, LETTERS);
    }

    /** @throws ArgumentException for options that programs do not have */
    static Programs open(Split split, DataOptions options) {
        DataOptions usual = DataOptions.DEFAULT;
        if (options.size() != 0 || options.channels() != 0) {
            throw new ArgumentException("programs are text, not pictures: size and channels must be 0");
        }
        if (options.tokens() != usual.tokens() || options.vocabulary() != usual.vocabulary() || !options.suffix().isEmpty()
                || !options.field().equals(usual.field())) {
            throw new ArgumentException("programs have characters of their own: suffix, tokens, vocabulary and field must be left as they "
                + "are");
        }
        return new Programs(split, options.length());
    }

    @Override public String name() { return "programs"; }

    @Override public TextSpec spec() { return spec; }

    @Override public int size() { return split == Split.TRAIN ? TRAIN : TEST; }

    /** Item i, with its comment. */
    public String text(int i) { return ProgramGrammar.draw(new SplitMix(Objects.checkIndex(i, size()), split), split); }

    @Override public void read(int i, ByteBuffer into) {
        int[] ids = LETTERS.encode(text(i));
        for (int id : ids) into.putInt(id);
        for (int k = ids.length; k < spec.length(); k++) into.putInt(spec.end());
    }

    @Override public Fingerprint fingerprint() { return new Fingerprint(size(), List.of(), "programs of grammar 1"); }
}
