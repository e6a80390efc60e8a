package io.palitra.data;

import io.palitra.config.Notes;
import java.util.ArrayList;
import java.util.List;

/** A data set as if it had never held some of its classes; the others keep their order and are counted anew. */
final class Subset {
    private Subset() {}

    /**
     * @param except names of classes
     * @throws IllegalArgumentException for a class that the set does not have, or when none is left
     */
    static Dataset of(Dataset data, List<String> except) {
        if (except.isEmpty()) return data;
        List<String> names = data.classNames(), kept = names.stream().filter(n -> !except.contains(n)).toList();
        for (String e : except) {
            if (!names.contains(e)) throw new IllegalArgumentException("no class '" + e + "' in '" + data.name() + "'; there are "
                + Notes.some(names));
        }
        if (kept.isEmpty()) throw new IllegalArgumentException("data.except leaves no class of '" + data.name() + "'");
        List<Integer> items = new ArrayList<>();
        for (int i = 0; i < data.size(); i++) if (data.label(i) < 0 || kept.contains(names.get(data.label(i)))) items.add(i);
        int[] chosen = items.stream().mapToInt(i -> i).toArray();
        int[] numbers = names.stream().mapToInt(kept::indexOf).toArray();
        if (data instanceof CaptionedDataset told) {
            return new WithCaptions(new Images(told, chosen, numbers, kept), i -> told.captions(chosen[i]));
        }
        if (data instanceof ImageDataset images) return new Images(images, chosen, numbers, kept);
        return new Points((VectorDataset) data, chosen, numbers, kept);
    }

    private record Images(ImageDataset of, int[] chosen, int[] numbers, List<String> classNames) implements ImageDataset {
        @Override public String name() { return of.name(); }

        @Override public Fingerprint fingerprint() { return Fingerprint.of(this, of.fingerprint()); }

        @Override public String source(int i) { return of.source(chosen[i]); }

        @Override public List<String> notes() { return of.notes(); }

        @Override public ImageSpec spec() {
            return new ImageSpec(of.spec().channels(), of.spec().height(), of.spec().width(), classNames.size());
        }

        @Override public int size() { return chosen.length; }

        @Override public int label(int i) { return of.label(chosen[i]) < 0 ? -1 : numbers[of.label(chosen[i])]; }

        @Override public void pixels(int i, byte[] out, int offset) { of.pixels(chosen[i], out, offset); }
    }

    private record Points(VectorDataset of, int[] chosen, int[] numbers, List<String> classNames) implements VectorDataset {
        @Override public String name() { return of.name(); }

        @Override public Fingerprint fingerprint() { return Fingerprint.of(this, of.fingerprint()); }

        @Override public String source(int i) { return of.source(chosen[i]); }

        @Override public List<String> notes() { return of.notes(); }

        @Override public VectorSpec spec() {
            VectorSpec s = of.spec();
            return new VectorSpec(s.size(), classNames.size(), s.columns(), s.means(), s.deviations());
        }

        @Override public int size() { return chosen.length; }

        @Override public int label(int i) { return of.label(chosen[i]) < 0 ? -1 : numbers[of.label(chosen[i])]; }

        @Override public void values(int i, float[] out, int offset) { of.values(chosen[i], out, offset); }
    }
}
