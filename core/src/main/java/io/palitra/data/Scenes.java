package io.palitra.data;

import io.palitra.config.ArgumentException;
import io.palitra.data.Scene.Background;
import io.palitra.data.Scene.Colour;
import io.palitra.data.Scene.Composition;
import io.palitra.data.Scene.Fact;
import io.palitra.data.Scene.Shape;
import io.palitra.data.Scene.Size;
import io.palitra.data.Scene.Thing;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Scenes of coloured shapes drawn by the program, with captions in English and in Russian: 50,000 for training and 10,000 to test. Item i
 * is a pure function of (split, i), whatever the size. What it shows is a {@link Scene}; no thing hides another, but one inside another
 * covers its middle. Training is of {@link Composition#SEEN} alone; of four test items in a row two are, the third has a new pair, the
 * fourth a new relation. The class of an item is the shape of its first thing: of the large ones, else of all, the one nearest to the upper
 * left.
 */
public final class Scenes implements ImageDataset {
    private static final int TRAIN = 50_000, TEST = 10_000;
    private static final int LEAST = 32, MOST = 256;
    /** Captions of an item in each language. */
    static final int CAPTIONS = 4;
    /** Room at the edges of a picture and between things. */
    private static final double EDGE = 0.02, GAP = 0.03;
    private static final List<String> NAMES = Arrays.stream(Shape.values()).map(s -> s.name().toLowerCase(Locale.ROOT)).toList();

    private final Split split;
    private final ImageSpec spec;

    /** @param size side of the pictures in pixels; things are drawn at that size, not enlarged */
    public Scenes(Split split, int size) {
        if (size < LEAST || size > MOST) {
            throw new ArgumentException("illegal size: " + size + ", scenes are drawn from " + LEAST + " to " + MOST + " pixels");
        }
        this.split = split;
        spec = new ImageSpec(3, size, size, NAMES.size());
    }

    @Override public String name() { return "scenes"; }

    @Override public ImageSpec spec() { return spec; }

    @Override public int size() { return split == Split.TRAIN ? TRAIN : TEST; }

    @Override public int label(int i) { return scene(i).things().get(0).shape().ordinal(); }

    @Override public List<String> classNames() { return NAMES; }

    /** Of what composition item i is. */
    public Composition composition(int i) {
        if (split == Split.TRAIN || i % 4 < 2) return Composition.SEEN;
        return i % 4 == 2 ? Composition.NEW_PAIR : Composition.NEW_RELATION;
    }

    /** What item i shows. */
    public Scene scene(int i) { return scene(composition(i), noise(i, 0)); }

    private SplitMix noise(int i, int purpose) {
        if (i < 0 || i >= size()) throw new IndexOutOfBoundsException("scenes has items 0.." + (size() - 1) + ", asked for " + i);
        return new SplitMix(i * 4L + purpose, split);
    }

    /** The first that is of a composition. */
    private static Scene scene(Composition wanted, SplitMix noise) {
        while (true) {
            Scene scene = any(wanted, noise);
            if (scene == null) continue;
            if (scene.composition() == wanted && (wanted != Composition.NEW_PAIR || !scene.newRelation())) return scene;
        }
    }

    @Override public void pixels(int i, byte[] out, int offset) {
        SceneDrawing.draw(scene(i), noise(i, 1), spec.width(), out, offset);
    }

    /** Four captions in each language, English and Russian in turn; the first of each is complete. */
    @Override public List<String> captions(int i) {
        List<String> all = new ArrayList<>();
        Scene scene = scene(i);
        List<String> english = some(scene, SceneGrammar.Language.ENGLISH, noise(i, 2));
        List<String> russian = some(scene, SceneGrammar.Language.RUSSIAN, noise(i, 3));
        for (int k = 0; k < CAPTIONS; k++) all.addAll(List.of(english.get(k), russian.get(k)));
        return all;
    }

    /** The captions of item i in one language; the first is complete. */
    public List<String> captions(int i, SceneGrammar.Language language) {
        return some(scene(i), language, noise(i, language == SceneGrammar.Language.ENGLISH ? 2 : 3));
    }

    /** The complete caption, and others drawn at random. */
    private static List<String> some(Scene scene, SceneGrammar.Language language, SplitMix noise) {
        List<String> all = new ArrayList<>(SceneGrammar.captions(scene, language)), some = new ArrayList<>();
        some.add(all.remove(0));
        while (some.size() < CAPTIONS) some.add(all.remove(noise.below(all.size())));
        return some;
    }

    /** A scene, or null where the things drawn have no room together. */
    private static @Nullable Scene any(Composition wanted, SplitMix noise) {
        Background background = Background.values()[noise.below(6)];
        double count = noise.uniform();
        int n = wanted == Composition.NEW_RELATION ? count < 0.65 ? 2 : 3 : count < 0.35 ? 1 : count < 0.8 ? 2 : 3;
        List<Colour> colours = new ArrayList<>(List.of(Colour.values()));
        colours.removeIf(background::hides);
        Shape[] shapes = new Shape[n];
        Colour[] coloured = new Colour[n];
        for (int k = 0; k < n; k++) {
            shapes[k] = Shape.values()[noise.below(8)];
            coloured[k] = colours.remove(noise.below(colours.size()));
        }
        double[][] at = switch (n) {   // x, y, radius
            case 1 -> one(noise);
            case 2 -> shapes[0].holds() && noise.uniform() < 0.4 ? held(0.5, 0.5, 0.07, noise) : pair(noise);
            default -> shapes[0].holds() && noise.uniform() < 0.4 ? heldBeside(noise) : three(noise);
        };
        List<Thing> things = new ArrayList<>();
        for (int k = 0; k < n; k++) {
            Size size = at[k][2] < Scene.MIDDLE ? Size.SMALL : Size.LARGE;
            things.add(new Thing(shapes[k], coloured[k], size, at[k][0], at[k][1], at[k][2]));
        }
        return related(background, things);
    }

    /** The things in order, each related to the one that all others stand in a clear relation to; null if there is none. */
    private static @Nullable Scene related(Background background, List<Thing> things) {
        Thing first = things.get(0);
        for (int k = 1; k < things.size(); k++) if (Scene.relation(things.get(k), first).isEmpty()) return null;
        List<Thing> ordered = things.stream().sorted(Scene::ordered).toList();
        int object = ordered.indexOf(first);
        List<Fact> facts = new ArrayList<>();
        for (int k = 0; k < ordered.size(); k++) {
            if (k != object) facts.add(new Fact(k, Scene.relation(ordered.get(k), first).orElseThrow(), object));
        }
        return new Scene(background, ordered, facts);
    }

    private static double radius(boolean large, SplitMix noise) { return large ? noise.between(0.2, 0.225) : noise.between(0.125, 0.14); }

    private static double[][] one(SplitMix noise) {
        boolean large = noise.uniform() < 0.5;
        double r = large ? noise.between(0.21, 0.28) : noise.between(0.125, 0.145), far = 0.5 - EDGE - r;
        double[] xy = new double[2];
        for (int k = 0; k < 2; k++) {
            int third = noise.below(3) - 1;   // clearly in one third, which captions name
            xy[k] = 0.5 + (third == 0 ? noise.between(-0.05, 0.05) : third * noise.between(Math.min(far, 0.14), far));
        }
        return new double[][] {{xy[0], xy[1], r}};
    }

    /** The first is a thing that holds the second. */
    private static double[][] held(double x, double y, double by, SplitMix noise) {
        double r = noise.between(0.27, 0.3), cx = x + noise.between(-by, by), cy = y + noise.between(-by, by);
        return new double[][] {{cx, cy, r}, {cx + noise.between(-0.012, 0.012), cy + noise.between(-0.012, 0.012),
            noise.between(0.125, 0.135)}};
    }

    private static double[][] heldBeside(SplitMix noise) {
        double r = noise.between(0.125, 0.132), outer = 0.27;
        double first = EDGE + outer + noise.between(0, 0.015), second = 1 - EDGE - r - noise.between(0, 0.02);
        double across = noise.between(0.4, 0.6);
        double[][] at = held(first, across, 0, noise);
        double low = across - 0.15, high = across + 0.15;
        return turned(new double[][] {{at[0][0], at[0][1], outer}, at[1], {second, noise.between(low, high), r}}, noise);
    }

    /** Two side by side, or one above the other. */
    private static double[][] pair(SplitMix noise) {
        double a = radius(noise.uniform() < 0.5, noise), b = radius(noise.uniform() < 0.5, noise);
        double left = 1 - 2 * EDGE - GAP - 2 * a - 2 * b, first = noise.uniform() * left / 2, last = noise.uniform() * left / 2;
        double xa = EDGE + first + a, xb = 1 - EDGE - last - b, room = (xb - xa) / 2.2;
        double ya = noise.between(EDGE + a, 1 - EDGE - a);
        double yb = noise.between(Math.max(EDGE + b, ya - room), Math.min(1 - EDGE - b, ya + room));
        return turned(new double[][] {{xa, ya, a}, {xb, yb, b}}, noise);
    }

    /** A row of three small ones, the first in the middle; or one beside and one above or below the first. */
    private static double[][] three(SplitMix noise) {
        if (noise.uniform() < 0.4) {
            double y = noise.between(0.25, 0.75);
            double[][] at = new double[3][];
            for (int k = 0; k < 3; k++) {
                double r = noise.between(0.125, 0.138), x = k == 0 ? 0.5 : k == 1 ? EDGE + r : 1 - EDGE - r;
                double off = k == 0 ? noise.between(-0.02, 0.02) : noise.between(0, 0.01) * (k == 1 ? 1 : -1);
                at[k] = new double[] {x + off, y + noise.between(-0.06, 0.06), r};
            }
            return turned(at, noise);
        }
        double[] r = new double[3];
        for (int k = 0; k < 3; k++) r[k] = radius(noise.uniform() < 0.4, noise);
        double across = Math.max(r[0], r[2]), down = Math.max(r[0], r[1]);
        double wide = 1 - 2 * EDGE - GAP - across - r[0] - 2 * r[1], high = 1 - 2 * EDGE - GAP - down - r[0] - 2 * r[2];
        double x = EDGE + across + noise.uniform() * Math.min(0.08, wide / 2), y = EDGE + down + noise.uniform() * Math.min(0.08, high / 2);
        double beside = 1 - EDGE - r[1] - noise.uniform() * Math.min(0.08, wide / 2);
        double below = 1 - EDGE - r[2] - noise.uniform() * Math.min(0.08, high / 2);
        return turned(new double[][] {{x, y, r[0]}, {beside, y + noise.between(0, 0.05), r[1]}, {x + noise.between(0, 0.05), below, r[2]}},
            noise);
    }

    /** Turned to one of the eight ways in which a square can lie. */
    private static double[][] turned(double[][] at, SplitMix noise) {
        int way = noise.below(8);
        for (double[] p : at) {
            if ((way & 1) != 0) p[0] = 1 - p[0];
            if ((way & 2) != 0) p[1] = 1 - p[1];
            if ((way & 4) != 0) {
                double x = p[0];
                p[0] = p[1];
                p[1] = x;
            }
        }
        return at;
    }
}
