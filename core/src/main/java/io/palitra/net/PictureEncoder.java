package io.palitra.net;

import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.nn.Conv2d;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/** Pictures to a lower resolution (Esser et al. 2021, arXiv:2012.09841). x [B,in,H,W] to [B,out,H/f,W/f], rounded down. */
final class PictureEncoder extends Module {
    static final double EPS = 1e-6;

    private final Conv2d convIn;
    private final List<UnetLevel> downs = new ArrayList<>();
    private final UnetMiddle middle;
    private final Norm.Group normOut;
    private final Conv2d convOut;

    PictureEncoder(CoderConfig config, int out, Rng rng) {
        List<Integer> channels = config.blockOutChannels();
        int n = channels.size(), first = channels.get(0), last = channels.get(n - 1);
        ResnetBlock.Style style = new ResnetBlock.Style(0, false, config.normNumGroups(), EPS, config.actFn(), 0, 1, 0);
        convIn = child("conv_in", new Conv2d(config.inChannels(), first, 3, 1, 1, rng));
        for (int i = 0; i < n; i++) {
            int own = channels.get(i);
            int[] in = UnetLevel.inputs(i == 0 ? first : channels.get(i - 1), own, config.layersPerBlock());
            UnetLevel level = child("down_blocks." + i,
                new UnetLevel(in, own, style, attention(config.downBlockTypes().get(i), own, style, rng), rng));
            if (i < n - 1) level.down(own, false, 0, style, rng);
            downs.add(level);
        }
        middle = child("mid_block", middle(config, style, rng));
        normOut = child("conv_norm_out", new Norm.Group(config.normNumGroups(), last, EPS));
        convOut = child("conv_out", new Conv2d(last, out, 3, 1, 1, rng));
    }

    /** All channels are one head. */
    static @Nullable IntFunction<SelfAttention> attention(CoderConfig.Block kind, int channels, ResnetBlock.Style style, Rng rng) {
        return kind == CoderConfig.Block.PLAIN ? null : i -> new SelfAttention(channels, channels, style.groups(), style, rng);
    }

    static UnetMiddle middle(CoderConfig config, ResnetBlock.Style style, Rng rng) {
        int channels = config.blockOutChannels().get(config.blockOutChannels().size() - 1);
        return new UnetMiddle(channels, true, style,
            config.midBlockAddAttention() ? () -> new SelfAttention(channels, channels, style.groups(), style, rng) : null, rng);
    }

    Tensor forward(Tensor x) {
        return Scope.run(() -> {
            Tensor h = convIn.forward(x);
            for (UnetLevel level : downs) h = level.spend(h, null);
            return convOut.forward(normOut.forward(middle.forward(h, null, null, null)).siluOver());
        });
    }
}
