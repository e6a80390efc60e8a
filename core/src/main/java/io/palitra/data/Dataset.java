package io.palitra.data;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.stream.IntStream;

/** Indexed items, each read on its own. Safe for several threads at once. */
public interface Dataset {
    /** Name in the catalogue, or of the folder. */
    String name();

    /** What an item is. */
    DataSpec spec();

    /** Number of items. */
    int size();

    /** Class of item i in 0..classes-1, or -1 when there are no labels. */
    default int label(int i) { return -1; }

    /** Names of the classes in order of their numbers; empty when there are no labels. */
    default List<String> classNames() { return List.of(); }

    /**
     * Writes item i from the buffer's position on, its numbers of the type {@link DataSpec#stored}, in the buffer's order, row by row; the
     * position moves behind them.
     */
    void read(int i, ByteBuffer into);

    /** Captions of item i: none blank, each true. Empty for every item, or for none. */
    default List<String> captions(int i) { return List.of(); }

    /** Every caption of every item, in order. */
    default Iterable<String> everyCaption() {
        return () -> IntStream.range(0, size()).boxed().flatMap(i -> captions(i).stream()).iterator();
    }

    /** Whether the items have captions. */
    default boolean captioned() { return size() > 0 && !captions(0).isEmpty(); }

    /**
     * Of the captions of item i the one to show, a pure function of (i, seed, epoch). From epoch to epoch it is the next one, so that all
     * are shown equally often; where each item begins is drawn by the seed.
     */
    default String caption(int i, long seed, long epoch) {
        List<String> all = captions(i);
        long z = (seed * 0x9E3779B97F4A7C15L ^ i + 1L) * 0xD1342543DE82EF95L;
        z = (z ^ (z >>> 32)) * 0x94D049BB133111EBL;
        return all.get((int) Math.floorMod((z >>> 33) + epoch, (long) all.size()));
    }

    /** Where item i comes from, to find it again: a file below the set's folder, a row of a table; else its number. */
    default String source(int i) { return String.valueOf(i); }

    /** The number by which a person finds item i where it comes from: its row in a table, else i. */
    default int number(int i) { return i; }

    /** Identifies these items, wherever they lie. Reads labels, no pixels. */
    default Fingerprint fingerprint() { return Fingerprint.of(this, List.of(name())); }

    /** What was left out or read otherwise than a user may think, a line each; who opens a set prints them. */
    default List<String> notes() { return List.of(); }
}
