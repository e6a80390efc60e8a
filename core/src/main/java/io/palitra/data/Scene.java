package io.palitra.data;

import java.util.List;
import java.util.Optional;

/**
 * What a drawn scene shows: one to three things of different colours before a background. Lengths are in sides of the picture, x to the
 * right, y down.
 *
 * @param things large ones first, then by x + y; see {@link #ordered}
 * @param facts what a whole caption states of them: each of the other things stands in a relation to the same one
 */
public record Scene(Background background, List<Thing> things, List<Fact> facts) {
    /** Eight shapes that differ visibly at eight pixels. */
    public enum Shape {
        CIRCLE, SQUARE, TRIANGLE, STAR, HEART, CROSS, RING, CRESCENT;

        /** Whether other things may be drawn inside. */
        public boolean holds() { return this == CIRCLE || this == SQUARE || this == RING; }
    }

    public enum Colour { RED, ORANGE, YELLOW, GREEN, BLUE, PURPLE, WHITE, BLACK }

    public enum Size { SMALL, LARGE }

    public enum Background {
        PLAIN, GRADIENT, DESERT, SNOW, GRASS, NIGHT;

        /** Colours that would not be seen on it, and are never drawn there. */
        public boolean hides(Colour c) {
            return switch (this) {
                case PLAIN, GRADIENT -> false;
                case DESERT -> c == Colour.YELLOW || c == Colour.ORANGE;
                case SNOW -> c == Colour.WHITE;
                case GRASS -> c == Colour.GREEN;
                case NIGHT -> c == Colour.BLACK;
            };
        }
    }

    public enum Relation {
        LEFT_OF, RIGHT_OF, ABOVE, BELOW, INSIDE, AROUND;

        /** The relation of b to a where this is that of a to b. */
        public Relation inverse() {
            return switch (this) {
                case LEFT_OF -> RIGHT_OF;
                case RIGHT_OF -> LEFT_OF;
                case ABOVE -> BELOW;
                case BELOW -> ABOVE;
                case INSIDE -> AROUND;
                case AROUND -> INSIDE;
            };
        }
    }

    /** Where a thing is that stands alone. */
    public enum Place { CENTRE, LEFT, RIGHT, TOP, BOTTOM, TOP_LEFT, TOP_RIGHT, BOTTOM_LEFT, BOTTOM_RIGHT }

    /** Whether a picture can be made of what the training part shows. */
    public enum Composition {
        /** Every colour with every shape, and all relations, as training shows them. */
        SEEN,
        /** A thing has a colour that things of its shape never have in training. */
        NEW_PAIR,
        /** Two things stand in a relation in which such shapes never stand in training. */
        NEW_RELATION
    }

    /** @param radius of the circle about (x, y) that the shape fills, nearly */
    public record Thing(Shape shape, Colour colour, Size size, double x, double y, double radius) {}

    /** Thing {@code subject} stands in a relation to thing {@code object}. */
    public record Fact(int subject, Relation relation, int object) {}

    /** One axis must be this many times the other for a relation to be clear. */
    private static final double CLEAR = 1.8;
    /** Between small and large radii. */
    public static final double MIDDLE = 0.175;

    public Scene {
        things = List.copyOf(things);
        facts = List.copyOf(facts);
    }

    /** Pairs held out of training: one colour for each shape, each colour once. */
    public static boolean heldOut(Shape shape, Colour colour) { return colour.ordinal() == (3 * shape.ordinal() + 2) % 8; }

    /**
     * Relations of shapes held out of training: of the 64 ordered pairs of shapes 8 side by side and 8 one above the other; and of the 24
     * of a shape inside another 3. a left of b is held out where b right of a is.
     */
    public static boolean heldOut(Shape a, Relation relation, Shape b) {
        return switch (relation) {
            case LEFT_OF -> b.ordinal() == (a.ordinal() + 3) % 8;
            case ABOVE -> b.ordinal() == (a.ordinal() + 6) % 8;
            case INSIDE -> b == Shape.CIRCLE && a == Shape.STAR || b == Shape.SQUARE && a == Shape.HEART
                || b == Shape.RING && a == Shape.CROSS;
            case RIGHT_OF, BELOW, AROUND -> heldOut(b, relation.inverse(), a);
        };
    }

    /** How thing a stands to thing b as they are drawn; empty where it is neither beside nor above. */
    public Optional<Relation> relation(int a, int b) { return relation(things.get(a), things.get(b)); }

    /** The same of any two. */
    public static Optional<Relation> relation(Thing a, Thing b) {
        double dx = b.x - a.x, dy = b.y - a.y, distance = Math.hypot(dx, dy);
        if (distance < Math.abs(a.radius - b.radius)) return Optional.of(a.radius < b.radius ? Relation.INSIDE : Relation.AROUND);
        if (Math.abs(dx) > CLEAR * Math.abs(dy)) return Optional.of(dx > 0 ? Relation.LEFT_OF : Relation.RIGHT_OF);
        if (Math.abs(dy) > CLEAR * Math.abs(dx)) return Optional.of(dy > 0 ? Relation.ABOVE : Relation.BELOW);
        return Optional.empty();
    }

    /** Of what composition it is; a new pair counts before a new relation. */
    public Composition composition() {
        for (Thing t : things) if (heldOut(t.shape, t.colour)) return Composition.NEW_PAIR;
        return newRelation() ? Composition.NEW_RELATION : Composition.SEEN;
    }

    /** Whether any two things stand in a held-out relation. */
    boolean newRelation() {
        for (int a = 0; a < things.size(); a++) {
            for (int b = 0; b < a; b++) {
                Optional<Relation> r = relation(a, b);
                if (r.isPresent() && heldOut(things.get(a).shape, r.get(), things.get(b).shape)) return true;
            }
        }
        return false;
    }

    /** Where the only thing is; empty if there are more. */
    public Optional<Place> place() {
        if (things.size() != 1) return Optional.empty();
        int column = third(things.get(0).x), row = third(things.get(0).y);
        if (row == 0) return Optional.of(column == 0 ? Place.CENTRE : column < 0 ? Place.LEFT : Place.RIGHT);
        if (row < 0) return Optional.of(column == 0 ? Place.TOP : column < 0 ? Place.TOP_LEFT : Place.TOP_RIGHT);
        return Optional.of(column == 0 ? Place.BOTTOM : column < 0 ? Place.BOTTOM_LEFT : Place.BOTTOM_RIGHT);
    }

    private static int third(double at) { return at < 0.41 ? -1 : at > 0.59 ? 1 : 0; }

    /** Large before small, then by x + y: the first is the one that gives a picture its class. */
    public static int ordered(Thing a, Thing b) {
        if (a.size != b.size) return a.size == Size.LARGE ? -1 : 1;
        return Double.compare(a.x + a.y, b.x + b.y);
    }
}
