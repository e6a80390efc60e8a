package io.palitra.report;

import static io.palitra.report.Page.element;

import io.palitra.config.ArgumentException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * A line chart for a page: a heading, a legend with the last value of each line, and one SVG element with axes of round ticks. A line of
 * more than 40 points shows pale as it is, and bold as its exponential mean over about a fortieth of the range. The page's script draws the
 * same anew at the width that there is, with the values under the pointer, another smoothing, and a log scale; without it the points have
 * titles. Colours are CSS custom properties ({@code --ink, --faint, --rule, --series-0} to {@code --series-7}) with light defaults, so that
 * a page decides on dark.
 *
 * @param yName what the lines measure, with its unit
 * @param logY equal ratios are equal heights; values that are not positive leave gaps
 */
public record Chart(String title, String xName, String yName, boolean logY, List<Series> series) {
    static final List<String> LIGHT =
            List.of("#2f7fc9", "#d97a00", "#bd1f01", "#832db6", "#0f8a6d", "#a96b59", "#717581", "#c2479b");
    private static final int WIDTH = 600;
    private static final int HEIGHT = 260;
    private static final int RIGHT = WIDTH - 16;
    private static final int TOP = 10;
    private static final int BOTTOM = HEIGHT - 26;
    private static final int MANY = 40;
    private static final int TITLED = 60;
    /** Points of a line that a page holds; of more the lowest and highest of each stretch, and for the smoothing the means. */
    private static final int KEPT = 1500;
    private static final double LARGEST = 1e300;
    private static final double LETTER = 6.7;                      // mean advance of a 12 px system font
    private static final double GAP = 10;

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

        /** Those points alone. */
        private Series at(List<Integer> kept) {
            return new Series(name, kept.stream().mapToDouble(k -> x[k]).toArray(), kept.stream().mapToDouble(k -> y[k]).toArray());
        }

        /** The mean of each of {@value #KEPT} stretches or fewer, at their last x. */
        private Series means() {
            int stretch = (x.length + KEPT - 1) / KEPT, n = (x.length + stretch - 1) / stretch;
            double[] at = new double[n], mean = new double[n];
            for (int i = 0; i < n; i++) {
                int to = Math.min(x.length, (i + 1) * stretch);
                at[i] = x[to - 1];
                mean[i] = Arrays.stream(y, i * stretch, to).filter(v -> Math.abs(v) <= LARGEST).average().orElse(Double.NaN);
            }
            return new Series(name, at, mean);
        }

        /** What the page keeps of it. */
        Series kept() { return x.length > KEPT ? at(drawn(y, KEPT)) : this; }

        /** What is smoothed of it. */
        Series smoothed() { return x.length > KEPT ? means() : this; }
    }

    public Chart {
        series = List.copyOf(series);
    }

    /** The values that have a place on an axis. */
    private double[] values(boolean log) {
        return series.stream().flatMapToDouble(s -> Arrays.stream(s.y)).filter(v -> shows(v, log)).toArray();
    }

    private static boolean shows(double value, boolean log) {
        return Math.abs(value) <= LARGEST && (!log || value > 0);
    }

    /** Empty where nothing has a place on it. */
    private List<Axis> vertical(boolean log) {
        double[] ys = values(log);
        if (ys.length == 0) return List.of();
        double[] range = range(ys);
        return List.of(log ? Axis.logarithmic(range[0], range[1]) : Axis.linear(range[0], range[1], 5));
    }

    private Axis horizontal() {
        double[] range = range(series.stream().flatMapToDouble(s -> Arrays.stream(s.x)).toArray());
        Axis rounded = Axis.linear(range[0], range[1], 7);
        return range[0] < range[1] ? new Axis(range[0], range[1], rounded.step(), false) : rounded;
    }

    private boolean many() { return series.stream().anyMatch(s -> s.x.length > MANY); }

    /** The heading, the controls, which the script shows, the legend and the chart. */
    String html() {
        boolean drawn = values(logY).length > 0;
        StringBuilder out = new StringBuilder("<figure class=\"chart\"");
        if (drawn) out.append(" data-chart=\"").append(Html.escaped(ChartData.of(this, horizontal(), vertical(false), vertical(true),
            logY, many()))).append('"');
        out.append(">\n<figcaption>").append(element("b", "", title));
        if (!yName.equals(title)) out.append(element("span", "unit", yName));
        out.append("</figcaption>\n<ul class=\"legend\">");
        for (int i = 0; i < series.size(); i++) {
            double[] shown = Arrays.stream(series.get(i).y).filter(v -> shows(v, false)).toArray();
            out.append("<li><i style=\"background:").append(colour(i)).append("\"></i>").append(Html.escaped(series.get(i).name))
                .append(' ').append(element("b", "", shown.length == 0 ? "no values" : Axis.brief(shown[shown.length - 1])))
                .append("</li>");
        }
        out.append("</ul>\n").append(svg()).append('\n');
        if (drawn) {
            out.append("<div class=\"tools\" hidden><output></output>"
                + "<label><input type=\"checkbox\" autocomplete=\"off\"> log scale</label>"
                + "<label>smoothing <input type=\"range\" min=\"0\" max=\"100\" step=\"1\" autocomplete=\"off\"><span></span></label>"
                + "</div>\n");
            if (many()) out.append(element("p", "note", "Pale: as measured. Bold: the exponential mean of what came before, debiased, so "
                + "that the first values count for no more than they are."));
        }
        return out.append("</figure>").toString();
    }

    /** The element {@code <svg>...</svg>}; a chart without a single value holds a text instead. */
    String svg() {
        StringBuilder out = new StringBuilder();
        out.append("<svg class=\"still\" viewBox=\"0 0 ").append(WIDTH).append(' ').append(HEIGHT)
                .append("\" role=\"img\" style=\"font:12px system-ui,sans-serif\"><title>").append(Html.escaped(title)).append("</title>");
        List<Axis> vertical = vertical(logY);
        if (vertical.isEmpty()) {
            text(out, WIDTH / 2.0, HEIGHT / 2.0, "middle", "--faint", "", "no values yet");
            return out.append("</svg>").toString();
        }
        Axis x = horizontal(), y = vertical.get(0);
        double left = 10 + LETTER * y.ticks().stream().mapToInt(t -> y.label(t).length()).max().orElse(0);
        for (double tick : y.ticks()) {
            double at = BOTTOM - y.at(tick) * (BOTTOM - TOP);
            rule(out, left, at, RIGHT, at);
        }
        for (double tick : x.ticks()) {
            double at = left + x.at(tick) * (RIGHT - left);
            rule(out, at, BOTTOM, at, BOTTOM + 5);
        }
        for (Labels.Box b : labels(x, y, left)) text(out, b.x(), b.y() + b.height(), "start", "--faint", "", b.text());
        for (boolean pale : new boolean[] {true, false}) {        // all pale lines lie under all bold ones
            for (int i = 0; i < series.size(); i++) {
                Series s = series.get(i);
                boolean many = s.x.length > MANY;
                if (pale && !many) continue;
                Series line = pale || !many ? s.kept() : mean(s.smoothed(), (x.high() - x.low()) / MANY);
                path(out, line, i, pale ? "stroke-width:1;opacity:.28" : "stroke-width:2", x, y, left);
            }
        }
        for (int i = 0; i < series.size(); i++) titles(out, series.get(i), i, x, y, left);
        return out.append("</svg>").toString();
    }

    /** Of the ticks, and at the right the name of x in the place of labels that would lie there. */
    List<Labels.Box> labels(Axis x, Axis y, double left) {
        List<Labels.Box> all = new ArrayList<>();
        double wide = LETTER * xName.length();
        Labels.Box name = new Labels.Box(xName, RIGHT + 16 - wide, BOTTOM + 9, wide, 12);
        if (!xName.isEmpty()) all.add(name);
        Labels.apart(x.ticks(), tick -> {
            double w = LETTER * x.label(tick).length(), at = left + x.at(tick) * (RIGHT - left) - w / 2;
            return new Labels.Box(x.label(tick), Math.max(0, Math.min(WIDTH - w, at)), BOTTOM + 9, w, 12);
        }, GAP).stream().filter(b -> xName.isEmpty() || !b.near(name, GAP)).forEach(all::add);
        all.addAll(Labels.apart(y.ticks(), tick -> {
            double w = LETTER * y.label(tick).length();
            return new Labels.Box(y.label(tick), left - 8 - w, BOTTOM - y.at(tick) * (BOTTOM - TOP) - 8, w, 12);
        }, 2));
        return all;
    }

    /** The mean of what came before, each value by e^(-distance/back), over the sum of these weights: an exponential mean without bias. */
    static Series mean(Series s, double back) {
        double[] mean = new double[s.x.length];
        double sum = 0, weight = 0;
        for (int i = 0; i < mean.length; i++) {
            double fade = i == 0 ? 0 : Math.exp(-(s.x[i] - s.x[i - 1]) / back);
            boolean there = Math.abs(s.y[i]) <= LARGEST;
            sum = sum * fade + (there ? s.y[i] : 0);
            weight = weight * fade + (there ? 1 : 0);
            mean[i] = there ? sum / weight : Double.NaN;
        }
        return new Series(s.name, s.x, mean);
    }

    private void path(StringBuilder out, Series s, int i, String look, Axis x, Axis y, double left) {
        StringBuilder d = new StringBuilder();
        boolean pen = false;
        for (int k : drawn(s.y, 2 * RIGHT)) {
            if (!shows(s.y[k], logY)) {
                pen = false;
                continue;
            }
            d.append(String.format(Locale.ROOT, pen ? "L%.1f %.1f" : "M%.1f %.1fh0", column(x, s.x[k], left), row(y, s.y[k])));
            pen = true;                                             // h0: a lone point shows as a dot
        }
        out.append("<path d=\"").append(d).append("\" style=\"fill:none;stroke:").append(colour(i))
                .append(";stroke-linejoin:round;stroke-linecap:round;").append(look).append("\"/>");
    }

    private static double column(Axis x, double value, double left) { return left + x.at(value) * (RIGHT - left); }

    private static double row(Axis y, double value) { return BOTTOM - Math.min(1, Math.max(0, y.at(value))) * (BOTTOM - TOP); }

    /** Of some points, what they are, for a pointer without a script. */
    private void titles(StringBuilder out, Series s, int i, Axis x, Axis y, double left) {
        int every = Math.max(1, (s.x.length + TITLED - 1) / TITLED);
        for (int k = s.x.length - 1; k >= 0; k -= every) {
            if (!shows(s.y[k], logY)) continue;
            out.append(String.format(Locale.ROOT, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" style=\"fill:%s;opacity:0\"><title>%s</title>"
                + "</circle>", column(x, s.x[k], left), row(y, s.y[k]), colour(i),
                Html.escaped(xName + " " + Numbers.shown(s.x[k]) + ": " + s.name + " " + Axis.brief(s.y[k]))));
        }
    }

    /** The indices worth drawing: all, or of each of some hundred stretches the lowest, the highest and a gap if there is one. */
    private static List<Integer> drawn(double[] values, int about) {
        List<Integer> kept = new ArrayList<>();
        int stretch = values.length <= about ? 1 : (values.length + about / 2 - 1) / (about / 2);
        for (int from = 0; from < values.length; from += stretch) {
            int low = from;
            int high = from;
            int gap = -1;
            for (int k = from; k < Math.min(values.length, from + stretch); k++) {
                if (!(Math.abs(values[k]) <= LARGEST)) gap = k;
                else if (values[k] < values[low] || gap == low) low = k;
                if (Math.abs(values[k]) <= LARGEST && (values[k] > values[high] || gap == high)) high = k;
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
