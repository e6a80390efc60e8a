package io.palitra.net;

import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.nn.Conv2d;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The decoder beside a {@link PictureEncoder}. x [B,Z,h,w] to [B,out,f h,f w]. */
final class PictureDecoder extends Module {
    /** Numbers of a level, 64 MiB, from which on freed memory is given back to the system before the next level. */
    private static final long LARGE = 1 << 24;

    private final Conv2d convIn;
    private final UnetMiddle middle;
    private final List<UnetLevel> ups = new ArrayList<>();
    private final PictureNorm normOut;
    private final Conv2d convOut;

    /** @param spatial norms are modulated by the latent picture */
    PictureDecoder(CoderConfig config, boolean spatial, Rng rng) {
        List<Integer> channels = config.blockOutChannels();
        int n = channels.size(), first = channels.get(0), last = channels.get(n - 1), latent = config.latentChannels();
        ResnetBlock.Style style = new ResnetBlock.Style(0, false, config.normNumGroups(), PictureEncoder.EPS, config.actFn(), 0, 1,
            spatial ? latent : 0);
        convIn = child("conv_in", new Conv2d(latent, last, 3, 1, 1, rng));
        middle = child("mid_block", PictureEncoder.middle(config, style, rng));
        for (int i = 0; i < n; i++) {
            int own = channels.get(n - 1 - i);
            int[] in = UnetLevel.inputs(i == 0 ? last : channels.get(n - i), own, config.layersPerBlock() + 1);
            UnetLevel level = child("up_blocks." + i,
                new UnetLevel(in, own, style, PictureEncoder.attention(config.upBlockTypes().get(i), own, style, rng), rng));
            if (i < n - 1) level.up(own, false, style, rng);
            ups.add(level);
        }
        if (spatial) {
            normOut = child("conv_norm_out", new SpatialNorm(first, latent, rng));
        } else {
            Norm.Group group = child("conv_norm_out", new Norm.Group(config.normNumGroups(), first, PictureEncoder.EPS));
            normOut = (x, z) -> group.forward(x);
        }
        convOut = child("conv_out", new Conv2d(first, config.outChannels(), 3, 1, 1, rng));
    }

    /** z [B,Z,h,w] for spatial norms. */
    Tensor forward(Tensor x, @Nullable Tensor z) {
        return Scope.run(() -> {
            Tensor h = middle.forward(convIn.forward(x), z, null, null);
            for (UnetLevel level : ups) {
                h = level.spend(h, z);
                if (h.numel() > LARGE) Scope.trim();
            }
            Tensor normed = normOut.forward(h, z);
            h.free();
            return convOut.forward(normed.siluOver());
        });
    }
}
