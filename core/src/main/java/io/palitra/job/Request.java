package io.palitra.job;

import io.palitra.config.Config;
import io.palitra.data.DataSpec;
import io.palitra.model.Watcher;
import java.io.IOException;

/**
 * What a command, a program or a server asks for: a record of settings, whose texts that say where something lies are marked by
 * {@link io.palitra.config.Help#place}.
 *
 * @param <R> what comes of it
 */
public interface Request<R> {
    /**
     * Does it, on the calling thread.
     *
     * @param watcher is told of progress and of what a person should know, and may stop the work
     * @throws IllegalArgumentException for what the caller did wrong; of a key a {@link io.palitra.config.ConfigException}
     * @throws java.util.concurrent.CancellationException when the watcher stopped it; a training saves, and returns
     */
    R run(Watcher watcher) throws IOException;

    /**
     * What is wrong with it by itself; {@link #run} refuses the same.
     *
     * @throws io.palitra.config.ConfigException by the key
     */
    default void check() {}

    /**
     * What is wrong with it for a run of such items, as far as that is known without the run's weights; {@link #run} refuses the same.
     *
     * @throws io.palitra.config.ConfigException by the key
     */
    default void check(DataSpec items) {}

    /**
     * The same request, in which each text that says where something lies is what {@code move} makes of it, without what stands around such
     * a text: a weight, a time.
     *
     * @throws IllegalArgumentException for a text that cannot be read
     */
    @SuppressWarnings("unchecked")
    default Request<R> placed(Config.Move move) { return (Request<R>) Config.moved((Record) this, move); }
}
