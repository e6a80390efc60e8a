package io.palitra.measure;

import io.palitra.metric.Retrieval;
import io.palitra.model.TextImage;

/** How often a picture finds its own caption: {@link Retrieval}. */
public final class CaptionRetrieval implements Measurement {
    @Override public boolean fits(Subject of) { return of.as(TextImage.class).isPresent() && of.test().captioned(); }

    @Override public Measured of(Subject of) {
        return new Measured(Retrieval.of(of.as(TextImage.class).orElseThrow(), of.test(), of.device()));
    }
}
