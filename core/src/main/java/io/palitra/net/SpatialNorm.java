package io.palitra.net;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Conv2d;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import org.jspecify.annotations.Nullable;

/** Group norm whose scale and shift at each pixel come from the latent picture over it. Zheng et al. 2022, arXiv:2209.09002. */
final class SpatialNorm extends Module implements PictureNorm {
    /** diffusers has no other, whatever the network's own norms have. */
    static final int GROUPS = 32;

    private final Norm.Group norm;
    private final Conv2d scale;
    private final Conv2d shift;

    /** @param latent channels of z */
    SpatialNorm(int channels, int latent, Rng rng) {
        norm = child("norm_layer", new Norm.Group(GROUPS, channels, 1e-6));
        scale = child("conv_y", new Conv2d(latent, channels, 1, 1, 0, rng));
        shift = child("conv_b", new Conv2d(latent, channels, 1, 1, 0, rng));
    }

    /** x [B,C,H,W], z [B,Z,h,w] of any resolution. */
    @Override public Tensor forward(Tensor x, @Nullable Tensor z) {
        if (z == null) throw new ArgumentException("a spatial norm wants a latent picture, got none");
        Tensor over = Torch.nearest(z, x.size(2), x.size(3));
        return norm.forward(x).mul(scale.forward(over)).add(shift.forward(over));
    }
}
