package io.palitra.metric;

import io.palitra.data.Batch;
import io.palitra.data.DataLoader;
import io.palitra.data.Scene;
import io.palitra.data.Scenes;
import io.palitra.engine.Device;
import io.palitra.engine.Scope;
import io.palitra.model.Measure;
import io.palitra.model.Reconstructs;
import java.util.List;

/** Whether what comes back from a model's code still shows the scene that went in, read back by {@link SceneCheck}. */
public final class SceneReconstruction {
    private static final int AT_ONCE = 100;

    private SceneReconstruction() {}

    /** Measures over the first {@code n} test items. Without recording, in evaluation mode. Waits for the device. */
    public static List<Measure> measure(Reconstructs model, Scenes test, int n, Device device) {
        int found = 0, things = 0, whole = 0, items = 0;
        for (Batch batch : DataLoader.inOrder(test, AT_ONCE, Math.min(n, test.size()), device)) {
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
