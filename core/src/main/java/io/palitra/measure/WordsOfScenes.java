package io.palitra.measure;

import io.palitra.data.DataLoader;
import io.palitra.data.Dataset;
import io.palitra.data.SceneQuestions;
import io.palitra.data.Scenes;
import io.palitra.metric.SceneWords;
import io.palitra.model.Captions;
import java.util.Map;
import java.util.Optional;

/** What a model that writes says of pictures of scenes: {@link SceneWords}. */
public final class WordsOfScenes implements Measurement {
    private static final int ITEMS = 200;

    private static Optional<Scenes> scenes(Dataset test) {
        return test instanceof Scenes s ? Optional.of(s) : test instanceof SceneQuestions q ? Optional.of(q.scenes()) : Optional.empty();
    }

    @Override public boolean fits(Subject of) { return scenes(of.test()).isPresent() && of.as(Captions.class).isPresent(); }

    @Override public Measured of(Subject of) {
        Dataset test = of.test();
        return new Measured(SceneWords.of(of.as(Captions.class).orElseThrow(), scenes(test).orElseThrow(),
            i -> DataLoader.of(test, new int[] {i}, of.device()).x(), Math.min(ITEMS, of.samples()), of.rng(),
            (i, all) -> of.course().at("captions", i, 1, all)), Map.of());
    }
}
