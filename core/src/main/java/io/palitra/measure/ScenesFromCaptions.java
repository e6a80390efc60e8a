package io.palitra.measure;

import io.palitra.data.Condition;
import io.palitra.data.Scenes;
import io.palitra.metric.SceneTexts;

/** Whether a model draws the scenes of captions: {@link SceneTexts}. */
public final class ScenesFromCaptions implements Measurement {
    private static final int CAPTIONS = 1000;

    @Override public boolean fits(Subject of) { return of.test() instanceof Scenes && of.draws(Condition.Kind.TEXT); }

    @Override public Measured of(Subject of) {
        return new Measured(SceneTexts.captionScores(of.drawing()::draw, (Scenes) of.test(), Math.min(of.samples(), CAPTIONS), of.rng(),
            (first, count, all) -> of.course().at("pictures of captions", first, count, all)));
    }
}
