package io.palitra.report;

import io.palitra.config.ArgumentException;
import java.util.List;
import java.util.Locale;

/**
 * What a generative model trades: quality, diversity and speed as the corners of a triangle. A run is a circle at the mean of the
 * corners, each weighted by the run's share of it; its area is its memory. Beside the triangle each share stands as a bar, since a run
 * with all of each lies in the middle like one with nothing. One SVG element, colours as in {@link Chart}.
 */
record Trade(List<Run> runs) {
    private static final int WIDTH = 940;
    private static final int SIDE = 400;
    private static final double CENTRE_X = 200;
    private static final double CENTRE_Y = 226;
    private static final double REACH = 165;
    private static final double LARGEST = 24;
    private static final double SMALLEST = 7;
    private static final int BARS = 470;
    private static final int ROW = 74;

    /**
     * One run.
     *
     * @param quality   share 0..1, as diversity and speed
     * @param megabytes physical memory, for the circle; NaN where it is not known
     * @param shown     what the bars show, in the order quality, diversity, speed, and of the memory
     */
    record Run(String name, double quality, double diversity, double speed, double megabytes, List<String> shown) {
        Run {
            for (double v : new double[] {quality, diversity, speed}) {
                if (!(v >= 0 && v <= 1)) throw new ArgumentException("illegal share: " + v + ", must be between 0 and 1");
            }
            shown = List.copyOf(shown);
        }

        double share(int corner) { return corner == 0 ? quality : corner == 1 ? diversity : speed; }
    }

    private static final List<String> CORNERS = List.of("quality", "diversity", "speed");

    Trade { runs = List.copyOf(runs); }

    private static double cornerX(int i) { return CENTRE_X + REACH * Math.sin(2 * Math.PI * i / 3); }

    private static double cornerY(int i) { return CENTRE_Y - REACH * Math.cos(2 * Math.PI * i / 3); }

    String svg() {
        StringBuilder out = new StringBuilder();
        int height = Math.max(SIDE, 40 + ROW * runs.size());
        out.append(String.format(Locale.ROOT, "<svg class=\"chart trade\" viewBox=\"0 0 %d %d\" role=\"img\" style=\"font:12px "
            + "system-ui,sans-serif\"><title>Quality, diversity and speed of each run</title>", WIDTH, height));
        out.append(String.format(Locale.ROOT, "<path d=\"M%.1f %.1fL%.1f %.1fL%.1f %.1fZ\" style=\"fill:none;stroke:var(--faint,#777);"
            + "stroke-width:1.2\"/>", cornerX(0), cornerY(0), cornerX(1), cornerY(1), cornerX(2), cornerY(2)));
        for (int i = 0; i < CORNERS.size(); i++) {
            Chart.rule(out, CENTRE_X, CENTRE_Y, cornerX(i), cornerY(i));
            double y = cornerY(i) + (i == 0 ? -10 : 20);
            Chart.text(out, cornerX(i), y, "middle", "--ink", "font-weight:600;font-size:14px", CORNERS.get(i));
        }
        double most = runs.stream().mapToDouble(Run::megabytes).filter(Double::isFinite).max().orElse(1);
        for (int i = 0; i < runs.size(); i++) {
            Run r = runs.get(i);
            double x = CENTRE_X, y = CENTRE_Y, all = r.quality + r.diversity + r.speed;
            for (int c = 0; c < CORNERS.size() && all > 0; c++) {
                x += r.share(c) / all * (cornerX(c) - CENTRE_X);
                y += r.share(c) / all * (cornerY(c) - CENTRE_Y);
            }
            double radius = Double.isFinite(r.megabytes) ? Math.max(SMALLEST, LARGEST * Math.sqrt(r.megabytes / most)) : SMALLEST;
            out.append(String.format(Locale.ROOT, "<circle class=\"run\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" style=\"fill:%s;"
                + "fill-opacity:.45;stroke:%s;stroke-width:1.5\"><title>%s</title></circle>", x, y, radius, Chart.colour(i),
                Chart.colour(i), Html.escaped(r.name)));
            Chart.text(out, x, y + 4, "middle", "--ink", "font-weight:600", String.valueOf(i + 1));
            bars(out, i, r, 20 + i * ROW);
        }
        return out.append("</svg>").toString();
    }

    private static void bars(StringBuilder out, int i, Run r, int top) {
        Chart.text(out, BARS, top + 8, "start", "--ink", "font-weight:600;font-size:13px", (i + 1) + "  " + r.name);
        Chart.text(out, WIDTH - 6, top + 8, "end", "--faint", "", r.shown.get(CORNERS.size()));
        double left = BARS + 70, wide = 230;
        for (int c = 0; c < CORNERS.size(); c++) {
            int y = top + 20 + c * 15;
            Chart.text(out, BARS, y + 8, "start", "--faint", "", CORNERS.get(c));
            bar(out, left, y, wide, "var(--rule,#e3e3e8)");
            bar(out, left, y, Math.max(1, wide * r.share(c)), Chart.colour(i));
            Chart.text(out, left + wide + 8, y + 8, "start", "--soft", "", r.shown.get(c));
        }
    }

    private static void bar(StringBuilder out, double x, int y, double wide, String fill) {
        out.append(String.format(Locale.ROOT, "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"9\" rx=\"2\" style=\"fill:%s\"/>", x, y,
            wide, fill));
    }
}
