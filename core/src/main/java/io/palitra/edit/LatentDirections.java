package io.palitra.edit;

import io.palitra.config.ArgumentException;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.LatentModel;
import io.palitra.model.Watcher;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Directions in a space of codes: of styles those of most variance (Härkönen et al. 2020, arXiv:2004.02546, section 2.1), and those along
 * which something that is measured of the pictures grows (as Shen et al. 2020, arXiv:1907.10786, find them).
 */
public final class LatentDirections {
    private static final int DRAWS = 10_000, AT_ONCE = 100;
    /** Held against the squares of weights, of squares of 1: keeps directions of little variance out. */
    private static final double RIDGE = 1e-3;

    private LatentDirections() {}

    /**
     * A direction.
     *
     * @param axis of length 1, [D]; 0 for numbers of a code that are a class
     * @param spread standard deviation of codes along it
     * @param share of a principal direction: of all variance; of a measured one: R^2, the share of the measure's variance that a line along
     *     it says; NaN where it is not known
     */
    public record Direction(String name, float[] axis, double spread, double share) {}

    /**
     * The {@code count} of most change, or as many as a code has numbers: "1", "2" and so on. Of styles those of most variance, else what
     * {@link Directions} finds. Ticks by draws.
     */
    public static List<Direction> principal(LatentModel space, int count, Rng rng, Watcher watcher) {
        if (space instanceof StyleSpace styles) return principal(styles, count, rng, watcher);
        Directions most = Directions.of(space, count, rng, watcher);
        List<Direction> found = new ArrayList<>();
        for (int k = 0; k < most.spreads().length; k++) {
            found.add(new Direction(String.valueOf(k + 1), most.axes().get(k), most.spreads()[k], Double.NaN));
        }
        return found;
    }

    private static List<Direction> principal(StyleSpace space, int count, Rng rng, Watcher watcher) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Tensor w = draws(space, DRAWS, rng, watcher, "styles");   // F64
            Tensor centred = w.sub(w.mean(true, 0));
            Tensor[] eig = Torch.eigh(centred.t().matmul(centred).div(DRAWS - 1));   // ascending
            double[] variances = eig[0].doubles();
            double all = Arrays.stream(variances).map(v -> Math.max(0, v)).sum();
            List<Direction> found = new ArrayList<>();
            int width = variances.length;
            for (int k = 0; k < Math.min(count, width); k++) {
                double variance = Math.max(0, variances[width - 1 - k]);
                found.add(new Direction(String.valueOf(k + 1), signed(eig[1].select(1, width - 1 - k).floats()), Math.sqrt(variance),
                    all > 0 ? variance / all : 0));
            }
            return found;
        }
    }

    /** An axis has two ends: the number that is farthest from 0 is above it. */
    private static float[] signed(float[] axis) {
        float most = 0;
        for (float v : axis) if (Math.abs(v) > Math.abs(most)) most = v;
        if (most < 0) for (int i = 0; i < axis.length; i++) axis[i] = -axis[i];
        return axis;
    }

    private static Tensor draws(LatentModel space, int n, Rng rng, Watcher watcher, String what) {
        List<Tensor> parts = new ArrayList<>();
        for (int i = 0; i < n; i += AT_ONCE) {
            watcher.checkStop();
            Rng from = rng.at(i);
            int some = Math.min(AT_ONCE, n - i);
            parts.add(Scope.run(() -> space.prior(some, from).to(DType.F64)));
            watcher.tick(what, i + some, n);
        }
        return Torch.cat(0, parts);
    }

    /**
     * A direction for each thing that is measured, along which it grows. Ticks by pictures.
     *
     * @param measures by name: pictures [B,C,H,W] to numbers [B]; or, for several at once, to [B,K], with K names
     * @param n pictures that are drawn
     */
    public static List<Direction> measured(LatentModel space, Map<List<String>, Function<Tensor, Tensor>> measures, int n, Rng rng,
            Watcher watcher) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            List<Tensor> codes = new ArrayList<>();
            Map<List<String>, List<Tensor>> seen = new LinkedHashMap<>();
            for (int i = 0; i < n; i += AT_ONCE) {
                watcher.checkStop();
                int some = Math.min(AT_ONCE, n - i);
                Rng from = rng.at(i);
                Tensor w = Scope.run(() -> space.prior(some, from));
                if (w.dims() != 2 || w.size(1) > Directions.LONGEST) {
                    throw new ArgumentException("directions are of codes that are a row of at most " + Directions.LONGEST
                        + " numbers; one of "
                        + "this run has " + w.numel() / some);
                }
                codes.add(w.narrow(1, 0, w.size(1) - space.classNumbers()).to(DType.F64));
                try (Scope turn = new Scope()) {
                    Tensor pictures = space.decode(w);
                    measures.forEach((names, measure) -> seen.computeIfAbsent(names, k -> new ArrayList<>())
                        .add(turn.keep(measure.apply(pictures).to(DType.F64).reshape(some, names.size()))));
                }
                watcher.tick("pictures", i + some, n);
            }
            Tensor w = Torch.cat(0, codes), centred = w.sub(w.mean(true, 0));
            double scale = centred.square().mean().item();
            Tensor covariance = centred.t().matmul(centred).div(n);
            Tensor lower = Torch.cholesky(covariance.add(Torch.eye(w.size(1)).to(DType.F64).to(w.device()).mul(RIDGE * scale + 1e-12)));
            List<Direction> found = new ArrayList<>();
            seen.forEach((names, parts) -> {
                Tensor all = Torch.cat(0, parts);   // [n,K]
                for (int k = 0; k < names.size(); k++) {
                    found.add(direction(names.get(k), centred, lower, all.narrow(1, k, 1), space.classNumbers()));
                }
            });
            return found;
        }
    }

    /** The slope of the line of least squares. */
    private static Direction direction(String name, Tensor centred, Tensor lower, Tensor measure, int classes) {
        try (Scope scope = new Scope()) {
            Tensor y = measure.sub(measure.mean());
            Tensor slope = solved(lower, centred.t().matmul(y).div(centred.size(0)));   // [W,1]
            double length = Math.sqrt(slope.square().sum().item());
            Tensor axis = length > 0 ? slope.div(length) : slope;
            double spread = Math.sqrt(centred.matmul(axis).square().mean().item());
            double of = y.square().sum().item(), left = y.sub(centred.matmul(slope)).square().sum().item();
            return new Direction(name, Arrays.copyOf(axis.floats(), (int) axis.numel() + classes), spread, of > 0
                ? Math.max(0, 1 - left / of) : 0);
        }
    }

    /** The solution of L L^T x = b. */
    private static Tensor solved(Tensor lower, Tensor b) {
        // L^T is lower triangular once its rows and columns stand backwards
        Tensor first = Torch.solveLower(lower, b), turned = lower.t().flip(0, 1).contiguous();
        return Torch.solveLower(turned, first.flip(0)).flip(0);
    }
}
