package io.palitra.report;

import io.palitra.config.ArgumentException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Runs by two of their measures, each on an axis of its true values; arrows say which way is better, and nothing is weighed against
 * anything. One SVG element, colours as in {@link Chart}. Every name lies beside its point, none on another.
 */
record Scatter(Measure x, Measure y, List<Run> runs) {
    private static final int WIDTH = 420;
    private static final int HEIGHT = 320;
    private static final int RIGHT = WIDTH - 14;
    private static final int TOP = 30;
    private static final int BOTTOM = HEIGHT - 46;
    private static final double LETTER = 7.2;   // mean advance of a 13 px system font
    private static final double MARGIN = 0.08;
    private static final int DOT = 6;
    private static final int HIGH = 15;

    /** What an axis measures. @param log equal ratios are equal lengths */
    record Measure(String name, String unit, Better better, boolean log) {
        /** With the arrow along the axis towards what is better. */
        private String words(String more, String less) {
            return name + (better == Better.HIGHER ? ", better " + more : better == Better.LOWER ? ", better " + less : "");
        }
    }

    /** One run. @param colour its number among all runs of the page, from 0 */
    record Run(String name, int colour, double x, double y) {}

    Scatter {
        runs = List.copyOf(runs);
        for (Run r : runs) {
            if (!Double.isFinite(r.x) || !Double.isFinite(r.y)) {
                throw new ArgumentException("illegal point of " + r.name + ": " + r.x + ", " + r.y + ", must be finite");
            }
        }
    }

    private static Axis axis(Measure m, double[] values) {
        double low = values[0], high = values[0];
        for (double v : values) {
            low = Math.min(low, v);
            high = Math.max(high, v);
        }
        if (m.log && low > 0) {
            double room = Math.pow(Math.max(high / low, 2), MARGIN);
            return Axis.logarithmic(low / room, high * room);
        }
        double room = high > low ? (high - low) * MARGIN : 0;
        return Axis.linear(low - room, high + room, 4);
    }

    /** Where a run and its name lie. */
    record Place(Run run, double x, double y, Labels.Box name) {}

    /** The points, and beside each its name where there is room. */
    List<Place> places() {
        Axis across = axis(x, runs.stream().mapToDouble(Run::x).toArray()), up = axis(y, runs.stream().mapToDouble(Run::y).toArray());
        double left = left(up);
        List<Labels.Box> taken = new ArrayList<>();
        double[][] at = new double[runs.size()][];
        for (int i = 0; i < at.length; i++) {
            Run r = runs.get(i);
            at[i] = new double[] {left + across.at(r.x) * (RIGHT - left), BOTTOM - up.at(r.y) * (BOTTOM - TOP)};
            taken.add(new Labels.Box("", at[i][0] - DOT, at[i][1] - DOT, 2 * DOT, 2 * DOT));
        }
        List<Place> places = new ArrayList<>();
        for (int i = 0; i < at.length; i++) {
            Labels.Box name = beside(shown(runs.get(i).name), at[i][0], at[i][1], left, taken);
            taken.add(name);
            places.add(new Place(runs.get(i), at[i][0], at[i][1], name));
        }
        return places;
    }

    private static String shown(String name) { return name.length() <= 24 ? name : name.substring(0, 23) + "…"; }

    private double left(Axis up) {
        return 12 + LETTER * up.ticks().stream().mapToInt(t -> label(y, up, t).length()).max().orElse(0);
    }

    /** The nearest place around a point, to the right first, that is inside the chart and free. */
    private static Labels.Box beside(String name, double x, double y, double left, List<Labels.Box> taken) {
        double wide = LETTER * name.length();
        Labels.Box best = new Labels.Box(name, Math.max(left, Math.min(RIGHT - wide, x + DOT + 3)), y - HIGH / 2.0, wide, HIGH);
        for (int far = 1; far < 14; far++) {
            for (int k = 0; k < 8; k++) {
                double turn = Math.PI / 4 * (k % 2 == 0 ? k / 2 : 8 - (k + 1) / 2), out = 3 + DOT + (far - 1) * HIGH;
                double cx = x + Math.cos(turn) * (out + wide / 2), cy = y + Math.sin(turn) * (out + HIGH / 2.0);
                Labels.Box box = new Labels.Box(name, cx - wide / 2, cy - HIGH / 2.0, wide, HIGH);
                boolean inside = box.x() >= left && box.x() + wide <= RIGHT + 10 && box.y() >= TOP - 4 && box.y() + HIGH <= BOTTOM;
                if (inside && taken.stream().noneMatch(t -> t.near(box, 1))) return box;
            }
        }
        return best;
    }

    String svg() {
        Axis across = axis(x, runs.stream().mapToDouble(Run::x).toArray()), up = axis(y, runs.stream().mapToDouble(Run::y).toArray());
        double left = left(up);
        StringBuilder out = new StringBuilder();
        out.append(String.format(Locale.ROOT, "<svg viewBox=\"0 0 %d %d\" role=\"img\" style=\"font:13px system-ui,sans-serif\"><title>%s"
            + "</title>", WIDTH, HEIGHT, Html.escaped("Each run by its " + x.name + " and its " + y.name)));
        Chart.text(out, 0, 14, "start", "--ink", "font-weight:600", y.words("↑", "↓"));
        Chart.text(out, RIGHT + 14, HEIGHT - 4, "end", "--ink", "font-weight:600", x.words("→", "←"));
        for (double tick : up.ticks()) {
            double at = BOTTOM - up.at(tick) * (BOTTOM - TOP);
            Chart.rule(out, left, at, RIGHT, at);
        }
        for (double tick : across.ticks()) {
            double at = left + across.at(tick) * (RIGHT - left);
            Chart.rule(out, at, TOP, at, BOTTOM);
        }
        for (Labels.Box b : Labels.apart(up.ticks(), tick -> {
            String label = label(y, up, tick);
            return new Labels.Box(label, left - 8 - LETTER * label.length(), BOTTOM - up.at(tick) * (BOTTOM - TOP) - 8, LETTER
                * label.length(), 12);
        }, 3)) Chart.text(out, left - 8, b.y() + 12, "end", "--faint", "", b.text());
        for (Labels.Box b : Labels.apart(across.ticks(), tick -> {
            String label = label(x, across, tick);
            double wide = LETTER * label.length(), at = left + across.at(tick) * (RIGHT - left);
            return new Labels.Box(label, Math.max(0, Math.min(WIDTH - wide, at - wide / 2)), BOTTOM + 6, wide, 12);
        }, 10)) Chart.text(out, b.x() + b.width() / 2, b.y() + 12, "middle", "--faint", "", b.text());
        for (Place p : places()) {
            String what = p.run.name + ": " + x.name + " " + Numbers.read(p.run.x, x.unit) + ", " + y.name + " "
                + Numbers.read(p.run.y, y.unit);
            double near = Math.max(p.name.x(), Math.min(p.name.x() + p.name.width(), p.x));
            double middle = p.name.y() + p.name.height() / 2;
            if (Math.hypot(near - p.x, middle - p.y) > 2 * HIGH) Chart.rule(out, p.x, p.y, near, middle);
            out.append(String.format(Locale.ROOT, "<circle class=\"run\" cx=\"%.1f\" cy=\"%.1f\" r=\"%d\" style=\"fill:%s\"><title>%s"
                + "</title></circle>", p.x, p.y, DOT, Chart.colour(p.run.colour), Html.escaped(what)));
            Chart.text(out, p.name.x(), p.name.y() + 12, "start", "--ink", "", p.name.text());
        }
        return out.append("</svg>").toString();
    }

    /** Seconds and bytes as a person reads them. */
    private static String label(Measure m, Axis axis, double tick) {
        return Numbers.scales(m.unit) ? Numbers.read(tick, m.unit) : axis.label(tick);
    }
}
