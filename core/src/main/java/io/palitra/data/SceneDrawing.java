package io.palitra.data;

import java.util.List;

/** Draws scenes: colour, at any size, edges smooth, everything a function of the scene and of one number that varies it a little. */
public final class SceneDrawing {
    private static final int[][] COLOURS = {{218, 38, 42}, {246, 138, 22}, {250, 222, 44}, {28, 138, 62}, {44, 92, 222}, {142, 58, 178},
        {248, 248, 250}, {22, 22, 26}};
    private static final int[][] PLAIN = {{176, 177, 182}, {166, 188, 208}, {206, 186, 166}, {190, 172, 196}, {172, 192, 172}};
    private static final int[][] GRADIENTS = {{96, 148, 200, 228, 196, 178}, {196, 150, 196, 150, 196, 206}, {214, 176, 140, 120, 150, 178},
        {120, 172, 160, 222, 204, 170}};
    /** Sky and its change down to the horizon, sand and how its nearer dunes differ. */
    private static final int[][] DESERT = {{150, 196, 232}, {36, 16, -4}, {232, 200, 140}, {-12, -16, -20}, {16, 16, 14}};
    private static final int[][] SNOW = {{166, 186, 208}, {226, 234, 244}, {16, 12, 8}};
    private static final int[][] GRASS = {{152, 204, 240}, {128, 184, 84}, {20, 18, 16}};
    private static final int[][] NIGHT = {{10, 12, 38}, {22, 24, 44}};
    /** Samples of a pixel in each direction. */
    private static final int FINE = 4;
    private static final double HOLE = 0.62;
    private static final double[][] STAR = star();

    private SceneDrawing() {}

    private static double[][] star() {
        double[][] points = new double[10][];
        for (int k = 0; k < 10; k++) {
            double r = k % 2 == 0 ? 1.08 : 0.47, a = Math.PI * k / 5;
            points[k] = new double[] {r * Math.sin(a), 0.06 - r * Math.cos(a)};
        }
        return points;
    }

    /** Red, green and blue in 0..255; things differ from it by at most 7 in each. */
    public static int[] rgb(Scene.Colour colour) { return COLOURS[colour.ordinal()].clone(); }

    /** Whether a shape of radius 1 about (0, 0) covers a point. */
    public static boolean covers(Scene.Shape shape, double x, double y) {
        return switch (shape) {
            case CIRCLE -> x * x + y * y < 0.92 * 0.92;
            case SQUARE -> Math.max(Math.abs(x), Math.abs(y)) < 0.82;
            case TRIANGLE -> y < 0.76 && Math.abs(x) < (y + 1.04) * 0.56;
            case STAR -> inside(STAR, x, y);
            case HEART -> heart(1.18 * x, 0.12 - 1.18 * y);
            case CROSS -> Math.max(Math.abs(x), Math.abs(y)) < 0.94 && Math.min(Math.abs(x), Math.abs(y)) < 0.31;
            case RING -> x * x + y * y < 0.98 * 0.98 && x * x + y * y > HOLE * HOLE;
            case CRESCENT -> (x - 0.14) * (x - 0.14) + y * y < 0.98 * 0.98 && (x - 0.62) * (x - 0.62) + y * y > 0.8 * 0.8;
        };
    }

    private static boolean heart(double x, double y) {
        double r = x * x + y * y - 1;
        return r * r * r < x * x * y * y * y;
    }

    private static boolean inside(double[][] polygon, double x, double y) {
        boolean in = false;
        for (int i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
            double[] a = polygon[i], b = polygon[j];
            if (a[1] > y != b[1] > y && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0]) in = !in;
        }
        return in;
    }

    /** Share of a pixel (column, row) that a shape covers. */
    static double cover(Scene.Shape shape, double x, double y, double radius, double cos, double sin, int column, int row, int side) {
        double ox = (column + 0.5) / side - x, oy = (row + 0.5) / side - y, far = 1.2 * radius + 0.8 / side;
        if (ox * ox + oy * oy > far * far) return 0;
        int hits = 0;
        for (int k = 0; k < FINE * FINE; k++) {
            double px = ((column + (k % FINE + 0.5) / FINE) / side - x) / radius;
            double py = ((row + (k / FINE + 0.5) / FINE) / side - y) / radius;
            if (covers(shape, cos * px + sin * py, cos * py - sin * px)) hits++;
        }
        return hits / (double) (FINE * FINE);
    }

    /** Writes 3 * side * side bytes. */
    static void draw(Scene scene, SplitMix noise, int side, byte[] out, int offset) {
        float[] canvas = new float[3 * side * side];
        background(scene.background(), noise, canvas, side);
        // what holds another comes before it
        List<Scene.Thing> order = scene.things().stream().sorted((a, b) -> Double.compare(b.radius(), a.radius())).toList();
        for (Scene.Thing t : order) {
            double tilt = (noise.uniform() - 0.5) * 0.32, cos = Math.cos(tilt), sin = Math.sin(tilt);
            float[] colour = jittered(COLOURS[t.colour().ordinal()], 7, noise);
            int reach = (int) Math.ceil(1.25 * t.radius() * side), cx = (int) (t.x() * side), cy = (int) (t.y() * side);
            for (int y = Math.max(0, cy - reach); y <= Math.min(side - 1, cy + reach); y++) {
                for (int x = Math.max(0, cx - reach); x <= Math.min(side - 1, cx + reach); x++) {
                    float a = (float) cover(t.shape(), t.x(), t.y(), t.radius(), cos, sin, x, y, side);
                    if (a > 0) mix(canvas, side, x, y, colour, a);
                }
            }
        }
        for (int k = 0; k < canvas.length; k++) out[offset + k] = (byte) Math.max(0, Math.min(255, Math.round(canvas[k])));
    }

    private static float[] jittered(int[] colour, double by, SplitMix noise) {
        float[] out = new float[3];
        for (int c = 0; c < 3; c++) out[c] = (float) (colour[c] + by * (2 * noise.uniform() - 1));
        return out;
    }

    private static void mix(float[] canvas, int side, int x, int y, float[] colour, float a) {
        for (int c = 0; c < 3; c++) {
            int at = (c * side + y) * side + x;
            canvas[at] += a * (colour[c] - canvas[at]);
        }
    }

    private static void background(Scene.Background kind, SplitMix noise, float[] canvas, int side) {
        int which = (int) (noise.uniform() * 64);
        double horizon = 0.3 + 0.1 * noise.uniform(), phase = 6.28 * noise.uniform(), wave = 0.02 + 0.03 * noise.uniform();
        float[] shade = jittered(new int[3], 6, noise);
        int[] gradient = GRADIENTS[which % GRADIENTS.length];
        for (int column = 0; column < side; column++) {
            double x = (column + 0.5) / side;
            // what lies behind one another, each from its upper edge down
            double far = kind == Scene.Background.DESERT ? horizon + wave * Math.sin(6 * x + phase)
                : kind == Scene.Background.SNOW ? horizon + 1.5 * wave * Math.sin(5 * x + phase)
                : horizon - 0.04 + 0.5 * wave * Math.sin(4 * x + phase);
            double middle = horizon + 0.14 + 2.4 * wave * Math.sin(4 * x + phase + 1);
            double near = kind == Scene.Background.SNOW ? horizon + 0.3 + 2 * wave * Math.sin(4 * x + 2 * phase)
                : horizon + 0.34 + 2 * wave * Math.sin(5 * x + 2 * phase);
            for (int row = 0; row < side; row++) {
                double y = (row + 0.5) / side, a = ramp(y, far, side), b = ramp(y, middle, side), c = ramp(y, near, side);
                double blade = kind == Scene.Background.GRASS ? blade(column * 64 / side, row * 64 / side, which) : 0;
                double t = which / 32 == 0 ? y : 1 - y;
                for (int k = 0; k < 3; k++) {
                    double v = switch (kind) {
                        case PLAIN -> PLAIN[which % PLAIN.length][k];
                        case GRADIENT -> gradient[k] + t * (gradient[k + 3] - gradient[k]);
                        case DESERT -> (1 - a) * (DESERT[0][k] + y / horizon * DESERT[1][k])
                            + a * (DESERT[2][k] + b * DESERT[3][k] + c * DESERT[4][k]);
                        case SNOW -> (1 - a) * SNOW[0][k] + a * (SNOW[1][k] + c * SNOW[2][k]);
                        case GRASS -> (1 - a) * GRASS[0][k] + a * (GRASS[1][k] + blade * GRASS[2][k]);
                        case NIGHT -> NIGHT[0][k] + y * NIGHT[1][k];
                    };
                    canvas[(k * side + row) * side + column] = (float) (v + shade[k]);
                }
            }
        }
        if (kind == Scene.Background.NIGHT) dots(canvas, side, 22, new float[] {238, 236, 214}, 0.011, noise);
        if (kind == Scene.Background.SNOW) dots(canvas, side, 26, new float[] {250, 252, 255}, 0.014, noise);
    }

    /** 0 above a line, 1 below, one pixel of a picture of 64 between. */
    private static double ramp(double y, double line, int side) {
        return Math.max(0, Math.min(1, 0.5 + (y - line) * Math.min(side, 64)));
    }

    /** Short upright strokes lighter and darker than the field, in [-1,1]. */
    private static double blade(int column, int row, int which) {
        int shift = (int) (SplitMix.unit(column * 131L + which) * 6);
        return 2 * SplitMix.unit((column * 64L + (row + shift) / 6) * 64 + which) - 1;
    }

    /** Specks of light, dimmer the smaller. */
    private static void dots(float[] canvas, int side, int n, float[] light, double radius, SplitMix noise) {
        for (int k = 0; k < n; k++) {
            double x = noise.uniform(), y = noise.uniform(), r = radius * noise.between(0.6, 1), glow = noise.between(0.4, 0.75);
            int x0 = (int) ((x - 2 * r) * side), x1 = (int) ((x + 2 * r) * side);
            int y0 = (int) ((y - 2 * r) * side), y1 = (int) ((y + 2 * r) * side);
            for (int py = Math.max(0, y0); py <= Math.min(side - 1, y1); py++) {
                for (int px = Math.max(0, x0); px <= Math.min(side - 1, x1); px++) {
                    double dx = (px + 0.5) / side - x, dy = (py + 0.5) / side - y;
                    mix(canvas, side, px, py, light, (float) (glow * Math.exp(-(dx * dx + dy * dy) / (r * r))));
                }
            }
        }
    }
}
