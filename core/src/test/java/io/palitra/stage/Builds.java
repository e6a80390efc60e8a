package io.palitra.stage;

import io.palitra.data.DataSpec;
import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.model.Build;
import io.palitra.train.RunModels;

/** What tests build models with; those that they are built upon are opened as a run opens them, on the processor. */
public final class Builds {
    private Builds() {}

    public static Build of(DataSpec data, Rng init) { return new Build(data, init, models()); }

    public static RunModels models() { return new RunModels(Device.CPU, line -> { }); }
}
