package io.palitra.bench;

import io.palitra.data.Batch;
import io.palitra.data.DataLoader;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.Split;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;

/** A pass of MNIST, from its files to the last shuffled batch; nobody learns from it. */
final class Loading implements Work {
    private final int batch;
    private long epoch;

    Loading(int batch) { this.batch = batch; }

    @Override public Map<String, Tensor> given() { return Map.of("batch", Torch.full(batch)); }

    /** Items, and means of pixels and labels to as many digits as the items that a pass leaves out by chance do not change. */
    @Override public double[] check() {
        double[] sums = new double[3];
        pass(b -> {
            sums[0] += b.size();
            sums[1] += b.x().to(DType.F64).mean().item() * b.size();
            sums[2] += Objects.requireNonNull(b.given().labels()).to(DType.F64).sum().item();
        });
        return new double[] {sums[0], Math.round(sums[1] / sums[0] * 1e3), Math.round(sums[2] / sums[0] * 1e2)};
    }

    @Override public void once() { pass(b -> { }); }

    private void pass(Consumer<Batch> user) {
        Dataset data = Datasets.open("mnist", Split.TRAIN, DataOptions.DEFAULT);
        try (DataLoader loader = new DataLoader(data, batch, epoch++, 0, Device.CPU)) {
            for (long i = DataLoader.stepsPerEpoch(data, batch); i > 0; i--) {
                try (Scope scope = new Scope()) { user.accept(loader.next()); }
            }
        }
    }

    @Override public void close() {}
}
