package io.palitra.model;

import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;

/** A model with a space of codes z [B,Z...] behind its data: interpolation and maps walk through it. */
public interface LatentModel {
    /** Codes drawn from the prior, [n,Z...]. */
    Tensor prior(int n, Rng rng);

    /** [B,Z...] to [B, ...data shape]. Without recording, in evaluation mode. */
    Tensor decode(Tensor z);

    /** True when z is standard normal under the prior, so that paths between codes keep to a sphere (slerp); else they are straight. */
    boolean normalPrior();

    /** How many numbers at the end of a code are a class, one-hot; 0 = none. */
    default int classNumbers() { return 0; }
}
