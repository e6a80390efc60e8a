package io.palitra.measure;

import io.palitra.data.Batch;
import io.palitra.data.DataLoader;
import io.palitra.data.Scenes;
import io.palitra.metric.SceneReconstruction;
import io.palitra.model.Reconstructs;

/** Whether a reconstruction still shows the scene that went in: {@link SceneReconstruction}. */
public final class ScenesKept implements Measurement {
    private static final int ITEMS = 1000;

    @Override public boolean fits(Subject of) { return of.test() instanceof Scenes && ReconstructionSimilarity.loses(of); }

    @Override public Measured of(Subject of) {
        int n = Math.min(ITEMS, of.test().size());
        Iterable<Batch> batches = DataLoader.inOrder(of.test(), Subject.DRAWN, n, of.device());
        return new Measured(SceneReconstruction.measure(of.as(Reconstructs.class).orElseThrow(), (Scenes) of.test(),
            of.course().through("scenes that come back", batches, n)));
    }
}
