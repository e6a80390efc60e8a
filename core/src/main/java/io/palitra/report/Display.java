package io.palitra.report;

import io.palitra.config.ArgumentException;
import io.palitra.data.DataSpec;
import io.palitra.engine.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;

/**
 * How items of one kind are shown and kept: one place for each {@link DataSpec}. Found by {@link ServiceLoader}, so that a jar beside the
 * program may add one. Items x are [N, ...shape] in the range of the model's batches. All of it waits for the device.
 */
public interface Display {
    /** The display of items of that kind. @throws IllegalArgumentException where there is none */
    static Display of(DataSpec spec) {
        for (Display d : ServiceLoader.load(Display.class)) if (d.shows(spec)) return d;
        throw new ArgumentException("nothing here shows " + spec);
    }

    boolean shows(DataSpec spec);

    /** The name of its items in the plural: "pictures". */
    default String items() { return "items"; }

    /** What a sheet of samples shows, a sentence for the page of a run. */
    default String caption() {
        return "Drawn by the model from noise that never changes, with the averaged weights where the recipe averages.";
    }

    /** Items that fill a sheet as wide as so many pictures. */
    default int fills(int columns) { return columns * columns; }

    /** Suffix of the file that a sheet is written to: ".png", or ".txt" for one of text. */
    default String suffix() { return ".png"; }

    /** All items on one sheet. @param columns items in a row, for those that are laid out in rows */
    Sheet sheet(DataSpec spec, Tensor x, int columns, String title);

    /** Rows of as many items each, by their titles: originals above their reconstructions. Empty where that shows nothing. */
    default Optional<Sheet> rows(DataSpec spec, Map<String, Tensor> rows) { return Optional.empty(); }

    /** Each item by itself; empty where one alone shows nothing. */
    default List<Sheet> each(DataSpec spec, Tensor x) { return List.of(); }

    /**
     * Each item by itself in every form there is, the one to look at first: of a score its roll, its notes and its sound. A form is known
     * by its suffix.
     */
    default List<List<Sheet>> forms(DataSpec spec, Tensor x) { return each(spec, x).stream().map(List::of).toList(); }

    /** Suffixes of those forms, in their order. */
    default List<String> endings() { return List.of(suffix()); }

    /** Suffixes of the files in which items move, ".gif" first; none where they stand still. */
    default List<String> moving() { return List.of(); }

    /** All items side by side in one file that moves. @param suffix of {@link #moving} */
    default Sheet film(DataSpec spec, Tensor x, int columns, String suffix) {
        throw new ArgumentException(items() + " do not move");
    }

    /** The numbers of one item [1, ...shape] that stand out, in a line; empty where they mean nothing to a person. */
    default String describe(DataSpec spec, Tensor x) { return ""; }

    /** Suffix of the file that {@link #table} writes, ".csv"; empty where there is none. */
    default Optional<String> tableSuffix() { return Optional.empty(); }

    /**
     * Writes every number of every item in its own units.
     *
     * @param label name of a last column for the classes
     * @param classes of each item; empty for no such column
     */
    default void table(DataSpec spec, Tensor x, Path file, String label, List<String> classes) throws IOException {
        throw new ArgumentException(items() + " have no table");
    }
}
