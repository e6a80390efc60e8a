package io.palitra.edit;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.LatentModel;
import io.palitra.model.Watcher;
import java.util.ArrayList;
import java.util.List;

/**
 * The directions of a latent space along which items change most: the decoder is fitted by a linear one, x = W z + b, by least squares over
 * draws of the prior, and these are the right singular vectors of W. Numbers of a code that are a class stay as they are.
 *
 * @param axes of length 1, the one of most change first, [K][Z]
 * @param spreads standard deviation of the prior's codes along each
 */
public record Directions(List<float[]> axes, double[] spreads) {
    /** Draws by which the fit is made: four for each number of a code, within these. */
    private static final int FEWEST = 256, MOST = 2048, AT_ONCE = 64;
    /** The longest code whose directions are found. */
    public static final int LONGEST = 1024;

    /** Of styles the directions of most variance, else {@link #of}. */
    public static Directions most(LatentModel model, int count, Rng rng, Watcher watcher) {
        if (!(model instanceof StyleSpace)) return of(model, count, rng, watcher);
        List<LatentDirections.Direction> found = LatentDirections.principal(model, count, rng, watcher);
        return new Directions(found.stream().map(LatentDirections.Direction::axis).toList(),
            found.stream().mapToDouble(LatentDirections.Direction::spread).toArray());
    }

    /**
     * At most {@code count} of them; fewer where the code has fewer numbers. Ticks by draws.
     *
     * @throws IllegalArgumentException for codes that are no row of at most {@link #LONGEST} numbers
     */
    public static Directions of(LatentModel model, int count, Rng rng, Watcher watcher) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Tensor one = model.prior(1, rng.split(0));
            if (one.dims() != 2 || one.size(1) > LONGEST) {
                throw new ArgumentException("directions are of codes that are a row of at most " + LONGEST + " numbers; one of this run "
                    + "has " + one.numel());
            }
            long d = one.size(1), free = d - model.classNumbers();
            int n = (int) Math.min(MOST, Math.max(FEWEST, 4 * d));
            Tensor codes = model.prior(n, rng.split(1));
            List<Tensor> decoded = new ArrayList<>();
            for (int i = 0; i < n; i += AT_ONCE) {
                watcher.checkStop();
                int at = i, of = Math.min(AT_ONCE, n - i);
                decoded.add(Scope.run(() -> model.decode(codes.rows(at, of)).flatten(1)));
                watcher.tick("directions", i + of, n);
            }
            Tensor z = codes.narrow(1, 0, free), x = Torch.cat(0, decoded);
            Tensor centred = z.sub(z.mean(false, 0)), change = x.sub(x.mean(false, 0));
            Tensor[] spread = Torch.eigh(centred.t().matmul(centred).div(n));   // [free], [free,free]
            Tensor whole = spread[1].matmul(spread[0].clampMin(1e-8).pow(-1).reshape(free, 1).mul(spread[1].t()));
            Tensor w = whole.matmul(centred.t().matmul(change).div(n));   // [free,D], W transposed
            Tensor[] most = Torch.eigh(w.matmul(w.t()));   // ascending
            List<float[]> axes = new ArrayList<>();
            double[] spreads = new double[(int) Math.min(count, free)];
            for (int k = 0; k < spreads.length; k++) {
                Tensor axis = most[1].narrow(1, free - 1 - k, 1);   // [free,1]
                spreads[k] = Math.sqrt(centred.matmul(axis).square().mean().item());
                float[] all = new float[(int) d];
                System.arraycopy(axis.floats(), 0, all, 0, (int) free);
                axes.add(all);
            }
            return new Directions(List.copyOf(axes), spreads);
        }
    }
}
