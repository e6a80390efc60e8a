package io.palitra.data;

import io.palitra.config.ArgumentException;
import io.palitra.config.InWords;
import io.palitra.config.Notes;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** A data set as if it had never held some of its classes; the others keep their order and are counted anew. */
record Subset(Dataset of, int[] items, int[] numbers, List<String> classNames) implements Dataset {
    /**
     * @param except names of classes
     * @throws IllegalArgumentException for a class that the set does not have, or when none is left
     */
    static Dataset of(Dataset data, List<String> except) {
        if (except.isEmpty()) return data;
        List<String> names = data.classNames(), kept = names.stream().filter(n -> !except.contains(n)).toList();
        for (String e : except) {
            if (!names.contains(e)) throw new ArgumentException("no class '" + e + "' in '" + data.name() + "'; there are "
                + Notes.some(names) + InWords.didYouMean(e, names));
        }
        if (kept.isEmpty()) throw new ArgumentException("data.except leaves no class of '" + data.name() + "'");
        List<Integer> items = new ArrayList<>();
        for (int i = 0; i < data.size(); i++) if (data.label(i) < 0 || kept.contains(names.get(data.label(i)))) items.add(i);
        return new Subset(data, items.stream().mapToInt(i -> i).toArray(), names.stream().mapToInt(kept::indexOf).toArray(), kept);
    }

    @Override public String name() { return of.name(); }

    @Override public Fingerprint fingerprint() { return Fingerprint.of(this, of.fingerprint()); }

    @Override public String source(int i) { return of.source(items[i]); }

    @Override public List<String> notes() { return of.notes(); }

    @Override public DataSpec spec() { return of.spec().withClasses(classNames.size()); }

    @Override public int size() { return items.length; }

    @Override public int label(int i) { return of.label(items[i]) < 0 ? -1 : numbers[of.label(items[i])]; }

    @Override public void read(int i, ByteBuffer into) { of.read(items[i], into); }

    @Override public List<String> captions(int i) { return of.captions(items[i]); }
}
