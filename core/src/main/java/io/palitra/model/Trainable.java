package io.palitra.model;

import io.palitra.data.Batch;
import io.palitra.data.Dataset;
import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.nn.Module;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Anything the training loop can train: generative models, but also a classifier that judges them. */
public interface Trainable extends AutoCloseable {
    /** Every parameter and buffer that a checkpoint must hold. */
    Module net();

    /** In the order in which they run within a step. */
    List<Update> updates();

    /** Whether it learns from captions: training refuses data without, before the first step. */
    default boolean wantsCaptions() { return false; }

    /**
     * Refuses batches of so many items whose work would fill the machine; called before the first batch, on the processor alone.
     *
     * @throws IllegalArgumentException saying how much they take
     */
    default void refuseTooMany(int items) {}

    /** Fills buffers from the data, such as a vocabulary; called once, before the first batch of a run, and never when one is resumed. */
    default void prepare(Dataset data) {}

    /**
     * What it computes of these items once and for all may be kept in files of that folder, and read from there; called before each
     * training, also before one that goes on.
     */
    default void keep(Dataset data, Path folder) {}

    /**
     * Fits buffers that are not descended to the trained network, such as a mixture over codes: on training batches, the same ones each
     * time. Called at the end of an epoch and of training, without recording.
     */
    default void settle(Iterable<Batch> train, Rng rng) {}

    /**
     * Figures of the epoch that ends, of what a batch says little of, by name as in metrics.jsonl; counting then begins anew. What is
     * counted is in buffers. Waits for the device.
     */
    default Map<String, Double> tally() { return Map.of(); }

    /**
     * The update whose loss on test items tells of overfitting. Its objective, in evaluation mode, changes no buffer and no state, and
     * needs no gradient; empty where there is none.
     */
    default Optional<Update> tested() { return Optional.empty(); }

    /** Whether samples may shrink to a few modes while the losses look well: the trainer watches them for it. */
    default boolean mayCollapse() { return false; }

    /** Writes files of other programs' forms into a run's folder, in the place of older ones, and names them; called at every save. */
    default List<Path> publish(Path folder) { return List.of(); }

    /**
     * SHA-256 in hex of the files that it is built upon and opened itself, such as a base model, by config key or by {@code key/part}. A
     * run goes on over the same alone. What {@link Models} opened is not among them: who opened it knows its hash. Waits for the device.
     */
    default Map<String, String> underneath() { return Map.of(); }

    /**
     * The model as one that can do something, such as {@link Likelihood}; empty where it cannot. A model may answer by its configuration,
     * and one that wraps another may pass the question on.
     */
    default <T> Optional<T> as(Class<T> capability) {
        return capability.isInstance(this) ? Optional.of(capability.cast(this)) : Optional.empty();
    }

    /** Moves everything it computes with, also what no checkpoint holds. */
    default void to(Device device) { net().to(device); }

    /** Frees every tensor of it. */
    @Override default void close() { net().close(); }
}
