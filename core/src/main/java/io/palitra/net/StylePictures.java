package io.palitra.net;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.nn.Module;
import java.util.ArrayList;
import java.util.List;

/** The half of a style generator that draws pictures of styles. */
public abstract class StylePictures extends Module {
    /** Styles that it reads, L. */
    public abstract int layers();

    /** The fixed noise of each layer that adds some, [H,W], from the coarsest on. */
    public abstract List<Tensor> noise();

    /** Pictures [B,C,H,W] of styles [B,L,W]. @param noises as {@link #noise}, [H,W] or [B,1,H,W]; empty = none is added */
    public abstract Tensor forward(Tensor ws, List<Tensor> noises);

    /** New noise for each of so many pictures, [B,1,H,W] a layer. */
    public final List<Tensor> drawn(int count, Rng rng) {
        List<Tensor> all = new ArrayList<>();
        for (Tensor n : noise()) all.add(rng.normal(count, 1, n.size(0), n.size(1)).to(n.dtype()));
        return all;
    }

    final List<Tensor> checked(List<Tensor> noises) {
        if (noises.size() != noise().size()) {
            throw new ArgumentException("illegal noise: of " + noises.size() + " layers, must be of none or of " + noise().size());
        }
        return noises;
    }

    /**
     * The sides of the blocks, from the coarsest on: halves of the side down to one of 4 to 7, for powers of two 4.
     *
     * @throws IllegalArgumentException for a side without such halves
     */
    public static List<Integer> sides(int side) {
        if (!sided(side)) {
            throw new ArgumentException("illegal side: " + side + ", must be 4, 5, 6 or 7 doubled some times, such as 28, 32, 40, 48 or "
                + "64");
        }
        List<Integer> all = new ArrayList<>(List.of(side));
        while (all.get(0) > 7) all.add(0, all.get(0) / 2);
        return all;
    }

    /** Whether a side has {@link #sides}. */
    public static boolean sided(int side) {
        int base = side;
        while (base > 7 && base % 2 == 0) base /= 2;
        return base >= 4 && base <= 7;
    }

    /** Sides of 8 or more with blocks, to which such pictures can be brought, for the refusal of these: "data.size=28 fits". */
    public static String fitting(int height, int width) {
        int below = Math.max(8, Math.min(height, width)), above = Math.max(8, Math.max(height, width));
        while (below > 8 && !sided(below)) below--;
        while (!sided(above)) above++;
        return "data.size=" + below + (above > below ? " or data.size=" + above : "") + " fits";
    }
}
