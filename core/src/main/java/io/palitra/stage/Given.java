package io.palitra.stage;

import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.jspecify.annotations.Nullable;

/**
 * What a denoising network is given beside noisy items and their times.
 *
 * @param labels classes I64 [B], the last of which stands for none; null for a network of no classes
 * @param text a vector for each token of a text, [B,L,D]; null for a network of no texts
 * @param mask of the tokens, [B,L], 0 = not attended to; null where all are
 * @param beside channels [B,c,H,W] beside the noisy items; null for none
 */
public record Given(@Nullable Tensor labels, @Nullable Tensor text, @Nullable Tensor mask, @Nullable Tensor beside) {
    /** Nothing. */
    public static final Given NOTHING = new Given(null, null, null, null);

    /** Classes. */
    public static Given classes(Tensor labels) { return new Given(labels, null, null, null); }

    /** Texts. */
    public static Given texts(ReadsTexts.States of) { return new Given(null, of.tokens(), of.mask(), null); }

    /** That of these items, and then that of as many others. */
    public Given and(Given more) {
        return new Given(joined(labels, more.labels), joined(text, more.text), joined(mask, more.mask), joined(beside, more.beside));
    }

    /** The same, and these channels. */
    public Given with(@Nullable Tensor channels) { return new Given(labels, text, mask, channels); }

    private static @Nullable Tensor joined(@Nullable Tensor a, @Nullable Tensor b) {
        return a == null || b == null ? null : Torch.cat(0, a, b);
    }
}
