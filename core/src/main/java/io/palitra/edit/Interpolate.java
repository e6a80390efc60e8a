package io.palitra.edit;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.LatentModel;
import java.util.ArrayList;
import java.util.List;

/** Paths between codes. */
public final class Interpolate {
    private static final int AT_ONCE = 64;

    private Interpolate() {}

    /**
     * Spherical interpolation (Shoemake 1985): t of the way from a to b along the great circle, item by item, so that a path between normal
     * codes keeps to lengths that the model has seen. Straight where the two are parallel. a, b [B,Z...], t in [0,1].
     */
    public static Tensor slerp(Tensor a, Tensor b, double t) {
        Tensor u = a.div(norm(a)), v = b.div(norm(b));
        Tensor cos = u.mul(v).sumPerItem().clamp(-1, 1);
        double[] c = cos.doubles();
        double[] wa = new double[c.length], wb = new double[c.length];
        for (int i = 0; i < c.length; i++) {
            double omega = Math.acos(c[i]), sin = Math.sin(omega);
            wa[i] = sin < 1e-6 ? 1 - t : Math.sin((1 - t) * omega) / sin;
            wb[i] = sin < 1e-6 ? t : Math.sin(t * omega) / sin;
        }
        return a.mul(weights(wa, a)).add(b.mul(weights(wb, b)));
    }

    private static Tensor norm(Tensor a) { return a.square().sumPerItem().sqrt().clampMin(1e-12).broadcastTo(a.dims()); }

    private static Tensor weights(double[] w, Tensor like) {
        return Torch.of(w, w.length).to(like.dtype()).to(like.device()).broadcastTo(like.dims());
    }

    /** Straight where the prior is not normal, else {@link #slerp}. */
    public static Tensor between(LatentModel model, Tensor a, Tensor b, double t) {
        return model.normalPrior() ? slerp(a, b, t) : a.lerp(b, t);
    }

    /** {@code steps} decoded items from a to b, both ends included: a, b [1,Z...], result [steps, ...data shape]. */
    public static Tensor path(LatentModel model, Tensor a, Tensor b, int steps) {
        if (steps < 2) throw new ArgumentException("illegal steps: " + steps + ", must be at least 2");
        return Scope.run(() -> {
            List<Tensor> codes = new ArrayList<>();
            for (int i = 0; i < steps; i++) codes.add(between(model, a, b, i / (steps - 1.0)));
            return decoded(model, codes);
        });
    }

    /** side x side decoded items with the four corners' codes in the corners: corners [4,Z...], row by row. */
    public static Tensor grid(LatentModel model, Tensor corners, int side) {
        if (corners.size(0) != 4) throw new ArgumentException("grid wants [4,Z...], got " + corners);
        if (side < 2) throw new ArgumentException("illegal side: " + side + ", must be at least 2");
        return Scope.run(() -> {
            List<Tensor> codes = new ArrayList<>();
            for (int r = 0; r < side; r++) {
                double v = r / (side - 1.0);
                Tensor left = between(model, corners.rows(0, 1), corners.rows(2, 1), v);
                Tensor right = between(model, corners.rows(1, 1), corners.rows(3, 1), v);
                for (int c = 0; c < side; c++) codes.add(between(model, left, right, c / (side - 1.0)));
            }
            return decoded(model, codes);
        });
    }

    /** Some at once; between them a watcher of this thread may end it. */
    private static Tensor decoded(LatentModel model, List<Tensor> codes) {
        List<Tensor> parts = new ArrayList<>();
        for (int i = 0; i < codes.size(); i += AT_ONCE) {
            Tensor some = Torch.cat(0, codes.subList(i, Math.min(i + AT_ONCE, codes.size())));
            parts.add(Scope.run(() -> model.decode(some)));
            Scope.part();
        }
        return Torch.cat(0, parts);
    }
}
