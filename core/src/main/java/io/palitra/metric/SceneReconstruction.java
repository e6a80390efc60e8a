package io.palitra.metric;

import io.palitra.data.Batch;
import io.palitra.data.Scene;
import io.palitra.data.Scenes;
import io.palitra.engine.Scope;
import io.palitra.model.Measure;
import io.palitra.model.Reconstructs;
import java.util.List;

/** Whether what comes back from a model's code still shows the scene that went in, read back by {@link SceneCheck}. */
public final class SceneReconstruction {
    private SceneReconstruction() {}

    /**
     * Without recording, in evaluation mode. Waits for the device.
     *
     * @param batches of test items in order, from the first on; pictures [B,3,H,W]
     */
    public static List<Measure> measure(Reconstructs model, Scenes test, Iterable<Batch> batches) {
        int found = 0, things = 0, whole = 0, items = 0;
        for (Batch batch : batches) {
            try (Scope scope = new Scope()) {
                for (Scene seen : SceneCheck.read(model.reconstruct(batch.x()))) {
                    SceneCheck.Score score = SceneCheck.score(test.scene(items++), seen);
                    found += score.found();
                    things += score.things();
                    if (score.exact()) whole++;
                }
            }
        }
        return List.of(new Measure("things kept", 100.0 * found / things, "%", "still in their shape and colour in the reconstruction; "
            + things + " of them"), new Measure("scenes kept", 100.0 * whole / items, "%",
            "all things and relations, and nothing else, in the reconstruction; " + items + " test items"));
    }
}
