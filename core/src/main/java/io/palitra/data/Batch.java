package io.palitra.data;

import io.palitra.engine.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * What a step sees: items x [B,...] (pictures as floats in [-1,1], points as they are), their classes I64 [B] where the data has labels,
 * and the step's number, counted from 0.
 */
public record Batch(Tensor x, @Nullable Tensor labels, long step) {
    /** Number of items, B. */
    public long size() { return x.size(0); }

    /** The labels of a model that cannot do without; {@code who} is named in the refusal. */
    public Tensor labels(String who) {
        if (labels == null) throw new IllegalArgumentException(who + " wants labelled data, got items without classes");
        return labels;
    }
}
