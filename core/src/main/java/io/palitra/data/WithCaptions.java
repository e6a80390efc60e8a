package io.palitra.data;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Locale;
import java.util.function.IntFunction;

/** Another data set's items with captions of their own. */
record WithCaptions(Dataset of, IntFunction<List<String>> captions) implements Dataset {
    private static final List<String> DIGITS =
        List.of("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine");

    /** Captions of a set of the catalogue that name the class of the picture, in English; the set itself if it has captions already. */
    static Dataset byClass(Dataset of) {
        if (of.captioned()) return of;
        String set = of.name();
        return new WithCaptions(of, i -> {
            String name = of.classNames().get(of.label(i)).toLowerCase(Locale.ROOT);
            String a = "aeiou".indexOf(name.charAt(0)) >= 0 ? "an " : "a ";
            return switch (set) {
                case "mnist", "strokes" -> List.of("a handwritten " + name, "the digit " + name,
                    "the number " + DIGITS.get(Integer.parseInt(name)), "a handwritten " + DIGITS.get(Integer.parseInt(name)));
                case "kmnist" -> List.of("the hiragana " + name, "a handwritten hiragana " + name);
                default -> List.of("a photo of " + a + name, "a small photo of " + a + name, a + name);
            };
        });
    }

    @Override public List<String> captions(int i) { return captions.apply(i); }

    @Override public String name() { return of.name(); }

    @Override public Fingerprint fingerprint() { return of.fingerprint(); }

    @Override public String source(int i) { return of.source(i); }

    @Override public List<String> notes() { return of.notes(); }

    @Override public DataSpec spec() { return of.spec(); }

    @Override public int size() { return of.size(); }

    @Override public int label(int i) { return of.label(i); }

    @Override public List<String> classNames() { return of.classNames(); }

    @Override public void read(int i, ByteBuffer into) { of.read(i, into); }
}
