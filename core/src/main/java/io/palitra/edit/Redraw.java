package io.palitra.edit;

import io.palitra.config.ConfigException;
import io.palitra.diffusion.Denoiser;
import io.palitra.diffusion.Inpainting;
import io.palitra.diffusion.Level;
import io.palitra.diffusion.LevelTable;
import io.palitra.diffusion.Sampler;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Drawing;
import io.palitra.stage.ByDenoising;
import io.palitra.stage.DenoisingModel;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Pictures changed by a model that draws along noise levels. Sampling begins at the noised picture in the middle of the way (Meng et al.
 * 2022, arXiv:2108.01073, algorithm 1), keeps what a mask leaves out ({@link Inpainting}), or is gone on with by another model from a time
 * on.
 */
public final class Redraw {
    /** A model, and how it draws. */
    private record Way<S extends Record>(Drawing<S> drawing, ByDenoising<S> by) {
        @SuppressWarnings("unchecked") static <S extends Record> Way<S> of(Drawing<S> drawing, String key, String name) {
            return new Way<>(drawing, (ByDenoising<S>) drawing.model().as(ByDenoising.class).orElseThrow(() -> new ConfigException(key,
                "'" + name + "' does not draw along noise levels by itself: its way cannot begin in the middle, be masked or be gone on "
                    + "with by another run; diffusion, without above, and consistency do")));
        }

        DenoisingModel model() { return by.denoising(); }

        Sampler sampler() { return by.sampler(drawing.how()); }

        Denoiser denoiser(int n, Rng rng) { return by.denoiser(drawing.how(), drawing.asked().condition(n), n, rng); }
    }

    private final Way<?> first;
    private @Nullable Way<?> next;
    private double time;

    /**
     * By this model.
     *
     * @param name of its run, for the message
     * @throws ConfigException for one that draws otherwise
     */
    public Redraw(Drawing<?> drawing, String name) { first = Way.of(drawing, "run", name); }

    /**
     * The same, gone on with by another model.
     *
     * @param name of its run, for the message
     * @param from the training time, 0 = clean data, from which on it draws
     * @throws ConfigException for one that has other levels or draws other items
     */
    public Redraw then(Drawing<?> other, String name, double from) {
        Way<?> way = Way.of(other, "switchTo", name);
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            long[] ours = first.model().noise(1, new Rng(0)).shape(), theirs = way.model().noise(1, new Rng(0)).shape();
            String why = !Arrays.equals(ours, theirs) ? "it draws " + shown(theirs) + ", the first one " + shown(ours)
                : !same(first.model().table(), way.model().table()) ? "it was trained on other noise levels" : "";
            if (!why.isEmpty()) throw new ConfigException("switchTo", "'" + name + "' cannot go on: " + why);
        }
        next = way;
        time = from;
        return this;
    }

    private static String shown(long[] shape) { return Arrays.toString(Arrays.copyOfRange(shape, 1, shape.length)); }

    private static boolean same(LevelTable a, LevelTable b) {
        boolean same = a.size() == b.size();
        for (int t = 0; same && t < a.size(); t++) same = a.at(t).equals(b.at(t));
        return same;
    }

    /**
     * A picture drawn anew.
     *
     * @param picture [1,C,H,W] in [-1,1]
     * @param drawn [1,1,H,W], 1 where it is drawn, 0 where it stays bit for bit; null = all is drawn
     * @param strength 0 = left as it is, 1 = drawn from noise
     * @return [n,C,H,W]
     */
    public Tensor of(Tensor picture, @Nullable Tensor drawn, double strength, int n, Rng rng) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Sampler sampler = first.sampler();
            List<Level> levels = sampler.levels(first.model().table());
            int steps = levels.size() - 1, skipped = steps - (int) Math.min(steps * strength, steps);
            Tensor z = first.model().noise(n, rng), known = first.model().clean(picture);
            Tensor mask = drawn == null ? null : coarse(drawn, known);
            Tensor x = skipped == 0 ? z : levels.get(skipped).noised(known, z);
            int turn = turn(levels, skipped);
            x = sampler.sample(masked(first.denoiser(n, rng), known, mask), x, levels.subList(skipped, turn + 1), rng::normalLike);
            if (next != null && turn < steps) {
                x = sampler.sample(masked(next.denoiser(n, rng), known, mask), x, levels.subList(turn, steps + 1), rng::normalLike);
            }
            Tensor made = first.model().pictures(x);
            return scope.keep(drawn == null ? made : made.where(drawn.gt(0), picture).contiguous());
        }
    }

    /** The place of the first level at which the next model draws; the last of all where none does. */
    private int turn(List<Level> levels, int from) {
        int last = levels.size() - 1;
        for (int i = from; next != null && i < last; i++) if (levels.get(i).t() <= time) return i;
        return last;
    }

    private static Denoiser masked(Denoiser of, Tensor known, @Nullable Tensor mask) {
        return mask == null ? of : new Inpainting(of, known, mask);
    }

    /** A latent is drawn where any of its pixels is. */
    private static Tensor coarse(Tensor drawn, Tensor known) {
        long factor = drawn.size(3) / known.size(3);
        return factor == 1 ? drawn : Torch.maxPool(drawn, (int) factor);
    }
}
