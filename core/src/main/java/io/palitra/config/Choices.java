package io.palitra.config;

import java.util.List;

/**
 * Kinds of an open choice: records that a component declared with an interface may hold, beside a sealed one's. Found by
 * {@link java.util.ServiceLoader}, so that a jar beside the program may add some.
 */
public interface Choices {
    /** The interface. */
    Class<?> of();

    /** Records that implement it, in the order in which help lists them; their names in lower case are what config.json says. */
    List<Class<? extends Record>> kinds();
}
