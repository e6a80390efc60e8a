package io.palitra.model;

import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import java.util.List;

/** A model that writes texts of pictures, and goes on from the beginning of one: captions, and answers to questions. */
public interface Captions {
    /** A picture [1,C,H,W] in [-1,1] and a text of it, as an example. */
    record Shot(Tensor picture, String text) {}

    /**
     * The text of a picture after a beginning, such as a question; empty for a caption. Without recording, in evaluation mode. Waits for
     * the device at every token.
     *
     * @param shots examples, in order; they may be none
     * @param picture [1,C,H,W] in [-1,1]; [0,C,H,W] = none: what the language model alone would say
     * @param tokens drawn at most
     * @param temperature divisor of the logits; 0 = the likeliest token always
     * @throws IllegalArgumentException for shots and a beginning that are longer than the language model reads, and for a character that it
     *     does not have
     */
    String caption(List<Shot> shots, Tensor picture, String beginning, int tokens, double temperature, Rng rng);
}
