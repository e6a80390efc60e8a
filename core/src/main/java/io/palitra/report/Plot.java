package io.palitra.report;

import io.palitra.config.ArgumentException;
import io.palitra.data.Picture;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.ArrayList;
import java.util.List;

/**
 * A plot of points in the plane as an RGB picture of {@code width x height} pixels: axes with round ticks, colours by class, legend, title.
 * The ten colours keep apart for colour-blind eyes (Petroff 2021, arXiv:2107.02270); classes from the eleventh on are squares, and from the
 * twenty-first on marks repeat. Words are drawn in printable ASCII; other characters show as boxes.
 */
public record Plot(String title, String xName, String yName, int width, int height) {
    static final int[] COLOURS = {
        0x3f90da, 0xffa90e, 0xbd1f01, 0x94a4a2, 0x832db6, 0xa96b59, 0xe76300, 0xb9ac70, 0x717581, 0x92dadd,
    };
    private static final int SCALE = 2;
    private static final int LINE = SCALE * (Lettering.HEIGHT + 3);
    private static final int PAD = 24;
    private static final int INK = 0x33363d;
    private static final int FAINT = 0x7a7f89;
    private static final int RULE = 0xe6e7eb;
    private static final double OPACITY = 0.75;
    private static final int GAP = 8;   // pixels between two labels

    public Plot {
        if (width < 320 || height < 240 || width > 8192 || height > 8192) {
            throw new ArgumentException("illegal size of a plot: " + width + "x" + height + ", must be 320x240 to 8192x8192");
        }
    }

    /** Where the axes lie in the picture: pixels left, top, right, bottom; labels of ticks are {@code scale} times as large as drawn. */
    record Frame(Axis x, Axis y, int left, int top, int right, int bottom, int scale) {
        double column(double value) { return left + x.at(value) * (right - left); }

        double row(double value) { return bottom - y.at(value) * (bottom - top); }
    }

    /** Points of one colour, in data units. */
    public Picture scatter(double[] x, double[] y) {
        return scatter(x, y, new int[x.length], List.of());
    }

    /**
     * Point i at (x[i], y[i]) in the colour of class {@code classes[i]}, later points above earlier ones; no names, no legend.
     *
     * @throws IllegalArgumentException for no points, unequal lengths, numbers that are not finite, and classes without a name
     */
    public Picture scatter(double[] x, double[] y, int[] classes, List<String> names) {
        if (x.length == 0 || x.length != y.length || x.length != classes.length) {
            throw new ArgumentException("scatter wants as many x as y and classes, at least one, got "
                    + x.length + ", " + y.length + ", " + classes.length);
        }
        for (int i = 0; i < x.length; i++) {
            if (!Double.isFinite(x[i]) || !Double.isFinite(y[i])) {
                throw new ArgumentException("illegal point " + i + ": (" + x[i] + ", " + y[i] + "), must be finite");
            }
            if (classes[i] < 0 || classes[i] >= Math.max(1, names.size())) {
                throw new ArgumentException("illegal class of point " + i + ": " + classes[i]
                        + ", there are " + names.size() + " names");
            }
        }
        Picture sheet = Grid.paper(3, height, width);
        Frame frame = frame(x, y, names);
        axes(sheet, frame);
        double radius = x.length <= 300 ? 5 : x.length <= 3000 ? 3.5 : 2.5;
        for (int i = 0; i < x.length; i++) mark(sheet, frame.column(x[i]), frame.row(y[i]), radius, classes[i], OPACITY);
        for (int c = 0; c < names.size(); c++) {
            int line = frame.top + c * LINE;
            if (line + LINE > height) break;
            mark(sheet, frame.right + PAD, line + SCALE * Lettering.BASELINE / 2.0, 5, c, 1);
            Lettering.draw(sheet, names.get(c), frame.right + PAD + 14, line, SCALE, INK);
        }
        return sheet;
    }

    /** Axes with room for ticks on the left, title above and names on the right; of one scale where the ranges are alike. */
    Frame frame(double[] x, double[] y, List<String> names) {
        double[] xs = range(x);
        double[] ys = range(y);
        double spanX = xs[1] - xs[0];
        double spanY = ys[1] - ys[0];
        if (spanX > 0 && spanY > 0 && Math.max(spanX / spanY, spanY / spanX) < 2) {
            double half = Math.max(spanX, spanY) / 2;
            for (double[] range : List.of(xs, ys)) {
                double middle = (range[0] + range[1]) / 2;
                range[0] = Math.min(range[0], middle - half);
                range[1] = Math.max(range[1], middle + half);
            }
        }
        Axis across = Axis.linear(xs[0], xs[1], 6);
        Axis up = Axis.linear(ys[0], ys[1], 6);
        int widest = up.ticks().stream().mapToInt(t -> Lettering.width(up.label(t), 1)).max().orElse(0);
        int scale = SCALE * widest > width / 4 ? 1 : SCALE;   // long numbers leave room for the points
        int ticks = scale * widest;
        int legend = names.stream().mapToInt(name -> Lettering.width(name, SCALE)).max().orElse(0);
        int left = PAD + ticks + 12;
        int right = width - PAD - (names.isEmpty() ? 0 : Math.min(legend + PAD + 14, width / 3));
        int top = PAD + (title.isEmpty() ? 0 : LINE + 10) + (yName.isEmpty() ? 0 : LINE);
        int bottom = height - PAD - LINE - (xName.isEmpty() ? 0 : LINE);
        return new Frame(across, up, left, top, right, bottom, scale);
    }

    private void axes(Picture sheet, Frame f) {
        for (double tick : f.x.ticks()) {
            Lettering.fill(sheet, (int) Math.round(f.column(tick)), f.top, 1, f.bottom - f.top + 1, RULE);
        }
        for (double tick : f.y.ticks()) {
            Lettering.fill(sheet, f.left, (int) Math.round(f.row(tick)), f.right - f.left + 1, 1, RULE);
        }
        for (Labels.Box b : labels(f)) Lettering.draw(sheet, b.text(), (int) b.x(), (int) b.y(), f.scale, FAINT);
        Lettering.draw(sheet, title, f.left, PAD, SCALE, INK);
        Lettering.draw(sheet, yName, f.left, f.top - LINE, SCALE, FAINT);
        int end = f.right - Lettering.width(xName, SCALE);
        Lettering.draw(sheet, xName, end, f.bottom + 12 + LINE, SCALE, FAINT);
    }

    /** The labels of the ticks: inside the picture, none on another. */
    List<Labels.Box> labels(Frame f) {
        int high = f.scale * Lettering.HEIGHT;
        List<Labels.Box> all = new ArrayList<>(Labels.apart(f.x.ticks(), tick -> {
            int wide = Lettering.width(f.x.label(tick), f.scale), at = (int) Math.round(f.column(tick)) - wide / 2;
            return new Labels.Box(f.x.label(tick), Math.max(0, Math.min(width - wide, at)), f.bottom + 12, wide, high);
        }, GAP));
        all.addAll(Labels.apart(f.y.ticks(), tick -> {
            int wide = Lettering.width(f.y.label(tick), f.scale), at = (int) Math.round(f.row(tick));
            return new Labels.Box(f.y.label(tick), f.left - 12 - wide, at - f.scale * Lettering.BASELINE / 2, wide, high);
        }, GAP / 2.0));
        return all;
    }

    /** A disk, or from the eleventh class on a square, with soft edges; pixel (u, v) covers u..u+1, v..v+1 about its centre (u, v). */
    private static void mark(Picture sheet, double x, double y, double radius, int c, double opacity) {
        int rgb = COLOURS[c % COLOURS.length];
        boolean square = c / COLOURS.length % 2 == 1;
        int area = sheet.height() * sheet.width();
        for (int v = Math.max(0, (int) (y - radius - 1)); v <= Math.min(sheet.height() - 1, (int) (y + radius + 2)); v++) {
            for (int u = Math.max(0, (int) (x - radius - 1)); u <= Math.min(sheet.width() - 1, (int) (x + radius + 2)); u++) {
                double away = square ? Math.max(Math.abs(u - x), Math.abs(v - y)) * 1.15 : Math.hypot(u - x, v - y);
                double ink = opacity * Math.min(1, Math.max(0, radius + 0.5 - away));
                for (int k = 0; k < 3; k++) {
                    int at = k * area + v * sheet.width() + u;
                    double under = sheet.pixels()[at] & 0xff;
                    sheet.pixels()[at] = (byte) Math.round(under + ink * ((rgb >> 16 - 8 * k & 0xff) - under));
                }
            }
        }
    }

    private static double[] range(double[] values) {
        double[] range = {values[0], values[0]};
        for (double v : values) {
            range[0] = Math.min(range[0], v);
            range[1] = Math.max(range[1], v);
        }
        return range;
    }

    /** Points [N,D] by their first two numbers as a plot; what lies beyond 2 is drawn at 2. Waits for the device. */
    static Picture scatter(Tensor points, String title) {
        double[] v = (points.size(1) == 1 ? Torch.cat(1, points, Torch.zerosLike(points)) : points.narrow(1, 0, 2)).doubles();
        double[] x = new double[v.length / 2], y = new double[v.length / 2];
        for (int i = 0; i < x.length; i++) {
            x[i] = Math.max(-2, Math.min(2, v[2 * i]));       // one distant sample must not shrink the rest to a dot
            y[i] = Math.max(-2, Math.min(2, v[2 * i + 1]));
        }
        return new Plot(title, "x", "y", 480, 480).scatter(x, y);
    }
}
