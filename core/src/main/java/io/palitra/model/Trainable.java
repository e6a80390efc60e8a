package io.palitra.model;

import io.palitra.nn.Module;
import java.util.List;

/** Anything the training loop can train: generative models, but also a classifier that judges them. */
public interface Trainable {
    /** Every parameter and buffer that a checkpoint must hold. */
    Module net();

    /** In the order in which they run within a step. */
    List<Update> updates();
}
