package io.palitra.report;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** Words along an axis so that none lies on another: where there are too many, every second, third, ... is left out. */
final class Labels {
    private Labels() {}

    /** A word and the box that it fills, in pixels. */
    record Box(String text, double x, double y, double width, double height) {
        /** Whether less than {@code gap} pixels lie between. */
        boolean near(Box other, double gap) {
            return x < other.x + other.width + gap && other.x < x + width + gap && y < other.y + other.height + gap
                && other.y < y + height + gap;
        }
    }

    /** The boxes of ticks in order, thinned until neighbours are {@code gap} pixels apart; the first always stays. */
    static List<Box> apart(List<Double> ticks, Function<Double, Box> box, double gap) {
        for (int every = 1; every < ticks.size(); every++) {
            List<Box> kept = new ArrayList<>();
            boolean free = true;
            for (int i = 0; i < ticks.size() && free; i += every) {
                Box next = box.apply(ticks.get(i));
                free = kept.isEmpty() || !kept.get(kept.size() - 1).near(next, gap);
                kept.add(next);
            }
            if (free) return kept;
        }
        return ticks.isEmpty() ? List.of() : List.of(box.apply(ticks.get(0)));
    }
}
