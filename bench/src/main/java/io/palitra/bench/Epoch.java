package io.palitra.bench;

import io.palitra.data.Batch;
import io.palitra.data.DataLoader;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.Split;
import io.palitra.engine.Device;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import java.util.Map;

/** A pass of MNIST, from its files to the last step. */
final class Epoch implements Work {
    private final Training training;
    private final int batch;
    private long epoch;

    Epoch(Training training, int batch) {
        this.training = training;
        this.batch = batch;
    }

    @Override public Map<String, Tensor> given() { return training.given(); }

    @Override public double[] check() { return training.check(); }

    @Override public void once() {
        Dataset data = Datasets.open("mnist", Split.TRAIN, DataOptions.DEFAULT);
        try (DataLoader loader = new DataLoader(data, batch, epoch++, 0, Device.CPU)) {
            for (long i = DataLoader.stepsPerEpoch(data, batch); i > 0; i--) {
                try (Scope scope = new Scope()) {
                    Batch next = loader.next();
                    training.step(next);
                }
            }
        }
    }

    @Override public void close() { training.close(); }
}
