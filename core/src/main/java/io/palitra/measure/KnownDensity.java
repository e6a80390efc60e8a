package io.palitra.measure;

import io.palitra.data.Batch;
import io.palitra.data.Toy;
import io.palitra.engine.DType;
import io.palitra.engine.Scope;
import io.palitra.model.Likelihood;
import io.palitra.model.Measure;
import java.util.List;

/** -log p of a model beside that of the density which the data come from, in units of the coordinates' deviations. */
public final class KnownDensity implements Measurement {
    @Override public boolean fits(Subject of) { return of.test() instanceof Toy && of.as(Likelihood.class).isPresent(); }

    @Override public Measured of(Subject of) {
        Likelihood model = of.as(Likelihood.class).orElseThrow();
        Toy test = (Toy) of.test();
        double nats = 0, truth = 0;
        double[] sum = new double[2], square = new double[2];
        for (Batch batch : of.tested("densities")) {
            try (Scope scope = new Scope()) {
                nats -= model.logProb(batch.x(), of.rng()).sum().item();   // waits for the device
                double[] v = batch.x().to(DType.F64).doubles();
                for (int i = 0; i < v.length; i += 2) {
                    truth -= test.logDensity(v[i], v[i + 1]);
                    for (int c = 0; c < 2; c++) {
                        sum[c] += v[i + c];
                        square[c] += v[i + c] * v[i + c];
                    }
                }
            }
        }
        int n = test.size();
        double unit = 0;   // log of the product of the deviations
        for (int c = 0; c < 2; c++) unit += 0.5 * Math.log(square[c] / n - sum[c] / n * sum[c] / n);
        String about = "in units of the coordinates' deviations; " + n + " items";
        return new Measured(List.of(new Measure("-log p, standardised", nats / n - unit, "nats", about),
            new Measure("-log p, standardised, of the truth", truth / n - unit, "nats", about)));
    }
}
