package io.palitra.stage;

import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Build;
import io.palitra.model.GenerativeModel;
import io.palitra.model.ModelRef;
import java.util.List;
import java.util.Map;

/**
 * A run whose pictures the next stage of a cascade enlarges. What that stage is given is the smaller picture, enlarged and noisy at a level
 * that it is given, too: noise-conditioning augmentation, Ho et al. 2022, arXiv:2106.15282, section 4; Saharia et al. 2022,
 * arXiv:2205.11487, section 2.4.
 */
public final class LowerStage {
    private final GenerativeModel<?> model;
    private final ImageSpec image;
    private final int factor;

    /**
     * @param where of config key {@code above}; it is not empty
     * @throws IllegalArgumentException for a run of pictures that are not smaller by a whole number
     */
    LowerStage(String where, ImageSpec image, Build with) {
        ModelRef ref = new ModelRef(where);
        DataSpec low = with.models().items(ref);
        this.image = image;
        boolean fits = low instanceof ImageSpec s && s.channels() == image.channels() && image.height() % s.height() == 0
            && image.width() % s.width() == 0 && image.height() / s.height() == image.width() / s.width() && image.height() > s.height();
        if (!fits) {
            throw new ArgumentException("a stage above '" + where + "', which draws " + low + ", wants pictures of as many channels and a "
                + "whole number of times its sides, at least 2, got " + image + (low instanceof ImageSpec s ? "; data.size="
                + 2 * s.height()
                + " fits" : ""));
        }
        factor = image.height() / ((ImageSpec) low).height();
        model = with.models().open(ref, GenerativeModel.class);
    }

    /** Channels beside the noisy pictures: the smaller picture, and the level of its noise. */
    int channels() { return image.channels() + 1; }

    /** Of training pictures x [B,C,H,W]: each made small, and noise of a level of its own from 0 to 1. */
    Tensor learned(Tensor x, Rng rng) {
        Tensor level = rng.uniform(x.size(0)).to(x.device());
        return beside(Torch.avgPool(x, factor), level, rng.normal(x.size(0), image.channels(), image.height(), image.width())
            .to(x.device()));
    }

    /**
     * Of samples: pictures of the stage below, of what is asked for as far as it takes it.
     *
     * @param keys of its sampling, as {@code guidance=3}
     * @param level of noise that is added, from 0 to 1
     */
    public Tensor drawn(List<String> keys, Condition asked, int count, double level, Rng rng) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Tensor low = sample(model, keys, asked, count, rng.split(1));
            Tensor noise = rng.split(2).normal(count, image.channels(), image.height(), image.width()).to(low.device());
            return scope.keep(beside(low, Torch.full(level, count).to(low.device()), noise));
        }
    }

    private static <S extends Record> Tensor sample(GenerativeModel<S> model, List<String> keys, Condition asked, int count, Rng rng) {
        boolean labels = model.takes().contains(Condition.Kind.LABEL), texts = model.takes().contains(Condition.Kind.TEXT);
        Condition own = new Condition(labels ? asked.labels() : null, texts ? asked.texts() : List.of(), Map.of());
        return model.sample(Config.with(model.samplingDefaults(), keys), own, count, rng);
    }

    /** cos(pi/2 s) low + sin(pi/2 s) noise, and s as a channel: [B,C+1,H,W]. */
    private Tensor beside(Tensor low, Tensor level, Tensor noise) {
        Tensor wide = Torch.bilinear(low, image.height(), image.width()), angle = level.mul(Math.PI / 2).broadcastTo(4);
        Tensor map = level.broadcastTo(4).expand(low.size(0), 1, image.height(), image.width());
        return Torch.cat(1, wide.mul(angle.cos()).add(noise.mul(angle.sin())), map);
    }
}
