package io.palitra.measure;

import io.palitra.model.Evaluates;

/** What the family measures of itself. */
public final class OwnNumbers implements Measurement {
    @Override public boolean fits(Subject of) { return of.as(Evaluates.class).isPresent(); }

    @Override public Measured of(Subject of) {
        return new Measured(of.as(Evaluates.class).orElseThrow().evaluate(of.tested("what " + of.family() + " measures"), of.rng()));
    }
}
