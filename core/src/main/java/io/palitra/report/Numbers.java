package io.palitra.report;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Locale;

/** Numbers as a person reads them. */
public final class Numbers {
    private static final MathContext THREE = new MathContext(3);

    private Numbers() {}

    /** Four significant digits, as a person reads them. */
    public static String shown(double v) {
        if (v == Math.rint(v) && Math.abs(v) < 1e6) return String.format(Locale.ROOT, "%.0f", v);
        double a = Math.abs(v);
        return a >= 1000 ? String.format(Locale.ROOT, "%.0f", v) : a >= 100 ? String.format(Locale.ROOT, "%.1f", v)
            : a >= 10 ? String.format(Locale.ROOT, "%.2f", v) : a >= 0.01 ? String.format(Locale.ROOT, "%.4f", v)
            : String.format(Locale.ROOT, "%.3e", v);
    }

    /** Whether {@link #read} turns the unit into one that fits the number. */
    static boolean scales(String unit) { return unit.equals("s") || unit.equals("MiB") || unit.equals("bytes"); }

    /** Three significant digits with a unit that fits: 21 µs, 1.2 s, 3.4 MB (10^6 bytes), 0.926, 97.9 %. */
    public static String read(double v, String unit) {
        if (!Double.isFinite(v)) return String.valueOf(v);
        double a = Math.abs(v);
        if (unit.equals("s") && a > 0) {
            if (a < 999.5e-9) return three(v * 1e9) + " ns";
            if (a < 999.5e-6) return three(v * 1e6) + " µs";
            return a < 0.9995 ? three(v * 1e3) + " ms" : a < 99.95 ? three(v) + " s" : a < 5997 ? three(v / 60) + " min"
                : three(v / 3600) + " h";
        }
        if (unit.equals("MiB") || unit.equals("bytes")) {
            double bytes = unit.equals("MiB") ? v * (1 << 20) : v;
            double size = Math.abs(bytes);
            if (size < 999.5) return three(bytes) + " B";
            return size < 999.5e3 ? three(bytes / 1e3) + " kB" : size < 999.5e6 ? three(bytes / 1e6) + " MB" : three(bytes / 1e9) + " GB";
        }
        return three(v) + (unit.isEmpty() ? "" : " " + unit);
    }

    /** Three significant digits; whole numbers below a million as they are. */
    private static String three(double v) {
        if (v == 0) return "0";
        if (v == Math.rint(v) && Math.abs(v) < 1e6) return String.format(Locale.ROOT, "%.0f", v);
        BigDecimal rounded = new BigDecimal(v).round(THREE);
        if (rounded.precision() < 3) rounded = rounded.setScale(rounded.scale() + 3 - rounded.precision());
        double a = Math.abs(v);
        if (a >= 1e-4 && a < 1e6) return rounded.toPlainString();
        return String.format(Locale.ROOT, "%.2e", rounded);
    }
}
