package io.palitra.job;

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
}
