package io.palitra.family;

import io.palitra.data.Alphabet;
import io.palitra.data.Dataset;
import io.palitra.data.TextSpec;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** A few short texts, some shorter than an item. */
record SmallTexts(TextSpec spec, int size) implements Dataset {
    private static final String[] WORDS = {"abracadabra", "banana cab", "a cab", "rabarbara", "cabana", "a b c d", "rana", "barn and bran"};

    SmallTexts(int length) { this(new TextSpec(length, new Alphabet.Characters(" abcdnr")), 40); }

    @Override public String name() { return "small texts"; }

    /** Item i, filled up by ends. */
    int[] tokens(int i) {
        String word = WORDS[i % WORDS.length];
        int[] all = new int[spec.length()], own = spec.alphabet().encode((word + " " + word).substring(0, Math.min(spec.length(),
            word.length() + i % 5)));
        Arrays.fill(all, spec.end());
        System.arraycopy(own, 0, all, 0, own.length);
        return all;
    }

    @Override public void read(int i, ByteBuffer into) { for (int t : tokens(i)) into.putInt(t); }
}
