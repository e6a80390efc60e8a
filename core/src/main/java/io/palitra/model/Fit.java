package io.palitra.model;

import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import java.util.List;
import java.util.function.Predicate;

/**
 * The defaults of a family on data of a kind that its usual ones do not fit.
 *
 * @param data the kind in words: "pictures in colour"
 * @param of whether data is of the kind
 * @param keys overrides of the family's defaults, {@code key=value}
 */
public record Fit(String data, Predicate<DataSpec> of, List<String> keys) {
    public Fit { keys = List.copyOf(keys); }

    /** On pictures of three channels. */
    public static Fit colour(String... keys) {
        return new Fit("pictures in colour", s -> s instanceof ImageSpec image && image.channels() > 1, List.of(keys));
    }

    /** On all that is no picture. */
    public static Fit points(String... keys) { return new Fit("points and tables", s -> !(s instanceof ImageSpec), List.of(keys)); }
}
