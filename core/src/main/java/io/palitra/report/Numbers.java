package io.palitra.report;

import java.util.Locale;

/** Numbers as a person reads them. */
public final class Numbers {
    private Numbers() {}

    /** Four significant digits, as a person reads them. */
    public static String shown(double v) {
        if (v == Math.rint(v) && Math.abs(v) < 1e6) return String.format(Locale.ROOT, "%.0f", v);
        double a = Math.abs(v);
        return a >= 1000 ? String.format(Locale.ROOT, "%.0f", v) : a >= 100 ? String.format(Locale.ROOT, "%.1f", v)
            : a >= 10 ? String.format(Locale.ROOT, "%.2f", v) : a >= 0.01 ? String.format(Locale.ROOT, "%.4f", v)
            : String.format(Locale.ROOT, "%.3e", v);
    }
}
