package io.palitra.data;

import java.util.List;
import java.util.Optional;

/** Films of one thing each of which it is known how it moves: what a measure asks for that reads motion back. */
public interface MovingItems extends Dataset {
    /** Where a thing goes, x to the right, y down. */
    enum Direction {
        LEFT(-1, 0), RIGHT(1, 0), UP(0, -1), DOWN(0, 1), UP_LEFT(-1, -1), UP_RIGHT(1, -1), DOWN_LEFT(-1, 1), DOWN_RIGHT(1, 1);

        private final int dx;
        private final int dy;

        Direction(int dx, int dy) {
            this.dx = dx;
            this.dy = dy;
        }

        public int dx() { return dx; }

        public int dy() { return dy; }

        /** The nearest to a way of dx pixels to the right and dy down; empty for one shorter than {@code least}. */
        public static Optional<Direction> of(double dx, double dy, double least) {
            if (!(Math.hypot(dx, dy) >= least)) return Optional.empty();
            double angle = Math.atan2(dy, dx);
            Direction best = LEFT;
            for (Direction d : values()) if (d.off(angle) < best.off(angle)) best = d;
            return Optional.of(best);
        }

        private double off(double angle) { return Math.abs(Math.IEEEremainder(Math.atan2(dy, dx) - angle, 2 * Math.PI)); }

        /** "to the left", "up and to the right". */
        public String english() {
            return List.of("to the left", "to the right", "up", "down", "up and to the left", "up and to the right",
                "down and to the left", "down and to the right").get(ordinal());
        }

        /** "влево", "вверх и вправо". */
        public String russian() {
            return List.of("влево", "вправо", "вверх", "вниз", "вверх и влево", "вверх и вправо", "вниз и влево", "вниз и вправо")
                .get(ordinal());
        }
    }

    @Override VideoSpec spec();

    /** Where the thing of item i goes; empty where it bounces from the edges. */
    Optional<Direction> direction(int i);
}
