package io.palitra.model;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The smallest configuration of a family that shows all that it does: a dozen steps of it take a second or two. Tests that hold for every
 * family train it.
 *
 * @param data a set of the catalogue
 * @param overrides of the family's keys, and of the reader's, such as {@code data.size=16}
 * @param upon by the key that names it, the family of a model that this one is built upon, or {@link #PAINTER}
 */
public record Tiny(String data, List<String> overrides, Map<String, String> upon) {
    /** A folder of a model that {@code palitra paint} reads. */
    public static final String PAINTER = "a model that paints";

    public Tiny {
        overrides = List.copyOf(overrides);
        upon = new TreeMap<>(upon);
    }

    /** Upon the models of more families. */
    public Tiny upon(String key, String family) {
        Map<String, String> more = new TreeMap<>(upon);
        more.put(key, family);
        return new Tiny(data, overrides, more);
    }
}
