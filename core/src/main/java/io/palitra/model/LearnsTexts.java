package io.palitra.model;

/** A model that takes its vocabulary from the captions of the training data. Training refuses data without. */
public interface LearnsTexts {
    /** Fills buffers of the model from all captions; called once, before the first batch of a run, and never when one is resumed. */
    void learn(Iterable<String> captions);
}
