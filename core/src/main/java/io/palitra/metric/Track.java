package io.palitra.metric;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** One coordinate of a thing in frame after frame, as an even way between two mirrors. */
final class Track {
    /**
     * @param slope     of the way, a frame
     * @param bounces   at mirrors
     * @param residuals of each frame; 0 where the thing is not seen
     */
    record Fit(double slope, int bounces, double[] residuals) {}

    /** A turn by less than this is none, and so far may a mirror lie from where the way meets it. */
    private static final double TURN = 1, SLACK = 0.75;
    /** A way with one bounce more must come so much nearer. */
    private static final double COST = 0.1;
    /** With more turns than these no way is looked for; frames whose way is looked for together. */
    private static final int MOST = 6, WINDOW = 16;

    private Track() {}

    /**
     * The nearest way to these places, NaN where the thing is not seen; of many frames that of every few.
     *
     * @param bounce whether it may bounce
     */
    static Fit fit(double[] places, boolean bounce) {
        if (!bounce || places.length <= WINDOW) return whole(places, bounce);
        double[] residuals = new double[places.length];
        for (int from = 0; from < places.length - WINDOW / 2; from += WINDOW / 2) {
            int at = Math.min(from, places.length - WINDOW);
            double[] part = whole(Arrays.copyOfRange(places, at, at + WINDOW), true).residuals;
            for (int t = 0; t < WINDOW; t++) if (Math.abs(part[t]) > Math.abs(residuals[at + t])) residuals[at + t] = part[t];
        }
        return new Fit(whole(places, false).slope, turns(places).size(), residuals);
    }

    private static Fit whole(double[] places, boolean bounce) {
        Fit straight = solved(places, new int[0]);
        Fit best = straight == null ? new Fit(0, 0, new double[places.length]) : straight;
        List<Integer> turns = turns(places);
        if (straight == null || !bounce || turns.size() > MOST) return best;
        int last = places.length - 1;
        for (int way = 0; way < 4 << turns.size(); way++) {   // before or behind each turn, and perhaps beside the first and the last frame
            TreeSet<Integer> splits = new TreeSet<>();
            if ((way & 1) != 0) splits.add(1);
            if ((way & 2) != 0) splits.add(last);
            for (int k = 0; k < turns.size(); k++) splits.add(Math.max(1, Math.min(last, turns.get(k) + (way >> 2 + k & 1))));
            Fit fit = solved(places, splits.stream().mapToInt(i -> i).toArray());
            if (fit != null && worst(fit) + COST * fit.bounces < worst(best) + COST * best.bounces) best = fit;
        }
        return best;
    }

    private static double worst(Fit fit) { return Arrays.stream(fit.residuals).map(Math::abs).max().orElse(0); }

    /** Frames at which the coordinate is largest or least before it goes back by more than {@link #TURN}. */
    private static List<Integer> turns(double[] p) {
        List<Integer> turns = new ArrayList<>();
        int low = -1, high = -1, way = 0;
        for (int t = 0; t < p.length; t++) {
            if (Double.isNaN(p[t])) continue;
            if (low < 0 || p[t] < p[low]) low = t;
            if (high < 0 || p[t] > p[high]) high = t;
            if (way >= 0 && p[high] - p[t] > TURN) {
                if (way > 0 || high > 0) turns.add(high);
                way = -1;
                low = t;
            } else if (way <= 0 && p[t] - p[low] > TURN) {
                if (way < 0 || low > 0) turns.add(low);
                way = 1;
                high = t;
            }
            if (way > 0) low = t;
            if (way < 0) high = t;
        }
        return turns;
    }

    /**
     * Least squares for p_t = a + v t before the first split, mirrored at e_1 from there on, and so on: linear in a, v and e.
     *
     * @param splits frames that are the first behind a mirror, rising
     * @return null where a mirror would not lie on the way
     */
    private static @Nullable Fit solved(double[] p, int[] splits) {
        int n = 2 + splits.length;
        double[][] rows = new double[n][n + 1];
        double[][] basis = new double[p.length][];
        int seen = 0;
        for (int t = 0; t < p.length; t++) {
            basis[t] = basis(t, splits, behind(t, splits));
            if (Double.isNaN(p[t])) continue;
            seen++;
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < n; j++) rows[i][j] += basis[t][i] * basis[t][j];
                rows[i][n] += basis[t][i] * p[t];
            }
        }
        if (seen < n) return null;
        double[] u = solve(rows);
        for (int m = 0; m < splits.length; m++) {
            double before = dot(basis(splits[m] - 1, splits, m), u), after = dot(basis(splits[m], splits, m), u), e = u[2 + m];
            if (!(e >= Math.min(before, after) - SLACK && e <= Math.max(before, after) + SLACK)) return null;
        }
        double[] residuals = new double[p.length];
        for (int t = 0; t < p.length; t++) residuals[t] = Double.isNaN(p[t]) ? 0 : p[t] - dot(basis[t], u);
        return new Fit(u[1], splits.length, residuals);
    }

    private static int behind(int t, int[] splits) {
        int m = 0;
        while (m < splits.length && splits[m] <= t) m++;
        return m;
    }

    /** Coefficients of a, v, e_1, ... of the way at t, mirrored m times. */
    private static double[] basis(int t, int[] splits, int m) {
        double[] out = new double[2 + splits.length];
        double sign = m % 2 == 0 ? 1 : -1;
        out[0] = sign;
        out[1] = sign * t;
        for (int k = 0; k < m; k++) out[2 + k] = (m - 1 - k) % 2 == 0 ? 2 : -2;
        return out;
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) sum += a[i] * b[i];
        return sum;
    }

    /** Gauss' elimination with pivots; the last column is the right side. What nothing decides is 0. */
    private static double[] solve(double[][] rows) {
        int n = rows.length;
        for (int c = 0; c < n; c++) {
            int pivot = c;
            for (int i = c + 1; i < n; i++) if (Math.abs(rows[i][c]) > Math.abs(rows[pivot][c])) pivot = i;
            double[] row = rows[pivot];
            rows[pivot] = rows[c];
            rows[c] = row;
            if (Math.abs(row[c]) < 1e-9) continue;
            for (int i = 0; i < n; i++) {
                double f = i == c ? 0 : rows[i][c] / row[c];
                for (int j = c; j <= n; j++) rows[i][j] -= f * row[j];
            }
        }
        double[] out = new double[n];
        for (int i = 0; i < n; i++) out[i] = Math.abs(rows[i][i]) < 1e-9 ? 0 : rows[i][n] / rows[i][i];
        return out;
    }
}
