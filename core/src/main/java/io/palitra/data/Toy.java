package io.palitra.data;

import java.util.ArrayList;
import java.util.List;

/**
 * Points in two dimensions drawn from distributions of known density: what a model should find, it can be told how well it found. 50,000
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
    /** Points of the quadrature along a curve; the error of the trapezoid over a noise far wider than a step falls exponentially. */
    private static final int QUADRATURE = 4096;

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

    /** The exact log density in nats; along curves by quadrature, its relative error far below 1e-6. */
    public double logDensity(double x, double y) {
        double s2 = kind.deviation() * kind.deviation();
        int n = kind == Kind.GAUSSIANS ? 1 : QUADRATURE;
        boolean open = kind == Kind.MOONS;   // ends of an open curve weigh half
        double best = Double.NEGATIVE_INFINITY;
        double[] exponents = new double[kind.parts() * (n + 1)];
        int m = 0;
        for (int part = 0; part < kind.parts(); part++) {
            for (int k = 0; k < n + (open ? 1 : 0); k++) {
                double[] c = point(part, k / (double) n);
                double e = -((x - c[0]) * (x - c[0]) + (y - c[1]) * (y - c[1])) / (2 * s2);
                if (open && (k == 0 || k == n)) e -= Math.log(2);
                exponents[m++] = e;
                best = Math.max(best, e);
            }
        }
        double sum = 0;
        for (int k = 0; k < m; k++) sum += Math.exp(exponents[k] - best);
        return best + Math.log(sum) - Math.log(2 * Math.PI * s2) - Math.log(n) - Math.log(kind.parts());
    }

    private double uniform(int i, int draw) {
        long z = ((i * 4L + draw) * 8 + kind.ordinal() * 2L + split.ordinal()) * 0xD1342543DE82EF95L + 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return ((z ^ (z >>> 31)) >>> 11) * 0x1p-53;
    }
}
