package io.palitra.model;

import io.palitra.engine.Device;
import io.palitra.nn.Module;
import java.util.List;
import java.util.Map;

/** Anything the training loop can train: generative models, but also a classifier that judges them. */
public interface Trainable extends AutoCloseable {
    /** Every parameter and buffer that a checkpoint must hold. */
    Module net();

    /** In the order in which they run within a step. */
    List<Update> updates();

    /**
     * What it stands on and does not train, such as a first stage or a base model: SHA-256 in hex of the values by config key, or by
     * {@code key/part}. A run goes on over the same alone. Asked after {@link #updates}; waits for the device.
     */
    default Map<String, String> underneath() { return Map.of(); }

    /** Moves everything it computes with, also what no checkpoint holds. */
    default void to(Device device) { net().to(device); }

    /** Frees every tensor of it. */
    @Override default void close() { net().close(); }
}
