package io.palitra.metric;

import io.palitra.config.ArgumentException;
import io.palitra.data.DataLoader;
import io.palitra.data.Scene.Background;
import io.palitra.data.Scene.Colour;
import io.palitra.data.Scene.Fact;
import io.palitra.data.Scene.Relation;
import io.palitra.data.Scene.Shape;
import io.palitra.data.Scene.Size;
import io.palitra.data.Scene.Thing;
import io.palitra.data.Scene;
import io.palitra.data.SceneDrawing;
import io.palitra.engine.Tensor;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Reads a picture of a scene back: what stands before what background, found by image analysis alone. Each pixel has the nearest of
 * the eight colours, patches of one colour are compared with each of the eight shapes. Nothing is learnt, so that it cannot share the
 * errors of a model that learnt from the same pictures.
 */
public final class SceneCheck {
    /** Farthest from a colour, in 0..255, that still counts as that colour. */
    private static final double NEAR = 62;
    /** Of a pixel at an edge, how much of the thing's colour makes it the thing's, and how far the mixture may be from it. */
    private static final double HALF = 0.5, MIXED = 40;
    /** Least share of the picture that a thing covers, and the least share of the largest thing of its colour. */
    private static final double LEAST = 0.0075, OF_LARGEST = 0.4;
    private static final double UNLIKE = 0.5;
    private static final int NONE = -1;
    private static final double[][] COLOURS = Arrays.stream(Colour.values())
        .map(c -> Arrays.stream(SceneDrawing.rgb(c)).asDoubleStream().toArray()).toArray(double[][]::new);
    private static final Moments[] MOMENTS = Arrays.stream(Shape.values()).map(Moments::of).toArray(Moments[]::new);

    /** Of a shape of radius 1 without its holes: area and centre of mass. */
    private record Moments(double area, double x, double y) {
        static Moments of(Shape shape) {
            int n = 200, hits = 0;
            double sx = 0, sy = 0;
            for (int k = 0; k < n * n; k++) {
                double x = 2.4 * (k % n + 0.5) / n - 1.2, y = 2.4 * (k / n + 0.5) / n - 1.2;
                if (!SceneDrawing.covers(shape, x, y) && !(shape == Shape.RING && x * x + y * y < 0.5)) continue;
                hits++;
                sx += x;
                sy += y;
            }
            return new Moments(hits * 2.4 * 2.4 / (n * n), sx / hits, sy / hits);
        }
    }

    /**
     * How much of a wanted scene a picture shows.
     *
     * @param found of the things wanted, those there in their shape and colour
     * @param related of the relations wanted, those in which the things found stand
     * @param exact whether all are, and nothing else is there
     */
    public record Score(int found, int things, int related, int facts, boolean exact) {}

    private final int side;
    private final double[][] rgb;   // by pixel
    private final int[] label;

    private SceneCheck(byte[] chw, int side) {
        this.side = side;
        rgb = new double[side * side][3];
        for (int p = 0; p < side * side; p++) for (int c = 0; c < 3; c++) rgb[p][c] = chw[c * side * side + p] & 255;
        label = new int[side * side];
    }

    /** Pictures [B,3,S,S] in [-1,1], each read for itself. Waits for the device. */
    public static List<Scene> read(Tensor x) {
        if (x.shape().length != 4 || x.size(1) != 3 || x.size(2) != x.size(3)) {
            throw new ArgumentException("SceneCheck reads square pictures in colour [B,3,S,S], got " + x);
        }
        byte[] all = DataLoader.toBytes(x);
        int side = (int) x.size(2), n = 3 * side * side;
        List<Scene> scenes = new ArrayList<>();
        for (int b = 0; b < x.size(0); b++) scenes.add(read(Arrays.copyOfRange(all, b * n, (b + 1) * n), side));
        return scenes;
    }

    /**
     * A picture of 3 * side * side bytes, channel by channel. Its facts are all relations that are clear; sizes and places are as the
     * shapes fit best. For any other picture the result is the nearest scene.
     */
    public static Scene read(byte[] chw, int side) {
        if (side < 16 || chw.length != 3 * side * side) {
            throw new ArgumentException("illegal picture: " + chw.length + " bytes for a side of " + side
                + ", must be 3 * side * side with a side of at least 16");
        }
        return new SceneCheck(chw, side).read();
    }

    /** Compares a picture's scene with the wanted one; sizes, places and the background are left out. */
    public static Score score(Scene wanted, Scene seen) {
        int[] match = new int[wanted.things().size()];
        boolean[] taken = new boolean[seen.things().size()];
        Arrays.fill(match, NONE);
        int found = 0, related = 0;
        for (int i = 0; i < match.length; i++) {
            Thing w = wanted.things().get(i);
            for (int j = 0; j < taken.length && match[i] < 0; j++) {
                Thing s = seen.things().get(j);
                if (taken[j] || s.shape() != w.shape() || s.colour() != w.colour()) continue;
                match[i] = j;
                taken[j] = true;
                found++;
            }
        }
        for (Fact f : wanted.facts()) {
            int a = match[f.subject()], b = match[f.object()];
            if (a >= 0 && b >= 0 && seen.relation(a, b).equals(Optional.of(f.relation()))) related++;
        }
        boolean exact = found == match.length && found == taken.length && related == wanted.facts().size();
        return new Score(found, match.length, related, wanted.facts().size(), exact);
    }

    private Scene read() {
        Background background = background();
        name(background);
        grow();
        List<Patch> patches = patches();
        List<Thing> things = new ArrayList<>();
        for (Patch p : patches) shape(p, patches).ifPresent(things::add);
        things.sort(Scene::ordered);
        List<Fact> facts = new ArrayList<>();
        for (int a = 0; a < things.size(); a++) {
            for (int b = a + 1; b < things.size(); b++) {
                Optional<Relation> r = Scene.relation(things.get(a), things.get(b));
                if (r.isPresent()) facts.add(new Fact(a, r.get(), b));
            }
        }
        return new Scene(background, things, facts);
    }

    /** By the two columns at each side, where things hardly are: dark, or along a line from top to bottom, or by what the ground is. */
    private Background background() {
        double[][] edge = new double[side][3];
        double light = 0;
        for (int y = 0; y < side; y++) {
            for (int c = 0; c < 3; c++) {
                double[] at = new double[4];
                for (int k = 0; k < 4; k++) at[k] = rgb[y * side + new int[] {0, 1, side - 2, side - 1}[k]][c];
                Arrays.sort(at);
                edge[y][c] = (at[1] + at[2]) / 2;
                light += edge[y][c] / (3.0 * side);
            }
        }
        if (light < 80) return Background.NIGHT;
        double left = 0, steepest = 0;
        for (int c = 0; c < 3; c++) {
            double mean = 0, slope = 0, squares = 0;
            for (int y = 0; y < side; y++) mean += edge[y][c] / side;
            for (int y = 0; y < side; y++) {
                double t = (y + 0.5) / side - 0.5;
                slope += t * (edge[y][c] - mean);
                squares += t * t;
            }
            slope /= squares;
            for (int y = 0; y < side; y++) {
                double rest = edge[y][c] - mean - slope * ((y + 0.5) / side - 0.5);
                left += rest * rest / (3.0 * side);
            }
            steepest = Math.max(steepest, Math.abs(slope));
        }
        if (Math.sqrt(left) < 9) return steepest < 20 ? Background.PLAIN : Background.GRADIENT;
        double[] ground = new double[3];
        for (int c = 0; c < 3; c++) {
            int from = side - side / 4, channel = c;
            double[] low = java.util.stream.IntStream.range(from, side).mapToDouble(y -> edge[y][channel]).sorted().toArray();
            ground[c] = low[low.length / 2];
        }
        double desert = distance(ground, new double[] {236, 204, 146}), grass = distance(ground, new double[] {128, 184, 84});
        double snow = distance(ground, new double[] {240, 245, 251});
        return desert < grass && desert < snow ? Background.DESERT : grass < snow ? Background.GRASS : Background.SNOW;
    }

    private static double distance(double[] a, double[] b) {
        return Math.sqrt((a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1]) + (a[2] - b[2]) * (a[2] - b[2]));
    }

    /** Each pixel's nearest colour, if near enough and seen on that background. */
    private void name(Background background) {
        for (int p = 0; p < label.length; p++) {
            label[p] = NONE;
            double best = NEAR;
            for (int c = 0; c < COLOURS.length; c++) {
                double d = distance(rgb[p], COLOURS[c]);
                if (d >= best) continue;
                best = d;
                label[p] = background.hides(Colour.values()[c]) ? NONE : c;
            }
        }
    }

    /** Pixels beside a thing that are more its colour than what is around, twice: what is thin was mixed everywhere. */
    private void grow() {
        for (int turn = 0; turn < 2; turn++) {
            int[] before = label.clone();
            for (int p = 0; p < before.length; p++) {
                if (before[p] != NONE) continue;
                int x = p % side, y = p / side;
                double[] thing = new double[3], around = new double[3];
                int things = 0, others = 0, colour = NONE;
                for (int dy = -3; dy <= 3; dy++) {
                    for (int dx = -3; dx <= 3; dx++) {
                        if (x + dx < 0 || x + dx >= side || y + dy < 0 || y + dy >= side) continue;
                        int q = p + dy * side + dx;
                        boolean near = Math.abs(dx) <= 1 && Math.abs(dy) <= 1;
                        if (before[q] != NONE && near && (colour == NONE || before[q] == colour)) {
                            colour = before[q];
                            things++;
                            for (int c = 0; c < 3; c++) thing[c] += rgb[q][c];
                        } else if (before[q] == NONE && Math.max(Math.abs(dx), Math.abs(dy)) == 3) {
                            others++;
                            for (int c = 0; c < 3; c++) around[c] += rgb[q][c];
                        }
                    }
                }
                if (things == 0 || others == 0) continue;
                double[] pure = COLOURS[colour];
                double dot = 0, squares = 0;
                for (int c = 0; c < 3; c++) {
                    around[c] /= others;
                    thing[c] = (thing[c] / things + pure[c]) / 2;
                    dot += (rgb[p][c] - around[c]) * (thing[c] - around[c]);
                    squares += (thing[c] - around[c]) * (thing[c] - around[c]);
                }
                double share = squares == 0 ? 0 : Math.min(1, dot / squares);
                double[] mixture = new double[3];
                for (int c = 0; c < 3; c++) mixture[c] = around[c] + share * (thing[c] - around[c]);
                if (share > HALF && distance(mixture, rgb[p]) < MIXED) label[p] = colour;
            }
        }
    }

    /** Pixels of one colour that touch. */
    private record Patch(int colour, List<Integer> pixels, int[] box) {
        boolean within(Patch o) { return box[0] >= o.box[0] && box[1] >= o.box[1] && box[2] <= o.box[2] && box[3] <= o.box[3]; }
    }

    private List<Patch> patches() {
        boolean[] seen = new boolean[label.length];
        List<Patch> all = new ArrayList<>();
        for (int start = 0; start < label.length; start++) {
            if (label[start] == NONE || seen[start]) continue;
            Patch patch = new Patch(label[start], new ArrayList<>(), new int[] {side, side, 0, 0});
            ArrayDeque<Integer> open = new ArrayDeque<>(List.of(start));
            seen[start] = true;
            while (!open.isEmpty()) {
                int p = open.poll(), x = p % side, y = p / side;
                patch.pixels.add(p);
                patch.box[0] = Math.min(patch.box[0], x);
                patch.box[1] = Math.min(patch.box[1], y);
                patch.box[2] = Math.max(patch.box[2], x);
                patch.box[3] = Math.max(patch.box[3], y);
                for (int k = 0; k < 9; k++) {
                    int nx = x + k % 3 - 1, ny = y + k / 3 - 1, q = ny * side + nx;
                    if (nx < 0 || nx >= side || ny < 0 || ny >= side || seen[q] || label[q] != patch.colour) continue;
                    seen[q] = true;
                    open.add(q);
                }
            }
            if (patch.pixels.size() >= LEAST * label.length && !between(patch)) all.add(patch);
        }
        int[] largest = new int[Colour.values().length];
        for (Patch p : all) largest[p.colour] = Math.max(largest[p.colour], p.pixels.size());
        all.removeIf(p -> p.pixels.size() < OF_LARGEST * largest[p.colour]);
        return all;
    }

    /** Whether a patch is the thin seam of two things of other colours: red and yellow meet in orange. */
    private boolean between(Patch patch) {
        int seam = 0, core = 0;
        for (int p : patch.pixels) {
            int x = p % side, y = p / side, one = NONE;
            boolean two = false;
            if (x > 0 && x < side - 1 && y > 0 && y < side - 1 && label[p - 1] == patch.colour && label[p + 1] == patch.colour
                && label[p - side] == patch.colour && label[p + side] == patch.colour) core++;
            for (int k = 0; k < 25; k++) {
                int nx = x + k % 5 - 2, ny = y + k / 5 - 2;
                if (nx < 0 || nx >= side || ny < 0 || ny >= side) continue;
                int other = label[ny * side + nx];
                if (other == NONE || other == patch.colour) continue;
                two |= one != NONE && other != one;
                one = other;
            }
            if (two) seam++;
        }
        return seam > patch.pixels.size() / 2 && core < patch.pixels.size() / 3;
    }

    /** How much of each pixel of a window is a patch's; -1 where another lies on it. */
    private record Window(int x0, int y0, int width, int height, double[] cover) {}

    private Optional<Thing> shape(Patch patch, List<Patch> all) {
        boolean[] mine = mask(patch), foreign = new boolean[label.length];
        for (Patch o : all) {
            if (o == patch || !o.within(patch)) continue;
            boolean[] inner = wider(enclosed(o), 1);   // and the pixels about it, which are mixed
            for (int p = 0; p < inner.length; p++) foreign[p] |= inner[p] && !mine[p];
        }
        Window w = window(patch, mine, foreign);
        double[] filled = filled(w);
        double area = 0, mx = 0, my = 0;
        for (int k = 0; k < filled.length; k++) {
            area += filled[k];
            mx += filled[k] * (w.x0 + k % w.width + 0.5);
            my += filled[k] * (w.y0 + k / w.width + 0.5);
        }
        double[][] fits = new double[MOMENTS.length][];   // x, y, radius, tilt, error
        for (int s = 0; s < fits.length; s++) {
            double r = Math.sqrt(area / MOMENTS[s].area);
            fits[s] = new double[] {mx / area - r * MOMENTS[s].x, my / area - r * MOMENTS[s].y, r, 0, 0};
            fits[s][4] = error(w, Shape.values()[s], fits[s]);
        }
        double promising = Arrays.stream(fits).mapToDouble(f -> f[4]).min().orElseThrow() * 2 + 0.05;
        int best = 0;
        for (int s = 0; s < fits.length; s++) {
            if (fits[s][4] <= promising) refine(w, Shape.values()[s], fits[s]);
            if (fits[s][4] < fits[best][4]) best = s;
        }
        if (fits[best][4] > UNLIKE) return Optional.empty();
        double r = fits[best][2] / side;
        return Optional.of(new Thing(Shape.values()[best], Colour.values()[patch.colour], r < Scene.MIDDLE ? Size.SMALL : Size.LARGE,
            fits[best][0] / side, fits[best][1] / side, r));
    }

    private boolean[] mask(Patch patch) {
        boolean[] mask = new boolean[label.length];
        for (int p : patch.pixels) mask[p] = true;
        return mask;
    }

    /** A patch and all that is not connected to the edges of its box around it. */
    private boolean[] enclosed(Patch patch) {
        int x0 = patch.box[0], y0 = patch.box[1], width = patch.box[2] - x0 + 1, height = patch.box[3] - y0 + 1;
        double[] cover = new double[width * height];
        for (int p : patch.pixels) cover[(p / side - y0) * width + p % side - x0] = 1;
        double[] filled = filled(new Window(x0, y0, width, height, cover));
        boolean[] mask = new boolean[label.length];
        for (int k = 0; k < filled.length; k++) mask[(y0 + k / width) * side + x0 + k % width] = filled[k] == 1;
        return mask;
    }

    /** A mask and all pixels within {@code by} columns and rows of it. */
    private boolean[] wider(boolean[] mask, int by) {
        boolean[] out = mask.clone();
        for (int p = 0; p < mask.length; p++) {
            if (!mask[p]) continue;
            for (int y = Math.max(0, p / side - by); y <= Math.min(side - 1, p / side + by); y++) {
                for (int x = Math.max(0, p % side - by); x <= Math.min(side - 1, p % side + by); x++) out[y * side + x] = true;
            }
        }
        return out;
    }

    private Window window(Patch patch, boolean[] mine, boolean[] foreign) {
        int x0 = Math.max(0, patch.box[0] - 3), y0 = Math.max(0, patch.box[1] - 3);
        int x1 = Math.min(side - 1, patch.box[2] + 3), y1 = Math.min(side - 1, patch.box[3] + 3);
        int width = x1 - x0 + 1, height = y1 - y0 + 1, edge = side < 48 ? 1 : 2;
        boolean[] rest = new boolean[label.length];
        for (int p = 0; p < rest.length; p++) rest[p] = !mine[p];
        boolean[] near = wider(mine, edge), outer = wider(rest, edge);
        double[] cover = new double[width * height], pure = pure(patch);
        for (int k = 0; k < cover.length; k++) {
            int p = (y0 + k / width) * side + x0 + k % width;
            cover[k] = foreign[p] ? -1 : !near[p] ? 0 : !outer[p] ? 1 : share(p, pure, mine[p], near, foreign, edge + 2);
        }
        return new Window(x0, y0, width, height, cover);
    }

    /** The mean of those pixels of a patch that are nearest to its colour. */
    private double[] pure(Patch patch) {
        List<Integer> nearest = new ArrayList<>(patch.pixels);
        nearest.sort(java.util.Comparator.comparingDouble(p -> distance(rgb[p], COLOURS[patch.colour])));
        double[] mean = new double[3];
        int n = (nearest.size() + 1) / 2;
        for (int k = 0; k < n; k++) for (int c = 0; c < 3; c++) mean[c] += rgb[nearest.get(k)][c] / n;
        return mean;
    }

    /** How much of a pixel at the edge of a patch is the patch's, by what is around it. */
    private double share(int p, double[] pure, boolean mine, boolean[] near, boolean[] foreign, int reach) {
        double[] around = new double[3];
        int n = 0, x = p % side, y = p / side;
        for (int ny = Math.max(0, y - reach); ny <= Math.min(side - 1, y + reach); ny++) {
            for (int nx = Math.max(0, x - reach); nx <= Math.min(side - 1, x + reach); nx++) {
                int q = ny * side + nx;
                if (near[q] || foreign[q]) continue;
                n++;
                for (int c = 0; c < 3; c++) around[c] += rgb[q][c];
            }
        }
        if (n == 0) return mine ? 1 : 0;
        double dot = 0, squares = 1e-9;
        for (int c = 0; c < 3; c++) {
            around[c] /= n;
            dot += (rgb[p][c] - around[c]) * (pure[c] - around[c]);
            squares += (pure[c] - around[c]) * (pure[c] - around[c]);
        }
        return Math.max(0, Math.min(1, dot / squares));
    }

    /** The window with what is enclosed in it filled: what is not connected to its edges. */
    private static double[] filled(Window w) {
        double[] out = new double[w.cover.length];
        Arrays.fill(out, 1);
        ArrayDeque<Integer> open = new ArrayDeque<>();
        for (int k = 0; k < out.length; k++) {
            int x = k % w.width, y = k / w.width;
            if ((x == 0 || y == 0 || x == w.width - 1 || y == w.height - 1) && w.cover[k] < HALF) {
                out[k] = 0;
                open.add(k);
            }
        }
        while (!open.isEmpty()) {
            int k = open.poll(), x = k % w.width, y = k / w.width;
            for (int d = 0; d < 4; d++) {
                int nx = x + (d == 0 ? 1 : d == 1 ? -1 : 0), ny = y + (d == 2 ? 1 : d == 3 ? -1 : 0), q = ny * w.width + nx;
                if (nx < 0 || nx >= w.width || ny < 0 || ny >= w.height || out[q] == 0 || w.cover[q] >= HALF) continue;
                out[q] = 0;
                open.add(q);
            }
        }
        return out;
    }

    /** Squared difference of the window and a shape there, by the mean of their areas. */
    private static double error(Window w, Shape shape, double[] at) {
        double cos = Math.cos(at[3]), sin = Math.sin(at[3]), wrong = 0, areas = 0, far = 1.2 * at[2] + 0.8;
        for (int k = 0; k < w.cover.length; k++) {
            if (w.cover[k] < 0) continue;
            double covered = 0, dx = w.x0 + k % w.width + 0.5 - at[0], dy = w.y0 + k / w.width + 0.5 - at[1];
            for (int q = 0; q < 4 && dx * dx + dy * dy < far * far; q++) {
                double x = (w.x0 + k % w.width + 0.25 + 0.5 * (q % 2) - at[0]) / at[2];
                double y = (w.y0 + k / w.width + 0.25 + 0.5 * (q / 2) - at[1]) / at[2];
                if (SceneDrawing.covers(shape, cos * x + sin * y, cos * y - sin * x)) covered += 0.25;
            }
            wrong += (w.cover[k] - covered) * (w.cover[k] - covered);
            areas += (w.cover[k] + covered) / 2;
        }
        return wrong / areas;
    }

    /** Moves, scales and turns a fit while that makes it better. */
    private static void refine(Window w, Shape shape, double[] fit) {
        double[] step = {0.5, 0.5, 0.06 * fit[2], 0.12};
        for (int turn = 0; turn < 3; turn++) {
            for (int k = 0; k < 4; k++) {
                for (double by : new double[] {step[k], -step[k]}) {
                    double[] moved = fit.clone();
                    moved[k] += by;
                    moved[4] = error(w, shape, moved);
                    if (moved[4] < fit[4]) System.arraycopy(moved, 0, fit, 0, 5);
                }
            }
            if (turn > 0) for (int k = 0; k < 4; k++) step[k] /= 2;
        }
    }
}
