package io.palitra.family;

import io.palitra.model.Family;
import io.palitra.paint.LoraTuning;
import java.util.List;

/** The catalogue. A new family is one file beside this one, and one line here. */
public final class Families {
    public static final List<Family<?>> ALL = List.of(Ae.FAMILY, Vae.FAMILY, VqVae.FAMILY, VqGan.FAMILY, Gan.FAMILY, PixelCnn.FAMILY,
        RealNvp.FAMILY, Ebm.FAMILY, Diffusion.FAMILY, Classifier.FAMILY, Tokens.FAMILY, Dalle.FAMILY, ClipTraining.FAMILY,
        LoraTuning.FAMILY);

    private Families() {}

    /** The family of that name; an unknown one is refused with the names there are. */
    public static Family<?> named(String name) {
        for (Family<?> f : ALL) if (f.name().equals(name)) return f;
        throw new IllegalArgumentException("no family '" + name + "'; there are "
            + String.join(", ", ALL.stream().map(Family::name).toList()));
    }
}
