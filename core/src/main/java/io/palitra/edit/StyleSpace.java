package io.palitra.edit;

import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.LatentModel;
import io.palitra.model.Styles;

/**
 * The space W of a generator with styles, as codes: a code [W] is one style, which every layer reads. Paths are straight, since the mapping
 * network has taken the sphere of noise apart (Karras et al. 2019, arXiv:1812.04948, section 4).
 *
 * @param classes of the model, 0 = none
 * @param label class of what is drawn, -1 = one for each code
 */
public record StyleSpace(Styles styles, int classes, int label) implements LatentModel {
    @Override public Tensor prior(int n, Rng rng) {
        Tensor z = rng.normal(n, styles.latent());
        Tensor kinds = classes == 0 ? null
            : label < 0 ? rng.integers(classes, n) : Torch.full(label, n).to(DType.I64).to(z.device());
        return styles.styles(z, kinds, 1, 0).select(1, 0);   // [n,L,W], all L the same
    }

    @Override public Tensor decode(Tensor w) {
        return styles.draw(w.unsqueeze(1).expand(w.size(0), styles.layers(), styles.width()).contiguous(), styles.noise()).clamp(-1, 1);
    }

    @Override public boolean normalPrior() { return false; }

    /** What truncation moves to: the mean over all noise, or, of one class, over {@code draws} codes. [1,W] */
    public Tensor middle(int draws, Rng rng) {
        return label < 0 ? styles.meanStyle().reshape(1, -1) : prior(draws, rng).mean(true, 0);
    }
}
