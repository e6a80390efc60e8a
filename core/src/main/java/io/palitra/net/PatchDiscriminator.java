package io.palitra.net;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.nn.Conv2d;
import io.palitra.nn.Init;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import java.util.ArrayList;
import java.util.List;

/**
 * Scores overlapping patches of a picture, high for real ones: filters of 4x4 and leaky ReLU, of stride 2 {@code layers} times and then
 * twice of stride 1; channels double up to eightfold. Isola et al. 2017, arXiv:1611.07004, section 6.1.2; with norms of groups in place of
 * batches, so that a score does not depend on the other pictures.
 */
public final class PatchDiscriminator extends Module {
    private static final int GROUPS = 8;
    private static final double SLOPE = 0.2;

    private final List<Conv2d> convs = new ArrayList<>();
    private final List<Norm.Group> norms = new ArrayList<>();   // of all convolutions but the first and the last

    /** @param width channels after the first convolution, a multiple of 8 */
    public PatchDiscriminator(int in, int width, int layers, Rng rng) {
        if (width % GROUPS != 0) throw new ArgumentException("illegal width: " + width + ", must be a multiple of " + GROUPS);
        int from = in;
        for (int i = 0; i <= layers; i++) {
            int to = width * Math.min(8, 1 << i);
            convs.add(child("convs." + i, new Conv2d(from, to, 4, i < layers ? 2 : 1, 1, Init.DCGAN, i == 0, rng)));
            if (i > 0) norms.add(child("norms." + (i - 1), new Norm.Group(GROUPS, to, 1e-5)));
            from = to;
        }
        convs.add(child("convs." + (layers + 1), new Conv2d(from, 1, 4, 1, 1, Init.DCGAN, true, rng)));
    }

    /** The least side of a picture that gives a score. */
    public static int side(int layers) { return 3 << layers; }

    /** x [B,C,H,W] to scores [B,1,h,w]. */
    public Tensor forward(Tensor x) {
        return Scope.run(() -> {
            Tensor h = convs.get(0).forward(x).leakyReluOver(SLOPE);
            for (int i = 0; i < norms.size(); i++) h = norms.get(i).forward(convs.get(i + 1).forward(h)).leakyReluOver(SLOPE);
            return convs.get(convs.size() - 1).forward(h);
        });
    }
}
