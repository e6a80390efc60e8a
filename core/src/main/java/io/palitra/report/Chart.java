package io.palitra.report;

import io.palitra.config.ArgumentException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * A line chart as one SVG element for a page: axes with round ticks, and a legend with the last value of each line. A line of more than 40
 * points shows faint as it is, and bold as the running mean over about a twentieth of its points. Colours are CSS custom properties
 * ({@code --ink, --faint, --rule, --series-0} to {@code --series-7}) with light defaults, so that a page decides on dark.
 *
 * @param yName what the lines measure, with its unit
 * @param logY equal ratios are equal heights; values that are not positive leave gaps
 */
public record Chart(String title, String xName, String yName, boolean logY, List<Series> series) {
    static final List<String> LIGHT =
            List.of("#2f7fc9", "#d97a00", "#bd1f01", "#832db6", "#0f8a6d", "#a96b59", "#717581", "#c2479b");
    private static final int WIDTH = 940;
    private static final int HEIGHT = 300;
    private static final int RIGHT = WIDTH - 16;
    private static final int BOTTOM = HEIGHT - 40;
    private static final int LINE = 18;
    private static final int MANY = 40;
    private static final int DRAWN = 800;
    private static final double LARGEST = 1e300;
    private static final double LETTER = 6.7;                      // mean advance of a 12 px system font, for the places of legend entries

    /** A named line through (x[i], y[i]), x never falling; y that is NaN or infinite leaves a gap. */
    public record Series(String name, double[] x, double[] y) {
        public Series {
            if (x.length != y.length) {
                throw new ArgumentException("series '" + name + "' wants as many x as y, got " + x.length + " and " + y.length);
            }
            for (int i = 0; i < x.length; i++) {
                if (!(Math.abs(x[i]) <= LARGEST) || i > 0 && x[i] < x[i - 1]) {
                    throw new ArgumentException("series '" + name + "': x[" + i + "] is " + x[i] + ", must be finite and not fall");
                }
            }
        }
    }

    public Chart {
        series = List.copyOf(series);
    }

    /** The element {@code <svg>...</svg>}; a chart without a single value holds a text instead. */
    public String svg() {
        StringBuilder out = new StringBuilder();
        out.append("<svg class=\"chart\" viewBox=\"0 0 ").append(WIDTH).append(' ').append(HEIGHT)
                .append("\" role=\"img\" style=\"font:12px system-ui,sans-serif\"><title>").append(Html.escaped(title)).append("</title>");
        text(out, 0, 14, "start", "--ink", "font-weight:600;font-size:14px", title);
        text(out, RIGHT, 14, "end", "--faint", "", yName + (logY ? " (log scale)" : ""));
        double[] xs = series.stream().flatMapToDouble(s -> Arrays.stream(s.x)).toArray();
        double[] ys = series.stream().flatMapToDouble(s -> Arrays.stream(s.y)).filter(this::shows).toArray();
        if (ys.length == 0) {
            text(out, WIDTH / 2.0, HEIGHT / 2.0, "middle", "--faint", "", "no values yet");
            return out.append("</svg>").toString();
        }
        int top = legend(out) + 14;
        double[] range = range(ys);
        Axis y = logY ? Axis.logarithmic(range[0], range[1]) : Axis.linear(range[0], range[1], 5);
        range = range(xs);
        Axis rounded = Axis.linear(range[0], range[1], 7);
        Axis x = range[0] < range[1] ? new Axis(range[0], range[1], rounded.step(), false) : rounded;
        double left = 10 + LETTER * y.ticks().stream().mapToInt(t -> y.label(t).length()).max().orElse(0);
        for (double tick : y.ticks()) {
            double at = BOTTOM - y.at(tick) * (BOTTOM - top);
            rule(out, left, at, RIGHT, at);
            text(out, left - 8, at + 4, "end", "--faint", "", y.label(tick));
        }
        for (double tick : x.ticks()) {
            double at = left + x.at(tick) * (RIGHT - left);
            rule(out, at, BOTTOM, at, BOTTOM + 5);
            text(out, at, BOTTOM + 18, "middle", "--faint", "", x.label(tick));
        }
        text(out, RIGHT, HEIGHT - 4, "end", "--faint", "", xName);
        for (boolean faint : new boolean[] {true, false}) {        // all faint lines lie under all bold ones
            for (int i = 0; i < series.size(); i++) {
                Series s = series.get(i);
                boolean many = s.x.length > MANY;
                if (faint && !many) continue;
                double[] values = Arrays.stream(s.y).map(v -> shows(v) ? v : Double.NaN).toArray();
                if (!faint && many) values = smooth(values);
                String look = faint ? "stroke-width:1;opacity:.28" : "stroke-width:2";
                path(out, s.x, values, i, look, x, y, left, top);
            }
        }
        return out.append("</svg>").toString();
    }

    private boolean shows(double value) {
        return Math.abs(value) <= LARGEST && (!logY || value > 0);
    }

    /** Draws the legend under the title, in as many lines as it takes; where it ends. */
    private int legend(StringBuilder out) {
        double pen = 0;
        int line = 14 + LINE + 2;
        for (int i = 0; i < series.size(); i++) {
            Series s = series.get(i);
            double[] shown = Arrays.stream(s.y).filter(this::shows).toArray();
            String last = shown.length == 0 ? "no values" : Axis.brief(shown[shown.length - 1]);
            double wide = 18 + LETTER * (s.name.length() + last.length() + 1) + 20;
            if (pen > 0 && pen + wide > RIGHT) {
                pen = 0;
                line += LINE;
            }
            out.append(String.format(Locale.ROOT, "<path d=\"M%.1f %dh12\" style=\"stroke:%s;stroke-width:3;stroke-linecap:round\"/>",
                    pen + 2, line - 4, colour(i)));
            out.append(String.format(Locale.ROOT, "<text x=\"%.1f\" y=\"%d\" style=\"fill:var(--ink,#222)\">%s "
                    + "<tspan style=\"fill:var(--faint,#777)\">%s</tspan></text>", pen + 20, line, Html.escaped(s.name), last));
            pen += wide;
        }
        return line;
    }

    /** The mean over h points to either side; near the start over as many as there are on the shorter side, for there curves are steep. */
    private static double[] smooth(double[] values) {
        int n = values.length;
        int h = Math.max(1, n / 40);
        double[] sum = new double[n + 1];
        int[] count = new int[n + 1];
        for (int i = 0; i < n; i++) {
            boolean there = !Double.isNaN(values[i]);
            sum[i + 1] = sum[i] + (there ? values[i] : 0);
            count[i + 1] = count[i] + (there ? 1 : 0);
        }
        double[] smooth = new double[n];
        for (int i = 0; i < n; i++) {
            int from = Math.max(0, i - h);
            int to = Math.min(n, i + Math.min(i, h) + 1);
            int among = count[to] - count[from];
            smooth[i] = among == 0 || Double.isNaN(values[i]) ? Double.NaN : (sum[to] - sum[from]) / among;
        }
        return smooth;
    }

    private static void path(StringBuilder out, double[] xs, double[] values, int i, String look, Axis x, Axis y, double left, int top) {
        StringBuilder d = new StringBuilder();
        boolean pen = false;
        for (int k : drawn(values)) {
            if (Double.isNaN(values[k])) {
                pen = false;
                continue;
            }
            double u = left + x.at(xs[k]) * (RIGHT - left);
            double v = BOTTOM - Math.min(1, Math.max(0, y.at(values[k]))) * (BOTTOM - top);
            d.append(String.format(Locale.ROOT, pen ? "L%.1f %.1f" : "M%.1f %.1fh0", u, v));  // h0: a lone point shows as a dot
            pen = true;
        }
        out.append("<path d=\"").append(d).append("\" style=\"fill:none;stroke:").append(colour(i))
                .append(";stroke-linejoin:round;stroke-linecap:round;").append(look).append("\"/>");
    }

    /** The indices worth drawing: all, or of each of some hundred stretches the lowest, the highest and a gap if there is one. */
    private static List<Integer> drawn(double[] values) {
        List<Integer> kept = new ArrayList<>();
        int stretch = Math.max(1, values.length / (DRAWN / 2));
        for (int from = 0; from < values.length; from += stretch) {
            int low = from;
            int high = from;
            int gap = -1;
            for (int k = from; k < Math.min(values.length, from + stretch); k++) {
                if (Double.isNaN(values[k])) gap = k;
                if (values[k] < values[low] || Double.isNaN(values[low])) low = k;
                if (values[k] > values[high] || Double.isNaN(values[high])) high = k;
            }
            kept.addAll(IntStream.of(low, high, gap).filter(k -> k >= 0).distinct().sorted().boxed().toList());
        }
        return kept;
    }

    static String colour(int i) {
        int k = i % LIGHT.size();
        return "var(--series-" + k + "," + LIGHT.get(k) + ")";
    }

    static void rule(StringBuilder out, double x1, double y1, double x2, double y2) {
        out.append(String.format(Locale.ROOT, "<path d=\"M%.1f %.1fL%.1f %.1f\" style=\"stroke:var(--rule,#e3e3e8);stroke-width:1\"/>",
                x1, y1, x2, y2));
    }

    static void text(StringBuilder out, double x, double y, String anchor, String colour, String style, String text) {
        String fallback = colour.equals("--ink") ? "#222" : "#777";
        out.append(String.format(Locale.ROOT, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" style=\"fill:var(%s,%s);%s\">%s</text>",
                x, y, anchor, colour, fallback, style, Html.escaped(text)));
    }

    private static double[] range(double[] values) {
        return new double[] {Arrays.stream(values).min().orElseThrow(), Arrays.stream(values).max().orElseThrow()};
    }
}
