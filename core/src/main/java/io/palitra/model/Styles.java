package io.palitra.model;

import io.palitra.engine.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A generator that draws a picture from one style for each of its layers, w [B,L,W], which a mapping network makes of noise z (Karras et
 * al. 2019, arXiv:1812.04948, section 2). What projects, mixes and moves pictures asks for this.
 */
public interface Styles {
    /** Layers that read a style, L, from the coarsest on. */
    int layers();

    /** Numbers in a style, W. */
    int width();

    /** Numbers in z, Z. */
    int latent();

    /**
     * The styles of z [B,Z]: [B,L,W]. Truncated (section 2 and appendix B): mean + psi (w - mean) in the first {@code cutoff} layers.
     *
     * @param labels classes I64 [B] of a model of classes; null for one without
     * @param truncation psi: 1 = as they are, 0 = the mean style
     * @param cutoff layers that it holds for, 0 = all
     */
    Tensor styles(Tensor z, @Nullable Tensor labels, double truncation, int cutoff);

    /** The mean of w over all z, [W]. */
    Tensor meanStyle();

    /** The fixed noise of each layer that adds some, [H,W] each, from the coarsest on. */
    List<Tensor> noise();

    /**
     * Pictures [B,C,H,W] of styles [B,L,W], about in [-1,1]: what lies beyond is not cut off, so that gradients flow to styles and noise.
     *
     * @param noise of each layer as {@link #noise()} has it, [H,W] or [B,1,H,W]; empty = no noise is added
     */
    Tensor draw(Tensor styles, List<Tensor> noise);
}
