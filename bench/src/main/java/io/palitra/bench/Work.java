package io.palitra.bench;

import io.palitra.engine.Tensor;
import java.util.Map;

/** A case, set up. */
interface Work extends AutoCloseable {
    /** What the other side starts from: weights under {@code net.}, a batch as {@code x}, noise; belongs to the innermost scope. */
    Map<String, Tensor> given();

    /** With the noise that was given: numbers that the other side must come to as well. Called once, after {@link #given}. */
    double[] check();

    /** Once, with fresh noise. */
    void once();

    @Override void close();
}
