package io.palitra.train;

import io.palitra.config.Ordered;
import io.palitra.engine.Tensor;
import io.palitra.hub.FolderDraft;
import io.palitra.hub.Safetensors;
import java.util.Map;

/** A run folder of weights that were trained elsewhere: config.json and model.safetensors, from which samples are drawn. */
public final class RunDraft {
    private RunDraft() {}

    /** Writes both. Waits for the device. @param state all tensors of the model that the config is of */
    public static void write(FolderDraft draft, RunConfig config, Map<String, Tensor> state) {
        draft.json(Run.CONFIG, config.toJson());
        draft.tensors(Run.MODEL, state, Ordered.map(Map.entry("format", "pt"),
            Map.entry(Checkpoint.HASH, Safetensors.sha256(state))));
    }
}
