package io.palitra.metric;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.model.TextImage;
import java.util.List;

/**
 * How well pictures fit their texts: 2.5 max(cos, 0) on the sphere of a CLIP. Hessel et al. 2021, arXiv:2104.08718. Scores by one network
 * cannot be compared with those by another. Texts are taken as they are, without the paper's "A photo depicts".
 */
public final class ClipScore {
    private static final double WEIGHT = 2.5;

    private ClipScore() {}

    /** Points [N,P] of length 1, picture i with text i, to [N] in [0,2.5]. */
    public static Tensor of(Tensor pictures, Tensor texts) {
        return Scope.run(() -> pictures.mul(texts).sum(false, 1).clampMin(0).mul(WEIGHT));
    }

    /** Pictures x [N,1 or 3,H,W] in [-1,1] with a text each, to [N]. */
    public static Tensor of(TextImage model, Tensor x, List<String> texts) {
        if (x.size(0) != texts.size()) throw new ArgumentException(texts.size() + " texts for " + x.size(0) + " pictures");
        return Scope.run(() -> of(model.embedImage(x), model.embedText(texts)));
    }
}
