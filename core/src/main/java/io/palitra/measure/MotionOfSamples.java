package io.palitra.measure;

import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.DataLoader;
import io.palitra.data.MovingItems;
import io.palitra.data.MovingItems.Direction;
import io.palitra.data.VideoItems;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.metric.MotionCheck;
import io.palitra.model.Drawing;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Measure;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * How things move in films that a model draws, beside test films: whether they keep to straight ways and mirrors, whether a second thing is
 * seen, and whether they go where their class or their words say.
 */
public final class MotionOfSamples implements Measurement {
    private static final int DRAWN = 300, AT_ONCE = 64;
    /** A way within so many pixels of a straight one counts as straight. */
    private static final double STRAIGHT = 1.5;

    /** Counts of films. */
    private static final class Count {
        private int films;
        private int straight;
        private int alone;
        private int whole;
        private int asked;
        private int right;
        private double deviation;

        void add(MotionCheck check, Optional<Direction> wanted) {
            films++;
            if (check.deviation() <= STRAIGHT) straight++;
            if (check.second() == 0) alone++;
            if (!check.track().contains(null)) whole++;
            deviation += Math.min(check.deviation(), check.track().size());   // of what shows nothing it is infinite
            if (wanted.isEmpty()) return;
            asked++;
            if (check.direction().equals(wanted)) right++;
        }

        private double share(int n) { return 100.0 * n / Math.max(1, films); }
    }

    @Override public boolean fits(Subject of) { return of.test() instanceof MovingItems && of.as(GenerativeModel.class).isPresent(); }

    @Override public Measured of(Subject of) {
        MovingItems test = (MovingItems) of.test();
        VideoItems spec = test.spec();
        MotionCheck.Thing thing = test.direction(0).isPresent() ? MotionCheck.Thing.COLOUR : MotionCheck.Thing.INK;
        int n = Math.min(of.samples(), DRAWN), real = Math.min(test.size(), DRAWN);
        boolean directed = thing == MotionCheck.Thing.COLOUR && of.sameClasses();
        Samples source = new Samples(of, n, of.sameClasses());
        Count drawn = new Count(), data = new Count();
        for (int at = 0; at < n; at += Subject.DRAWN) {
            try (Scope scope = new Scope()) {
                Batch batch = source.draw(at, Math.min(Subject.DRAWN, n - at));
                double[] labels = batch.given().labels() == null ? new double[0] : batch.given().labels().doubles();
                count(spec, batch.x(), thing, drawn, i -> directed && labels.length > i ? Optional.of(Direction.values()[(int) labels[i]])
                    : Optional.empty());
            }
        }
        for (int at = 0; at < real; at += AT_ONCE) {
            int from = at;
            try (Scope scope = new Scope()) {
                Tensor x = DataLoader.of(of.test(), IntStream.range(at, Math.min(real, at + AT_ONCE)).toArray(), of.device()).x();
                count(spec, x, thing, data, i -> test.direction(from + i));
            }
        }
        List<Measure> all = new ArrayList<>();
        String who = n + " films drawn; ";
        all.add(new Measure("straight ways", drawn.share(drawn.straight), "%", who + "within " + STRAIGHT + " pixels of a way that is "
            + "straight but for bounces; " + beside(data.share(data.straight), "%", real)));
        all.add(new Measure("off the way", drawn.deviation / Math.max(1, drawn.films), "pixels", who + "largest distance from such a way, "
            + "mean; " + beside(data.deviation / Math.max(1, data.films), "pixels", real)));
        all.add(new Measure("one thing alone", drawn.share(drawn.alone), "%", who + "no frame shows a second; "
            + beside(data.share(data.alone), "%", real)));
        all.add(new Measure("seen throughout", drawn.share(drawn.whole), "%", who + "every frame shows one; "
            + beside(data.share(data.whole), "%", real)));
        if (drawn.asked > 0) {
            all.add(new Measure("direction of the class", 100.0 * drawn.right / drawn.asked, "%", drawn.asked + " films drawn of classes; "
                + beside(100.0 * data.right / data.asked, "%", real)));
        }
        all.addAll(source.cost());
        if (thing == MotionCheck.Thing.COLOUR && of.draws(Condition.Kind.TEXT)) {
            String[] languages = {"English", "Russian"};
            for (int k = 0; k < languages.length; k++) all.add(said(of, test, thing, k, languages[k], Math.min(n, test.size())));
        }
        return new Measured(all);
    }

    private static String beside(double value, String unit, int real) {
        return String.format(Locale.ROOT, "%.4g %s of %d test items", value, unit, real);
    }

    private static void count(VideoItems spec, Tensor x, MotionCheck.Thing thing, Count into, IntFunction<Optional<Direction>> wanted) {
        List<MotionCheck> checks = MotionCheck.of(spec, x, thing);
        for (int i = 0; i < checks.size(); i++) into.add(checks.get(i), wanted.apply(i));
    }

    /** Whether films go where a caption of each test item says. @param k of its captions, English and Russian in turn */
    private static Measure said(Subject of, MovingItems test, MotionCheck.Thing thing, int k, String language, int n) {
        Drawing<?> drawing = of.drawing();
        Count count = new Count();
        for (int at = 0; at < n; at += AT_ONCE) {
            int from = at, to = Math.min(n, at + AT_ONCE);
            of.course().at("films of captions", at, to - at, n);
            try (Scope scope = new Scope()) {
                List<String> texts = IntStream.range(from, to).mapToObj(i -> test.captions(i).get(k)).toList();
                count(test.spec(), drawing.draw(texts, of.rng().at(from)), thing, count, i -> test.direction(from + i));
            }
        }
        return new Measure("direction of the words, " + language, 100.0 * count.right / Math.max(1, count.asked), "%",
            "films of captions of " + n + " test items that go where these say");
    }
}
