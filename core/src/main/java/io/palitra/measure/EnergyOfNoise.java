package io.palitra.measure;

import io.palitra.data.Batch;
import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.metric.Ranking;
import io.palitra.model.Energy;
import io.palitra.model.Measure;
import java.util.ArrayList;
import java.util.List;

/** Energies of the data and of uniform noise: an energy-based model must separate the two. */
public final class EnergyOfNoise implements Measurement {
    @Override public boolean fits(Subject of) { return of.as(Energy.class).isPresent(); }

    @Override public Measured of(Subject of) {
        Energy model = of.as(Energy.class).orElseThrow();
        List<Double> data = new ArrayList<>(), noise = new ArrayList<>();
        for (Batch batch : of.tested("energies")) {
            try (Scope scope = new Scope()) {
                Tensor fresh = new Rng(Subject.SEED).at(noise.size()).uniform(batch.x().shape()).mul(2).sub(1).to(of.device());
                for (double e : model.energy(batch.x()).to(DType.F64).doubles()) data.add(e);   // waits for the device
                for (double e : model.energy(fresh).to(DType.F64).doubles()) noise.add(e);
            }
        }
        String about = data.size() + " items";
        return new Measured(List.of(new Measure("energy", mean(data), "nats", "up to a constant; mean of " + about),
            new Measure("energy of noise", mean(noise), "nats", "uniform over the range; mean of as many"),
            new Measure("AUROC of noise", Ranking.auroc(data, noise), "", "chance that noise has more energy than an item; " + about)));
    }

    private static double mean(List<Double> all) { return all.stream().mapToDouble(e -> e).average().orElse(Double.NaN); }
}
