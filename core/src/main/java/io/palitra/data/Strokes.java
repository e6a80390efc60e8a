package io.palitra.data;

import io.palitra.config.ArgumentException;
import java.util.ArrayList;
import java.util.List;

/**
 * Handwritten-like digits drawn by the program: white ink on black, 10 classes, 60,000 for training and 10,000 to test. A digit is one of
 * several styles of pen strokes through control points; each item has its own slant, stretch, turn, shaking hand, pen width and pressure.
 * Item i is a pure function of (split, i), whatever the size. As in MNIST a digit fills a box of 20/28 of the side and lies with its centre
 * of mass in the middle.
 */
public final class Strokes implements ImageDataset {
    /**
     * Styles by digit. A style is strokes parted by '|', a stroke control points "x,y" in hundredths of a box (y down) joined by a smooth
     * curve (Catmull and Rom 1974), and '^' behind a point makes a corner there. A style that stands twice is twice as frequent.
     */
    private static final String[][] STYLES = {
        {"50,0 16,14 0,50 16,86 50,99 86,84 100,50 84,14 50,0", "56,0 26,16 12,52 24,88 48,99 72,84 84,46 74,12 50,2 40,8",
            "70,12 48,0 24,16 10,54 22,90 50,99 82,80 90,40 74,10 52,4", "50,2 30,14 20,50 30,86 50,98 70,86 80,50 70,14 48,2",
            "62,6 30,4 4,36 8,76 40,98 80,88 100,52 86,16 56,4 40,12", "40,6 68,1 90,32 82,78 50,99 18,80 12,36 30,8 60,12",
            "30,4 20,40 18,80 40,97 78,76 88,36 66,6 24,8", "40,4 18,30 16,74 44,99 80,80 88,38 74,8",
            "52,2 2,20 -14,56 10,90 52,99 100,84 114,48 92,12 50,2", "30,18 62,4 92,34 82,78 46,99 12,76 14,30 50,8 72,30",
            "70,26 44,6 12,34 18,80 52,99 88,74 86,28 54,4 32,14"},
        {"50,0 50,50 50,100", "56,0 50,50 44,100", "50,0 50,50 50,100", "54,0 50,50 46,100", "50,0 52,50 50,100", "52,0 46,50 48,100",
            "34,16 54,0^ 52,50 50,100", "24,24 56,0^ 54,50 54,100", "24,24 56,0^ 54,50 54,100 | 26,100 82,99"},
        {"12,24 30,5 58,1 80,18 74,42 46,70 10,97^ 50,95 92,95", "14,22 34,3 62,4 78,22 68,48 44,74 18,95 8,88 20,78 48,88 92,93",
            "10,14 44,2 76,14 78,38 46,66 12,94^ 48,90 90,97", "16,26 36,4 66,6 74,30 52,60 14,94 10,84 30,80 60,93 92,84",
            "12,8 46,2 74,14 72,36 44,64 10,96^ 90,94", "20,20 44,2 72,10 70,44 40,70 14,92 14,74 40,76 66,92 96,84",
            "28,34 16,18 40,2 70,10 72,40 44,74 12,98^ 50,94 94,96", "14,8 50,4 84,6^ 50,50 12,94^ 50,92 92,94",
            "10,16 40,2 66,18 54,54 20,86 4,84 12,70 40,76 98,90", "20,10 38,2 50,14 38,56 18,90^ 50,86 100,78",
            "22,12 50,0 74,16 66,50 40,88 22,99^ 50,92 84,88", "18,30 30,4 70,2 84,34 62,74 26,98 12,84 28,68 60,82 80,99",
            "20,28 40,4 72,8 86,40 70,80 34,98 10,86 24,66 54,72 96,92",
            "26,34 12,22 40,0 78,14 84,50 60,90 24,99 8,82 30,66 64,82 94,80"},
        {"15,12 44,0 78,15 70,37 42,47^ 80,55 88,78 56,99 12,88", "12,14 44,0 76,14 68,38 40,48 72,54 86,74 60,98 14,92",
            "14,4 80,3^ 44,40^ 76,46 88,72 56,99 10,88", "18,8 50,0 76,18 60,42 34,47^ 70,50 82,74 54,97 10,94",
            "16,14 44,0 74,14 64,38 42,48 36,42 48,40 80,58 82,86 48,99 10,88", "18,8 76,4^ 46,38^ 78,52 84,80 50,98 12,90",
            "10,20 30,4 66,2 78,18 60,38 38,46^ 66,44 90,60 82,88 46,99 14,94",
            "26,6 56,0 70,16 52,36 34,42^ 74,46 92,72 66,98 24,96 6,80", "8,14 40,0 82,14 80,42 44,56^ 66,58 74,76 54,98 20,96",
            "20,10 52,0 74,18 46,46^ 78,58 80,88 44,99 14,84 22,72", "14,6 50,2 76,16 46,42^ 70,52 72,74 46,96 8,99",
            "16,16 46,0 76,14 60,42 58,50 84,64 76,92 40,99 10,84", "18,20 50,2 72,18 30,46^ 76,56 74,84 44,99 14,90",
            "6,16 34,2 78,8 68,28 40,44^ 78,48 90,74 56,98 20,98"},
        {"22,2 14,26 12,50^ 48,50 88,48 | 74,0 70,50 66,100", "62,0 34,32 8,62^ 50,62 95,60 | 66,2 64,50 60,100",
            "15,4 12,34 28,52 56,50 82,38 | 86,2 78,50 68,100", "24,6 12,44 30,54 80,46 | 80,0 74,40 62,100",
            "70,0 40,24 10,58^ 60,58 92,56 | 74,10 70,60 68,100", "20,2 14,44 58,48 84,8^ 74,50 66,100",
            "10,6 8,40 20,54 60,54 92,50 | 88,4 82,50 80,100", "30,0 16,30 6,58^ 50,56 98,52 | 62,34 58,70 52,100",
            "24,4 20,36 34,48 60,46 | 84,0 70,50 56,100"},
        {"80,3 26,4^ 22,42^ 50,36 82,54 80,82 48,99 10,88", "30,5 22,42^ 54,37 85,60 70,91 36,99 10,88 | 30,5 60,4 90,0",
            "86,4 50,3 28,20 36,40 70,54 80,78 50,98 12,88", "38,8 28,44^ 62,42 76,68 54,94 12,96 | 38,8 88,2",
            "84,2 34,6^ 26,40 58,44 76,66 58,92 14,96", "98,2 40,8^ 30,40^ 56,38 74,56 66,86 36,99 8,92",
            "34,10 28,44^ 52,40 74,58 68,88 36,99 10,92 | 36,8 60,6 96,2", "84,4 54,2 26,18 34,40 66,54 78,76 56,97 16,94",
            "78,4 34,6^ 28,42^ 60,34 88,58 78,90 42,99 14,86 12,72", "70,2 36,4^ 26,36^ 70,38 94,64 70,96 26,98 4,84",
            "90,2 46,4^ 36,36 62,52 66,78 42,98 14,98", "74,4 40,6 26,44^ 52,40 78,62 66,92 36,96 22,80",
            "84,0 36,10^ 28,48^ 56,34 86,54 76,88 44,99 16,84", "96,6 34,12^ 24,50^ 60,42 80,66 62,94 30,96 14,80",
            "80,4 30,14^ 36,46^ 66,42 84,70 60,98 26,94 16,80"},
        {"75,2 42,20 16,54 18,84 48,99 80,84 76,59 48,51 18,70", "52,0 26,40 12,74 34,98 70,92 78,68 50,55 18,72",
            "62,0 30,32 14,70 28,96 62,96 76,74 58,58 26,70 20,82", "84,8 52,10 20,46 16,82 46,99 74,86 70,62 44,58 20,76",
            "60,0 36,30 18,66 22,94 52,98 72,80 58,62 34,68 20,82", "30,0 16,40 16,80 42,99 78,88 82,62 54,50 26,64 18,84",
            "40,0 14,40 14,80 46,99 86,84 88,58 58,50 26,66", "64,4 28,34 14,70 34,98 70,90 76,62 48,56 30,74 40,86",
            "22,0 14,36 12,76 34,98 76,92 90,68 66,52 34,62 14,84", "80,12 60,0 32,20 18,62 34,97 66,92 70,66 44,60 22,76",
            "20,4 6,50 22,92 60,98 90,72 72,48 46,62 40,90", "34,0 16,50 22,92 50,99 66,78 54,60 34,74 32,90",
            "14,2 4,46 16,88 52,99 90,86 92,62 64,54 36,78"},
        {"8,6 50,5 90,4^ 62,48 40,100", "8,8 50,6 88,5^ 60,50 42,100 | 30,54 76,50", "8,22 12,5^ 50,6 88,6^ 58,40 42,100",
            "10,10 46,4 86,8 70,40 50,100", "14,12 60,4 84,12 64,52 48,100", "20,30 22,6^ 50,8 80,2^ 66,46 58,100",
            "14,18 36,4 70,6 80,22 66,60 56,100", "0,10 50,6 98,2^ 70,40 48,100", "10,8 50,6 84,4^ 64,46 52,100 | 34,48 94,44",
            "14,10 50,8 86,4^ 62,50 46,100 | 26,58 90,50", "16,24 14,8^ 60,6 82,10 74,40 66,70 64,100",
            "16,14 50,4 82,8 76,32 60,66 44,98", "12,4 46,10 86,2^ 60,40 50,66 48,100", "6,36 12,10^ 50,14 90,4^ 68,48 56,100",
            "10,28 20,4 60,14 90,2^ 54,50 30,100"},
        {"75,12 46,0 20,17 44,44 80,72 56,98 18,80 40,53 72,30 74,10", "64,4 34,6 24,28 50,46 76,72 52,98 24,78 46,50 78,22 62,3",
            "50,0 24,12 28,36 52,47 76,34 74,10 48,0 | 52,47 22,62 20,88 50,99 80,86 76,60 52,47",
            "80,8 48,2 28,22 52,48 72,76 46,98 22,78 48,50 80,10", "78,8 46,14 30,30 50,48 74,72 54,98 24,80 44,54 70,34 86,4",
            "60,6 40,4 36,22 54,44 74,74 48,99 22,80 40,48 66,24 62,4", "76,14 44,0 16,22 40,48 66,72 52,98 30,84 44,56 82,34 76,8",
            "52,46 24,26 44,0 76,16 54,46 24,74 44,99 78,80 52,48", "72,10 44,2 24,20 50,44 76,70 56,97 26,90 34,64 62,36 90,6",
            "48,2 26,18 40,44 70,36 76,14 52,2 | 50,46 20,64 26,94 62,99 82,74 54,46",
            "96,6 66,14 32,4 20,26 54,48 70,76 44,99 24,78 50,50 94,8",
            "70,16 40,2 14,20 50,44 62,60 58,90 42,99 36,80 56,50 84,26 70,14"},
        {"80,18 52,2 18,20 24,45 54,47 80,20^ 79,55 72,100", "78,14 46,2 18,22 28,44 58,42 80,16 80,56 58,96 20,92",
            "72,12 42,6 22,28 40,46 70,36 80,12 74,56 58,100", "82,16 52,0 16,22 26,50 60,46 84,14^ 78,50 80,100",
            "76,10 44,4 20,24 34,42 66,34 78,12 70,50 52,98", "74,14 44,0 16,20 28,46 64,40 76,12^ 76,55 76,100",
            "76,14 44,0 18,22 34,46 66,36 78,10 82,60 64,97 28,96 14,82", "66,10 44,2 30,18 46,36 66,22 68,8 62,50 54,100",
            "80,20 46,4 8,24 16,50 56,50 80,24^ 74,60 66,100", "64,4 30,8 16,32 44,46 78,24^ 72,60 62,100",
            "84,10 46,4 24,28 44,44 74,28 86,8 70,50 46,100", "78,28 66,4 28,2 12,30 36,54 74,40 80,24 78,70 70,100",
            "80,10 50,4 18,30 30,46 60,36 78,10^ 70,56 64,100", "86,8 60,4 26,24 24,42 50,40 84,10^ 64,60 44,100",
            "70,6 40,10 22,30 34,40 66,24^ 64,60 56,100", "88,4 40,14 20,36 40,44 80,22 72,60 62,100"},
    };
    private static final List<String> NAMES = List.of("0", "1", "2", "3", "4", "5", "6", "7", "8", "9");
    private static final int TRAIN = 60_000, TEST = 10_000;
    /** Segments of a curve between two control points. */
    private static final int PIECES = 5;
    /** Strokes begin and end a little anywhere, within half this share of the way to the next control point. */
    private static final float REACH = 0.5f;
    private static final float[][][][] POINTS = new float[10][][][];   // digit, style, stroke: x0, y0, corner0, x1, ...

    static {
        for (int d = 0; d < 10; d++) {
            POINTS[d] = new float[STYLES[d].length][][];
            for (int s = 0; s < STYLES[d].length; s++) POINTS[d][s] = parse(STYLES[d][s]);
        }
    }

    private final Split split;
    private final ImageSpec spec;

    /** @param size side of the pictures in pixels; the digits are drawn at that size, not enlarged */
    public Strokes(Split split, int size) {
        if (size < 16 || size > 256) throw new ArgumentException("illegal size: " + size
            + ", strokes are drawn from 16 to 256 pixels");
        this.split = split;
        this.spec = new ImageSpec(1, size, size, 10);
    }

    private static float[][] parse(String style) {
        String[] strokes = style.split("\\|");
        float[][] parsed = new float[strokes.length][];
        for (int i = 0; i < strokes.length; i++) {
            String[] points = strokes[i].trim().split(" ");
            parsed[i] = new float[3 * points.length];
            for (int p = 0; p < points.length; p++) {
                boolean corner = points[p].endsWith("^");
                String[] xy = points[p].replace("^", "").split(",");
                parsed[i][3 * p] = Float.parseFloat(xy[0]) / 100;
                parsed[i][3 * p + 1] = Float.parseFloat(xy[1]) / 100;
                parsed[i][3 * p + 2] = corner ? 1 : 0;
            }
        }
        return parsed;
    }

    @Override public String name() { return "strokes"; }

    @Override public ImageSpec spec() { return spec; }

    @Override public int size() { return split == Split.TRAIN ? TRAIN : TEST; }

    @Override public List<String> classNames() { return NAMES; }

    /** Each block of ten items holds every class once, in an order of its own. */
    @Override public int label(int i) {
        StrokeNoise noise = new StrokeNoise(split, -1 - i / 10);
        int[] order = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
        for (int k = 9; k > 0; k--) {
            int j = (int) (noise.uniform() * (k + 1));
            int kept = order[k];
            order[k] = order[j];
            order[j] = kept;
        }
        return order[i % 10];
    }

    @Override public void pixels(int i, byte[] out, int offset) {
        if (i < 0 || i >= size()) throw new IndexOutOfBoundsException("strokes has items 0.." + (size() - 1) + ", asked for " + i);
        int side = spec.width();
        ink(digit(i), side, side / 28f, side / 2f, side / 2f, out, offset);
    }

    /** A digit as a pen wrote it: lines x0, y0, x1, ..., and how the pen was held. */
    record Digit(List<float[]> lines, float pen, float pressure, float wave) {}

    /** Item i before it is inked. */
    Digit digit(int i) {
        StrokeNoise noise = new StrokeNoise(split, i);
        float[][][] styles = POINTS[label(i)];
        float[][] style = styles[(int) (noise.uniform() * styles.length)];
        List<float[]> lines = new ArrayList<>();
        float shake = 0.012f + 0.034f * noise.uniform();
        float pressure = 0.25f * noise.uniform(), thick = noise.uniform();
        float pen = 0.78f + 0.7f * noise.uniform() + 0.75f * thick * thick * thick * thick;
        for (float[] stroke : style) lines.add(curve(stroke, shake, noise));
        hand(lines, noise);
        return new Digit(lines, pen, pressure, noise.uniform() * 6.28f);
    }

    /** Shaken control points joined by a smooth curve: x0, y0, x1, ... */
    private static float[] curve(float[] stroke, float shake, StrokeNoise noise) {
        int n = stroke.length / 3;
        float[] x = new float[n], y = new float[n];
        float dx = 0.5f * shake * noise.normal(), dy = 0.5f * shake * noise.normal();
        for (int p = 0; p < n; p++) {
            x[p] = stroke[3 * p] + dx + shake * noise.normal();
            y[p] = stroke[3 * p + 1] + dy + shake * noise.normal();
        }
        float early = REACH * (noise.uniform() - 0.5f), late = REACH * (noise.uniform() - 0.5f);
        x[0] += early * (x[1] - x[0]);
        y[0] += early * (y[1] - y[0]);
        x[n - 1] += late * (x[n - 2] - x[n - 1]);
        y[n - 1] += late * (y[n - 2] - y[n - 1]);
        float[] line = new float[2 * ((n - 1) * PIECES + 1)];
        int at = 0;
        for (int p = 0; p + 1 < n; p++) {
            boolean before = p == 0 || stroke[3 * p + 2] == 1, after = p + 2 == n || stroke[3 * p + 5] == 1;
            float mx = x[before ? p : p - 1], my = y[before ? p : p - 1], nx = x[after ? p + 1 : p + 2], ny = y[after ? p + 1 : p + 2];
            for (int k = 0; k < PIECES; k++) {
                float t = k / (float) PIECES;
                line[at++] = spline(mx, x[p], x[p + 1], nx, t);
                line[at++] = spline(my, y[p], y[p + 1], ny, t);
            }
        }
        line[at++] = x[n - 1];
        line[at] = y[n - 1];
        return line;
    }

    private static float spline(float a, float b, float c, float d, float t) {
        return 0.5f * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t * t * t);
    }

    /** Proportions, stretch, slant, turn and a slow bend, in place. */
    private static void hand(List<float[]> lines, StrokeNoise noise) {
        float stretch = 0.6f + 0.5f * noise.uniform() + 0.25f * noise.uniform() * noise.normal();
        float slant = 0.12f + 0.24f * noise.normal(), turn = 0.10f * noise.normal();
        float waist = 0.28f * noise.normal(), taper = 0.28f * noise.normal(), belly = 0.2f * noise.normal();
        stretch = Math.max(0.52f, stretch);
        float bendX = 0.05f * noise.normal(), bendY = 0.04f * noise.normal(), phase = 6.28f * noise.uniform();
        float cos = (float) Math.cos(turn), sin = (float) Math.sin(turn);
        for (float[] line : lines) {
            for (int p = 0; p < line.length; p += 2) {
                float x = line[p] - 0.5f, y = line[p + 1] - 0.5f;
                x = (x + belly * (0.25f - x * x)) * (1 + taper * y) * stretch;
                y += waist * (0.25f - y * y);
                x += bendX * (float) Math.sin(3 * y + phase) - slant * y;
                y += bendY * (float) Math.sin(4 * x + phase);
                line[p] = cos * x - sin * y;
                line[p + 1] = sin * x + cos * y;
            }
        }
    }

    /**
     * Inks a digit whose box is 20 units wide or high, its centre of mass at (x, y): side * side bytes, white on black.
     *
     * @param unit pixels of a unit; the pen was held for units of one pixel
     */
    static void ink(Digit digit, int side, float unit, float x, float y, byte[] out, int offset) {
        List<float[]> lines = digit.lines;
        float[] box = box(digit, unit);
        float radius = digit.pen * unit, scale = box[0], ox = x - box[1], oy = y - box[2];
        float[] ink = new float[side * side];
        for (float[] l : lines) {
            for (int p = 2; p < l.length; p += 2) {
                float along = p / (float) l.length;
                float r = radius * (1 + digit.pressure * (float) Math.sin(digit.wave + 5 * along))
                    * (along > 0.9f ? 1 - 1.5f * (along - 0.9f) : 1);
                segment(ink, side, scale * l[p - 2] + ox, scale * l[p - 1] + oy, scale * l[p] + ox, scale * l[p + 1] + oy, r, unit);
            }
        }
        for (int k = 0; k < ink.length; k++) out[offset + k] = (byte) (int) (255 * ink[k] + 0.5f);
    }

    /** How far ink reaches to the left, to the right, up and down from the centre of mass, in pixels. */
    static float[] reach(Digit digit, float unit) {
        float[] box = box(digit, unit);
        float pen = digit.pen * unit * (1 + digit.pressure) + 0.6f * unit;
        return new float[] {pen + box[1] - box[0] * box[3], pen + box[0] * box[4] - box[1], pen + box[2] - box[0] * box[5],
            pen + box[0] * box[6] - box[2]};
    }

    /** Pixels of a unit of the lines, the centre of mass in pixels, and the ends of the lines: left, right, top, bottom. */
    private static float[] box(Digit digit, float unit) {
        float left = 9, right = -9, top = 9, bottom = -9, mass = 0, cx = 0, cy = 0;
        for (float[] l : digit.lines) {
            for (int p = 0; p < l.length; p += 2) {
                left = Math.min(left, l[p]);
                right = Math.max(right, l[p]);
                top = Math.min(top, l[p + 1]);
                bottom = Math.max(bottom, l[p + 1]);
                if (p == 0) continue;
                float dx = l[p] - l[p - 2], dy = l[p + 1] - l[p - 1], length = (float) Math.sqrt(dx * dx + dy * dy);
                mass += length;
                cx += length * (l[p] + l[p - 2]) / 2;
                cy += length * (l[p + 1] + l[p - 1]) / 2;
            }
        }
        float radius = digit.pen * unit, scale = (20 * unit - 2 * radius) / Math.max(right - left, bottom - top);
        return new float[] {scale, scale * cx / mass, scale * cy / mass, left, right, top, bottom};
    }

    /** A capsule of radius r with an edge one unit wide; the darkest of all strokes stays. */
    private static void segment(float[] ink, int side, float ax, float ay, float bx, float by, float r, float unit) {
        float edge = 1.05f * unit, reach = r + edge / 2;
        int x0 = Math.max(0, (int) (Math.min(ax, bx) - reach)), x1 = Math.min(side - 1, (int) (Math.max(ax, bx) + reach));
        int y0 = Math.max(0, (int) (Math.min(ay, by) - reach)), y1 = Math.min(side - 1, (int) (Math.max(ay, by) + reach));
        float dx = bx - ax, dy = by - ay, inverse = 1 / Math.max(1e-9f, dx * dx + dy * dy);
        for (int y = y0; y <= y1; y++) {
            float py = y + 0.5f - ay;
            for (int x = x0; x <= x1; x++) {
                float px = x + 0.5f - ax, t = Math.max(0, Math.min(1, (px * dx + py * dy) * inverse));
                float ex = px - t * dx, ey = py - t * dy, squared = ex * ex + ey * ey;
                if (squared >= reach * reach) continue;
                float cover = Math.min(1, (reach - (float) Math.sqrt(squared)) / edge);
                int at = y * side + x;
                if (cover > ink[at]) ink[at] = cover;
            }
        }
    }

    /** Numbers of one item: SplitMix64 (Steele et al. 2014) from (split, item). */
    private static final class StrokeNoise {
        private long state;

        StrokeNoise(Split split, long item) { state = (item * 2 + split.ordinal()) * 0xD1342543DE82EF95L + 0x5851F42D4C957F2DL; }

        private long next() {
            long z = state += 0x9E3779B97F4A7C15L;
            z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
            z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
            return z ^ (z >>> 31);
        }

        float uniform() { return (next() >>> 40) * 0x1p-24f; }

        /** Nearly normal: the sum of four uniforms (Irwin and Hall), never beyond 3.5. */
        float normal() { return (uniform() + uniform() + uniform() + uniform() - 2) * 1.7320508f; }
    }
}
