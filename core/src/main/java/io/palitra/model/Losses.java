package io.palitra.model;

import io.palitra.engine.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;

/** The scalar to descend, and named scalars for the log (detached). */
public record Losses(Tensor total, Map<String, Tensor> parts) {
    /** The loss that is descended, without parts. */
    public static Losses of(Tensor total) { return new Losses(total, Map.of()); }

    /** A part of it that is written beside it, as a number. */
    public Losses with(String name, Tensor part) {
        Map<String, Tensor> more = new LinkedHashMap<>(parts);
        more.put(name, part.detach());
        return new Losses(total, more);
    }
}
