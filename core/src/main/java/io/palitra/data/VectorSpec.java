package io.palitra.data;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.engine.DType;
import java.util.List;

/** Points [D] of floats. Those of a table are its columns, made standard: (value - mean) / deviation. */
public record VectorSpec(
        @Help("numbers of a point, D") int size,
        @Help("classes, 0 = the points have no labels") int classes,
        @Help("names of a table's columns; none where the numbers have no names and stand as they are") List<String> columns,
        @Help("means of the columns in the rows for training") List<Double> means,
        @Help("standard deviations of the columns there, 1 for a column that never changes") List<Double> deviations) implements DataSpec {
    private static final int LARGEST = 1 << 20;

    public VectorSpec {
        columns = List.copyOf(columns);
        means = List.copyOf(means);
        deviations = List.copyOf(deviations);
        if (size < 1 || size > LARGEST) {
            throw new ArgumentException("illegal size: " + size + ", must be between 1 and " + LARGEST);
        }
        DataSpec.checkClasses(classes);
        int named = columns.size();
        if (named != 0 && named != size || means.size() != named || deviations.size() != named) {
            throw new ArgumentException("illegal columns: " + named + ", means: " + means.size() + ", deviations: "
                + deviations.size() + ", must be " + size + " each, or none");
        }
        for (double v : deviations) if (!(v > 0)) throw new ArgumentException("illegal deviation: " + v + ", must be above 0");
    }

    /** Numbers without names, as they are. */
    public VectorSpec(int size, int classes) { this(size, classes, List.of(), List.of(), List.of()); }

    @Override public long[] shape() { return new long[] {size}; }

    /** "points of 2 numbers, 25 classes", "rows of 8 columns". */
    @Override public String toString() {
        return (columns.isEmpty() ? "points of " + size + (size == 1 ? " number" : " numbers")
            : "rows of " + size + (size == 1 ? " column" : " columns") + " (" + String.join(", ", columns) + ")")
            + DataSpec.classesInWords(classes);
    }

    /** A deviation of each column, of a table. */
    @Override public String unit() { return columns.isEmpty() ? "data units" : "deviations of the columns"; }

    @Override public VectorSpec withClasses(int classes) { return new VectorSpec(size, classes, columns, means, deviations); }

    @Override public DType stored() { return DType.F32; }
}
