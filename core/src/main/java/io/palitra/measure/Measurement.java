package io.palitra.measure;

import io.palitra.model.Measure;
import io.palitra.report.Sheet;
import java.util.List;
import java.util.Map;

/** One thing that can be measured of a model on test data. */
public interface Measurement {
    /** What came out: numbers, and sheets to look at by the names of their files, without suffix. */
    record Measured(List<Measure> measures, Map<String, Sheet> sheets) {
        public Measured(List<Measure> measures) { this(measures, Map.of()); }
    }

    /** Whether it says anything of this model on these data. */
    boolean fits(Subject of);

    /**
     * Checks, where it fits, what was asked for; called for every measurement before the first begins, in a scope.
     *
     * @throws IllegalArgumentException for what was asked of a model or of data that cannot be measured so
     */
    default void refuseUnfit(Subject of) {}

    /** Called where it fits, without recording, in evaluation mode, in a scope. Waits for the device. */
    Measured of(Subject of);
}
