package io.palitra.data;

import io.palitra.engine.Tensor;
import java.util.Arrays;

/**
 * What a step sees.
 *
 * @param x items [B,...]: pictures as floats in [-1,1], points as they are
 * @param given their classes, where the data has labels, and their captions, where it has those
 * @param items their places in the data set; none for items that are of no data set
 */
public record Batch(Tensor x, Condition given, int[] items) {
    /** Items of no data set. */
    public Batch(Tensor x, Condition given) { this(x, given, new int[0]); }

    /** Items of no data set, of which nothing else is known. */
    public Batch(Tensor x) { this(x, Condition.NONE); }

    /** Number of items, B. */
    public long size() { return x.size(0); }

    /** The n items from {@code from} on. */
    public Batch part(long from, long n) {
        return new Batch(x.rows(from, n), given.rows(from, n), items.length == 0 ? items : Arrays.copyOfRange(items, (int) from,
            (int) (from + n)));
    }
}
