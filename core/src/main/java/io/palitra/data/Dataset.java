package io.palitra.data;

import java.util.List;

/** Indexed items, each read on its own. Safe for several threads at once. */
public sealed interface Dataset permits ImageDataset, VectorDataset {
    /** Name in the catalogue, or of the folder. */
    String name();

    DataSpec spec();

    int size();

    /** Class of item i in 0..classes-1, or -1 when there are no labels. */
    int label(int i);

    /** Names of the classes in order of their numbers; empty when there are no labels. */
    List<String> classNames();

    /** Where item i comes from, to find it again: a file below the set's folder, a row of a table; else its number. */
    default String source(int i) { return String.valueOf(i); }

    /** What tells these items from others, wherever they lie. Reads labels, no pixels. */
    default Fingerprint fingerprint() { return Fingerprint.of(this, List.of(name())); }

    /** What was left out or read otherwise than a user may think, a line each; who opens a set tells them. */
    default List<String> notes() { return List.of(); }
}
