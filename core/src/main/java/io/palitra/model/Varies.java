package io.palitra.model;

import io.palitra.engine.Tensor;
import java.util.List;

/**
 * A model that draws pictures near points of a CLIP: variations of a picture, mixtures of two, changes by words. What it draws is given as
 * {@link io.palitra.data.Condition#beside}, by {@link #POINT} and {@link #NOISE}.
 */
public interface Varies {
    /** The key of points that pictures are drawn near, [B,P]. */
    String POINT = "point";
    /** The key of the noise that pictures are drawn from, [B,C,H,W]; drawn where it is not given. */
    String NOISE = "noise";

    /** Points of pictures [B,C,H,W] in [-1,1], of length 1, [B,P]. */
    Tensor points(Tensor pictures);

    /** Points of texts, of length 1, [T,P]. */
    Tensor pointsOf(List<String> texts);

    /** The noise [B,C,H,W] from which a sampler without fresh noise draws pictures near these points again, nearly. */
    Tensor noise(Tensor pictures, Tensor points);
}
