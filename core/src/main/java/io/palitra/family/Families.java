package io.palitra.family;

import io.palitra.config.ArgumentException;
import io.palitra.config.InWords;
import io.palitra.model.Family;
import io.palitra.model.FamilyProvider;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;

/** The catalogue. A new family is one file beside this one, and one line here. */
public final class Families {
    private static final List<Family<?>> OWN = List.of(Ae.FAMILY, Vae.FAMILY, VqVae.FAMILY, VqGan.FAMILY, Gan.FAMILY, PixelCnn.FAMILY,
        Progan.FAMILY, StyleGan.FAMILY, RealNvp.FAMILY, Ebm.FAMILY, Diffusion.FAMILY, Consistency.FAMILY, Classifier.FAMILY, Tokens.FAMILY,
        Dalle.FAMILY, ClipTraining.FAMILY, LoraTuning.FAMILY, Prior.FAMILY, Unclip.FAMILY, Flamingo.FAMILY, LstmText.FAMILY, Gpt.FAMILY,
        Mdlm.FAMILY,
        MusicTransformer.FAMILY, MuseGan.FAMILY);

    private Families() {}

    /** The project's own, then those of every {@link FamilyProvider}. */
    public static List<Family<?>> all() {
        List<Family<?>> all = new ArrayList<>(OWN);
        for (FamilyProvider p : ServiceLoader.load(FamilyProvider.class)) all.addAll(p.families());
        return List.copyOf(all);
    }

    /** The family of that name; an unknown one is refused with the names there are. */
    public static Family<?> named(String name) {
        for (Family<?> f : all()) if (f.name().equals(name)) return f;
        List<String> known = all().stream().map(Family::name).toList();
        throw new ArgumentException("no family '" + name + "'; there are " + InWords.list(known) + InWords.didYouMean(name, known));
    }

    /** The family that such a config is of. @throws IllegalArgumentException when it is of none */
    public static Family<?> of(Record config) {
        for (Family<?> f : all()) if (f.defaults().getClass() == config.getClass()) return f;
        throw new ArgumentException("no family has a config of this kind; there are " + String.join(", ", all().stream()
            .map(Family::name).toList()));
    }
}
