package io.palitra.data;

import java.util.ArrayList;
import java.util.List;

/**
 * Points in two dimensions drawn from distributions of known density, so that a model's density can be compared with the true one. 50,000
 * for training and 10,000 to test; item i is a pure function of (kind, split, i). Coordinates lie about in [-1,1].
 */
public final class Toy implements VectorDataset {
    /** Each is an equal mixture of parts, the classes; a part is a curve or point with normal noise of {@link #deviation}. */
    public enum Kind {
        /** Two half circles of radius 0.6, about (-0.3, -0.15) opening down and (0.3, 0.15) opening up; deviation 0.03. */
        MOONS,
        /** Three circles about the origin of radii 0.3, 0.6 and 0.9; deviation 0.02. */
        RINGS,
        /** 25 points on the 5 x 5 grid of -0.8, -0.4, 0, 0.4, 0.8; deviation 0.02. */
        GAUSSIANS;

        /** Standard deviation of the noise in each coordinate. */
        public double deviation() { return this == MOONS ? 0.03 : 0.02; }

        int parts() { return this == MOONS ? 2 : this == RINGS ? 3 : 25; }
    }

    private static final int TRAIN = 50_000, TEST = 10_000;
    /** Steps of Simpson's rule along an arc, and where it ends: what lies {@code TAIL} nats below the largest value is left out. */
    private static final int STEPS = 512;
    private static final double TAIL = 32;

    private final Kind kind;
    private final Split split;
    private final List<String> names = new ArrayList<>();

    public Toy(Kind kind, Split split) {
        this.kind = kind;
        this.split = split;
        for (int k = 0; k < kind.parts(); k++) names.add(String.valueOf(k));
    }

    public Kind kind() { return kind; }

    @Override public String name() { return "toy-" + kind.name().toLowerCase(java.util.Locale.ROOT); }

    @Override public VectorSpec spec() { return new VectorSpec(2, kind.parts()); }

    @Override public int size() { return split == Split.TRAIN ? TRAIN : TEST; }

    @Override public int label(int i) { return Math.floorMod(i, kind.parts()); }

    @Override public List<String> classNames() { return List.copyOf(names); }

    @Override public void values(int i, float[] out, int offset) {
        if (i < 0 || i >= size()) throw new IndexOutOfBoundsException(name() + " has items 0.." + (size() - 1) + ", asked for " + i);
        double[] at = point(label(i), uniform(i, 0));
        double r = kind.deviation() * Math.sqrt(-2 * Math.log(1 - uniform(i, 1))), a = 2 * Math.PI * uniform(i, 2);
        out[offset] = (float) (at[0] + r * Math.cos(a));
        out[offset + 1] = (float) (at[1] + r * Math.sin(a));
    }

    /** The point of a part before the noise, t in [0,1] of the way along its curve. */
    private double[] point(int part, double t) {
        return switch (kind) {
            case MOONS -> part == 0 ? new double[] {-0.3 + 0.6 * Math.cos(Math.PI * t), -0.15 + 0.6 * Math.sin(Math.PI * t)}
                : new double[] {0.3 + 0.6 * Math.cos(Math.PI * t), 0.15 - 0.6 * Math.sin(Math.PI * t)};
            case RINGS -> new double[] {0.3 * (part + 1) * Math.cos(2 * Math.PI * t), 0.3 * (part + 1) * Math.sin(2 * Math.PI * t)};
            case GAUSSIANS -> new double[] {0.4 * (part % 5) - 0.8, 0.4 * (part / 5) - 0.8};
        };
    }

    /** The centre of each of the 25 Gaussians, (x, y). */
    public static double[][] centres() {
        Toy t = new Toy(Kind.GAUSSIANS, Split.TRAIN);
        double[][] all = new double[25][];
        for (int k = 0; k < 25; k++) all[k] = t.point(k, 0);
        return all;
    }

    /**
     * The log density in nats at a finite point; along arcs by quadrature with a relative error below 1e-6, near or far, else in closed
     * form.
     */
    public double logDensity(double x, double y) {
        int parts = kind.parts();
        double[] log = new double[parts];
        double best = Double.NEGATIVE_INFINITY, s2 = kind.deviation() * kind.deviation();
        for (int part = 0; part < parts; part++) {
            log[part] = switch (kind) {
                case MOONS -> part == 0 ? arc(x + 0.3, y + 0.15, 0.6, true) : arc(x - 0.3, 0.15 - y, 0.6, true);
                case RINGS -> arc(x, y, 0.3 * (part + 1), false);
                case GAUSSIANS -> {
                    double[] c = point(part, 0);
                    yield -((x - c[0]) * (x - c[0]) + (y - c[1]) * (y - c[1])) / (2 * s2);
                }
            };
            best = Math.max(best, log[part]);
        }
        double sum = 0;
        for (double l : log) sum += Math.exp(l - best);
        return best + Math.log(sum / parts) - Math.log(2 * Math.PI * s2);
    }

    /**
     * Log of the mean of exp(-distance^2 / (2 s^2)), s the deviation, from (x, y) to the points of a circle of radius r about the origin,
     * or to those of its upper half. With rho the distance of (x, y) from the origin and d the angle between it and a point of the circle,
     * that is exp(-(rho - r)^2 / (2 s^2)) times the mean of exp(-kappa (1 - cos d)), kappa = rho r / s^2.
     */
    private double arc(double x, double y, double r, boolean half) {
        double rho = Math.hypot(x, y), s2 = kind.deviation() * kind.deviation(), kappa = rho * r / s2;
        double a = Math.abs(Math.atan2(y, x)), nearest = half && y < 0 ? Math.min(a, Math.PI - a) : 0, sum;
        if (!half) sum = integral(kappa, 0, Math.PI, nearest);
        else if (y < 0) sum = integral(kappa, a, Math.PI, nearest) + integral(kappa, Math.PI - a, Math.PI, nearest);
        else sum = integral(kappa, 0, a, nearest) + integral(kappa, 0, Math.PI - a, nearest);
        return Math.log(sum / Math.PI) - kappa * (1 - Math.cos(nearest)) - (rho - r) * (rho - r) / (2 * s2);
    }

    /** The integral of exp(kappa (cos d - cos nearest)) over d from..to within 0..pi, where it falls; Simpson's rule. */
    private static double integral(double kappa, double from, double to, double nearest) {
        double cut = Math.cos(from) - TAIL / kappa, end = cut > -1 ? Math.min(to, Math.acos(cut)) : to;
        double h = (end - from) / STEPS, top = Math.cos(nearest), sum = 0;
        for (int k = 0; k <= STEPS; k++) {
            int weight = k == 0 || k == STEPS ? 1 : k % 2 == 1 ? 4 : 2;
            sum += weight * Math.exp(kappa * (Math.cos(from + k * h) - top));
        }
        return sum * h / 3;
    }

    private double uniform(int i, int draw) {
        long z = ((i * 4L + draw) * 8 + kind.ordinal() * 2L + split.ordinal()) * 0xD1342543DE82EF95L + 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return ((z ^ (z >>> 31)) >>> 11) * 0x1p-53;
    }
}
