package io.palitra.measure;

import io.palitra.data.Toy;
import io.palitra.engine.Tensor;
import io.palitra.metric.Modes;
import io.palitra.model.GenerativeModel;

/** Which of the Gaussians of the data samples fall on: {@link Modes}. */
public final class GaussianModes implements Measurement {
    private static final double WITHIN = 4;   // deviations

    @Override public boolean fits(Subject of) {
        return of.test() instanceof Toy toy && toy.kind() == Toy.Kind.GAUSSIANS && of.as(GenerativeModel.class).isPresent();
    }

    @Override public Measured of(Subject of) {
        of.course().at("points", 0, of.samples(), of.samples());
        Tensor points = of.drawing().sample(of.samples(), of.rng());
        double deviation = ((Toy) of.test()).kind().deviation();
        return new Measured(Modes.of(points, Toy.centres(), deviation, WITHIN).measures(of.samples()));
    }
}
