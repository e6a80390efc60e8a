package io.palitra.data;

import io.palitra.config.ArgumentException;
import io.palitra.data.Scene.Background;
import io.palitra.data.Scene.Colour;
import io.palitra.data.Scene.Shape;
import io.palitra.data.Scene.Size;
import io.palitra.data.Scene.Thing;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * A shape of {@link Scenes} that goes where its captions say, in English and in Russian, straight and evenly before a background that
 * stands still; its class is the direction. Item i is a pure function of (split, i), whatever the size and the number of frames.
 */
final class MovingScenes implements VideoDataset, MovingItems {
    private static final int TRAIN = 50_000, TEST = 10_000;
    private static final int LEAST = 32, MOST = 256;
    private static final double EDGE = 0.02, SHORTEST = 0.3;
    private static final List<String> NAMES = Arrays.stream(Direction.values())
        .map(d -> d.name().toLowerCase(Locale.ROOT).replace('_', '-')).toList();

    private final Split split;
    private final VideoSpec spec;

    /** What an item shows: a thing where it begins, before what, and its whole way. */
    private record Moving(Background background, Thing thing, Direction direction, double way) {}

    /** @param channels 0 or 3, in colour */
    MovingScenes(Split split, int frames, int side, int channels) {
        if (side < LEAST || side > MOST) {
            throw new ArgumentException("illegal size: " + side + ", moving scenes are drawn from " + LEAST + " to " + MOST + " pixels");
        }
        if (channels == 1) throw new ArgumentException("illegal channels: 1, moving scenes are in colour: 0 or 3");
        this.split = split;
        spec = new VideoSpec(frames, 3, side, side, NAMES.size());
    }

    @Override public String name() { return "moving"; }

    @Override public VideoSpec spec() { return spec; }

    @Override public int size() { return split == Split.TRAIN ? TRAIN : TEST; }

    @Override public int label(int i) { return item(i).direction.ordinal(); }

    @Override public List<String> classNames() { return NAMES; }

    @Override public Optional<Direction> direction(int i) { return Optional.of(item(i).direction); }

    private Moving item(int i) {
        if (i < 0 || i >= size()) throw new IndexOutOfBoundsException("moving has items 0.." + (size() - 1) + ", asked for " + i);
        SplitMix noise = new SplitMix(-1 - 2L * i, split);
        Direction direction = Direction.values()[noise.below(8)];
        Background background = noise.below(2) == 0 ? Background.PLAIN : Background.GRADIENT;
        Shape shape = Shape.values()[noise.below(8)];
        Colour colour = Colour.values()[noise.below(8)];
        boolean large = noise.below(2) == 0;
        double r = large ? noise.between(0.2, 0.22) : noise.between(0.125, 0.145), low = EDGE + r, high = 1 - EDGE - r;
        double way = noise.between(SHORTEST, high - low);
        double x = start(direction.dx(), low, high, way, noise), y = start(direction.dy(), low, high, way, noise);
        return new Moving(background, new Thing(shape, colour, large ? Size.LARGE : Size.SMALL, x, y, r), direction, way);
    }

    private static double start(int sign, double low, double high, double way, SplitMix noise) {
        double a = sign < 0 ? low + way : low, b = sign > 0 ? high - way : high;
        return noise.between(a, b);
    }

    /** Without and with the size, English and Russian in turn. */
    @Override public List<String> captions(int i) {
        Moving m = item(i);
        return List.of(english(m, false), russian(m, false), english(m, true), russian(m, true));
    }

    private static String english(Moving m, boolean size) {
        String thing = SceneGrammar.english(m.thing, size);
        return (thing.startsWith("o") ? "an " : "a ") + thing + " moves " + m.direction.english();
    }

    private static String russian(Moving m, boolean size) {
        return SceneGrammar.russian(m.thing, SceneGrammar.Case.NOMINATIVE, size) + " движется " + m.direction.russian();
    }

    @Override public void film(int i, byte[] out, int offset) {
        Moving m = item(i);
        int frames = spec.frames();
        for (int t = 0; t < frames; t++) {
            double way = m.way * t / (frames - 1);
            Thing at = new Thing(m.thing.shape(), m.thing.colour(), m.thing.size(), m.thing.x() + way * m.direction.dx(),
                m.thing.y() + way * m.direction.dy(), m.thing.radius());
            SceneDrawing.draw(new Scene(m.background, List.of(at), List.of()), new SplitMix(-2 - 2L * i, split), spec.width(), out,
                offset + t * 3 * spec.width() * spec.width());
        }
    }

    @Override public Fingerprint fingerprint() { return Fingerprint.of(this, List.of(name(), "scenes")); }
}
