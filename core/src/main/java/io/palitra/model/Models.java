package io.palitra.model;

import io.palitra.data.DataSpec;

/**
 * Opens the models that another one is built upon. They are frozen, in evaluation mode and on the device of that model; who implements this
 * frees them, and pins a run to the SHA-256 of their weights by the config key that names them.
 */
public interface Models {
    /**
     * The model as what it is wanted for, such as {@link ClassifierFeatures}.
     *
     * @throws IllegalArgumentException when there is nothing of that name, or it cannot do that
     * @throws io.palitra.data.FormatException when what is there is broken
     */
    <T> T open(ModelRef ref, Class<T> capability);

    /**
     * What an item of a run is.
     *
     * @throws IllegalArgumentException for what is no run
     */
    DataSpec items(ModelRef run);
}
