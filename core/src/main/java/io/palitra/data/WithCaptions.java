package io.palitra.data;

import java.util.List;
import java.util.Locale;
import java.util.function.IntFunction;

/** Another data set's pictures with captions of their own. */
record WithCaptions(ImageDataset of, IntFunction<List<String>> told) implements CaptionedDataset {
    private static final List<String> DIGITS =
        List.of("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine");

    /** Captions of a set of the catalogue that say the class of the picture, in English; the set itself if it has captions already. */
    static CaptionedDataset byClass(ImageDataset of) {
        if (of instanceof CaptionedDataset c) return c;
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

    @Override public List<String> captions(int i) { return told.apply(i); }

    @Override public String name() { return of.name(); }

    @Override public Fingerprint fingerprint() { return of.fingerprint(); }

    @Override public String source(int i) { return of.source(i); }

    @Override public List<String> notes() { return of.notes(); }

    @Override public ImageSpec spec() { return of.spec(); }

    @Override public int size() { return of.size(); }

    @Override public int label(int i) { return of.label(i); }

    @Override public List<String> classNames() { return of.classNames(); }

    @Override public void pixels(int i, byte[] out, int offset) { of.pixels(i, out, offset); }
}
