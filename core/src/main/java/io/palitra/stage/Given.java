package io.palitra.stage;

import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.jspecify.annotations.Nullable;

/**
 * What a denoising network is given beside noisy items and their times.
 *
 * @param labels classes I64 [B], the last of which stands for none; null for a network of no classes
 */
public record Given(@Nullable Tensor labels) {
    /** Nothing. */
    public static final Given NOTHING = new Given(null);

    /** That of these items, and then that of as many others. */
    public Given and(Given more) {
        return new Given(labels == null || more.labels == null ? null : Torch.cat(0, labels, more.labels));
    }
}
