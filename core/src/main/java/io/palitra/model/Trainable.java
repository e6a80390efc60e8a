package io.palitra.model;

import io.palitra.engine.Device;
import io.palitra.nn.Module;
import java.util.List;

/** Anything the training loop can train: generative models, but also a classifier that judges them. */
public interface Trainable extends AutoCloseable {
    /** Every parameter and buffer that a checkpoint must hold. */
    Module net();

    /** In the order in which they run within a step. */
    List<Update> updates();

    /** Moves everything it computes with, also what no checkpoint holds. */
    default void to(Device device) { net().to(device); }

    /** Frees every tensor of it. */
    @Override default void close() { net().close(); }
}
