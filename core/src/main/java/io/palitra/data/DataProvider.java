package io.palitra.data;

import java.util.List;

/** Data sets of a jar beside the program, by name as those of the catalogue are. Found by {@link java.util.ServiceLoader}. */
public interface DataProvider {
    /** What it has; of the kind {@link CatalogueEntry.Kind#PROVIDED}. */
    List<CatalogueEntry> sets();

    /**
     * Opens one of them.
     *
     * @throws IllegalArgumentException for options that it does not have
     * @throws FormatException when files are missing or damaged
     */
    Dataset open(String name, Split split, DataOptions options);
}
