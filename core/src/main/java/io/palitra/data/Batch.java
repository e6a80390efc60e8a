package io.palitra.data;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Tensor;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a step sees: items x [B,...] (pictures as floats in [-1,1], points as they are), their classes I64 [B] where the data has labels
 * (-1 for an item of no class; {@code untold} says how many of those there are), their captions where it has those (otherwise none), their
 * places in the data set (none for items that are of no data set), and the step's number, counted from 0.
 */
public record Batch(Tensor x, @Nullable Tensor labels, List<String> captions, int[] items, long step, int untold) {
    /** Each item of a class, or none. */
    public Batch(Tensor x, @Nullable Tensor labels, List<String> captions, int[] items, long step) {
        this(x, labels, captions, items, step, 0);
    }

    /** Items of no data set, without captions. */
    public Batch(Tensor x, @Nullable Tensor labels, long step) { this(x, labels, List.of(), new int[0], step); }

    /** Number of items, B. */
    public long size() { return x.size(0); }

    /** The n items from {@code from} on. */
    public Batch part(long from, long n) {
        int a = (int) from, b = (int) (from + n);
        return new Batch(x.rows(from, n), labels == null ? null : labels.rows(from, n),
            captions.isEmpty() ? captions : captions.subList(a, b), items.length == 0 ? items : Arrays.copyOfRange(items, a, b), step,
            untold);
    }

    /** The labels of a model that cannot do without; {@code who} is named in the refusal. */
    public Tensor labels(String who) {
        if (labels == null) throw new ArgumentException(who + " wants labelled data, got items without classes");
        if (untold > 0) throw new ArgumentException(who + " wants a class for each item, got " + untold + " of no class in a batch");
        return labels;
    }

    /** The captions of a model that cannot do without; {@code who} is named in the refusal. */
    public List<String> captions(String who) {
        if (captions.isEmpty()) throw new ArgumentException(who + " wants pictures with captions, got items without");
        return captions;
    }
}
