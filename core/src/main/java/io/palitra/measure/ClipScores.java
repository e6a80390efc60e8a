package io.palitra.measure;

import io.palitra.config.ArgumentException;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.DataLoader;
import io.palitra.data.Scenes;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.metric.ClipScore;
import io.palitra.metric.SceneTexts;
import io.palitra.model.Drawing;
import io.palitra.model.Measure;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * How well samples fit the captions they are drawn from, and how well the test pictures do that these captions are of; of scenes also
 * whether the best of several by CLIP shows more.
 */
public final class ClipScores implements Measurement {
    private static final int CAPTIONS = 200;

    @Override public boolean fits(Subject of) { return of.clip() != null; }

    @Override public void refuseUnfit(Subject of) {
        if (!of.draws(Condition.Kind.TEXT)) {
            throw new ArgumentException("'" + of.family() + "' draws nothing from texts; a CLIP judges models that do");
        }
        if (!of.test().captioned()) {
            throw new ArgumentException("'" + of.test().name() + "' is read without captions; a CLIP wants some to judge by");
        }
    }

    @Override public Measured of(Subject of) {
        Subject.ByClip judge = Objects.requireNonNull(of.clip());
        int n = Math.min(Math.min(of.samples(), CAPTIONS), of.test().size());
        Drawing<?> drawing = of.drawing();
        double drawn = 0, real = 0;
        int item = 0;
        for (Batch batch : of.course().through("captions for CLIP", DataLoader.inOrder(of.test(), 1, n, of.device()), n)) {
            try (Scope scope = new Scope()) {
                Tensor x = drawing.draw(batch.given().texts(), new Rng(Subject.SEED).at(item++).on(of.device()));
                drawn += ClipScore.of(judge.model(), x, batch.given().texts()).item();   // waits for the device
                real += ClipScore.of(judge.model(), batch.x(), batch.given().texts()).item();
            }
        }
        String about = "2.5 max(cos, 0) by " + judge.name() + ", mean over " + n + " test captions, ";
        List<Measure> measures = new ArrayList<>();
        measures.add(new Measure("CLIP score", drawn / n, "", about + "a sample of each"));
        measures.add(new Measure("CLIP score of the data", real / n, "", about + "with the pictures they are of"));
        if (of.test() instanceof Scenes scenes) {
            measures.addAll(SceneTexts.bestOfK(drawing::draw, scenes, n, judge.model(), judge.name(), of.rng(),
                (first, count, all) -> of.course().at("pictures that CLIP chooses from", first, count, all)));
        }
        return new Measured(measures);
    }
}
