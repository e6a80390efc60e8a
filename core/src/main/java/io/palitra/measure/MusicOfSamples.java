package io.palitra.measure;

import io.palitra.data.Condition;
import io.palitra.data.DataLoader;
import io.palitra.data.Score;
import io.palitra.data.ScoreSpec;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.metric.ScoreStatistics;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Measure;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What is counted of scores that a model draws, beside the same of test pieces; and of melodies of test pieces that it harmonises. */
public final class MusicOfSamples implements Measurement {
    private static final int DRAWN = 300, HARMONISED = 100;

    @Override public boolean fits(Subject of) { return of.test().spec() instanceof ScoreSpec && of.as(GenerativeModel.class).isPresent(); }

    @Override public Measured of(Subject of) {
        ScoreSpec spec = (ScoreSpec) of.test().spec();
        int n = Math.min(of.samples(), DRAWN), real = Math.min(of.test().size(), 2 * DRAWN);
        int[] items = new int[real];
        Arrays.setAll(items, i -> i);
        Map<String, Double> data = ScoreStatistics.of(Score.of(spec, DataLoader.of(of.test(), items, of.device()).x())).named();
        Samples source = new Samples(of, n, false);
        Map<String, Double> drawn = ScoreStatistics.of(Score.of(spec, source.first(n))).named();
        List<Measure> all = new ArrayList<>();
        drawn.forEach((name, value) -> all.add(new Measure(name, value, ScoreStatistics.unit(name), n + " samples; "
            + beside(data, name, real))));
        all.addAll(source.cost());
        if (of.draws(Condition.Kind.KNOWN) && spec.voices() > 1) harmonised(of, spec, data, real, all);
        return new Measured(all);
    }

    private static String beside(Map<String, Double> data, String name, int real) {
        return String.format(Locale.ROOT, "%.4g%s of %d test items", data.getOrDefault(name, 0.0),
            ScoreStatistics.unit(name).isEmpty() ? "" : " " + ScoreStatistics.unit(name), real);
    }

    /** The highest voice is kept, the others are drawn. */
    private static void harmonised(Subject of, ScoreSpec spec, Map<String, Double> data, int real, List<Measure> all) {
        int n = Math.min(HARMONISED, Math.min(of.samples(), of.test().size()));
        int[] items = new int[n];
        Arrays.setAll(items, i -> (int) ((long) i * of.test().size() / n));
        Tensor x = DataLoader.of(of.test(), items, of.device()).x(), melody = x.narrow(2, 0, 1);
        Tensor open = Torch.zerosLike(x).sub(Torch.onesLike(x)).narrow(2, 1, spec.voices() - 1);
        of.course().at("harmonised melodies", 0, n, n);
        Tensor drawn = of.drawing().fill(Torch.cat(2, melody, open), of.rng());
        Map<String, Double> counted = ScoreStatistics.of(Score.of(spec, drawn)).named();
        for (String name : List.of("bars out of range", "parallel fifths a bar", "parallel octaves a bar", "voice crossings",
                "scale consistency")) {
            all.add(new Measure("harmonised: " + name, counted.getOrDefault(name, 0.0), ScoreStatistics.unit(name),
                n + " highest voices of test items, the others drawn; " + beside(data, name, real)));
        }
    }
}
