package io.palitra.data;

import io.palitra.config.ArgumentException;
import java.util.List;
import java.util.Optional;

/**
 * A digit of {@link Strokes} that goes straight on and bounces from the edges as light from a mirror, its ink touching them: white on
 * black, 10 classes. Item i is a pure function of (split, i), whatever the size and the number of frames; a longer film begins as a
 * shorter one.
 */
final class MovingDigits implements VideoDataset, MovingItems {
    static final int TRAIN = 60_000, TEST = 10_000;
    private static final int LEAST = 24, MOST = 256;
    /** Side of a digit's box in sides of the picture, and of a frame's way. */
    private static final float BOX = 0.5f, SLOW = 0.045f, FAST = 0.095f;

    private final Split split;
    private final Strokes digits;
    private final VideoSpec spec;

    /** @param channels 0 or 1 = grey, 3 = the same in colour */
    MovingDigits(Split split, int frames, int side, int channels) {
        if (side < LEAST || side > MOST) {
            throw new ArgumentException("illegal size: " + side + ", moving digits are drawn from " + LEAST + " to " + MOST + " pixels");
        }
        this.split = split;
        digits = new Strokes(split, side);
        spec = new VideoSpec(frames, channels == 0 ? 1 : channels, side, side, digits.classNames().size());
    }

    @Override public String name() { return "moving"; }

    @Override public VideoSpec spec() { return spec; }

    @Override public int size() { return split == Split.TRAIN ? TRAIN : TEST; }

    @Override public int label(int i) { return digits.label(i); }

    @Override public List<String> classNames() { return digits.classNames(); }

    @Override public Optional<Direction> direction(int i) { return Optional.empty(); }

    @Override public List<String> captions(int i) {
        String digit = digits.classNames().get(label(i));
        return List.of("the digit " + digit + " moves and bounces", "цифра " + digit + " движется и отскакивает");
    }

    @Override public void film(int i, byte[] out, int offset) {
        if (i < 0 || i >= size()) throw new IndexOutOfBoundsException("moving has items 0.." + (size() - 1) + ", asked for " + i);
        int side = spec.width(), area = side * side;
        float unit = BOX * side / 20;
        Strokes.Digit digit = digits.digit(i);
        float[] reach = Strokes.reach(digit, unit);
        SplitMix noise = new SplitMix(-1L - i, split);
        double angle = 2 * Math.PI * noise.uniform(), speed = side * noise.between(SLOW, FAST);
        double x = noise.between(reach[0], side - reach[1]), y = noise.between(reach[2], side - reach[3]);
        for (int t = 0; t < spec.frames(); t++) {
            int at = offset + t * spec.channels() * area;
            Strokes.ink(digit, side, unit, (float) mirrored(x + t * speed * Math.cos(angle), reach[0], side - reach[1]),
                (float) mirrored(y + t * speed * Math.sin(angle), reach[2], side - reach[3]), out, at);
            for (int c = 1; c < spec.channels(); c++) System.arraycopy(out, at, out, at + c * area, area);
        }
    }

    /** A way that is unbroken between mirrors at a and b. */
    static double mirrored(double x, double a, double b) {
        if (b <= a) return (a + b) / 2;
        double width = b - a, way = (x - a) % (2 * width);
        if (way < 0) way += 2 * width;
        return a + (way <= width ? way : 2 * width - way);
    }

    /** Whatever the size: pixels are not compared. */
    @Override public Fingerprint fingerprint() { return Fingerprint.of(this, List.of(name(), "digits")); }
}
