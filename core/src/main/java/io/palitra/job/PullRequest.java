package io.palitra.job;

import io.palitra.config.Config;
import io.palitra.config.Help;
import io.palitra.hub.Hub;
import io.palitra.hub.HubName;
import io.palitra.hub.HubSettings;
import io.palitra.model.Watcher;
import java.io.IOException;
import java.util.List;

/** A model of the Hugging Face hub, downloaded into the cache that the environment names; running it again resumes. */
public record PullRequest(
        @Help("org/name or org/name@revision") String name,
        @Help("only files of such names, as *.json or unet/*; none = all") List<String> include) implements Request<Hub.Pulled> {
    public PullRequest {
        include = List.copyOf(include);
    }

    /** All of its files that a model needs. */
    public PullRequest(String name) { this(name, List.of()); }

    /**
     * Downloads it. A tick for bytes of each file, whose name it has.
     *
     * @throws java.util.concurrent.CancellationException when it was stopped; what came stays, which is in the message
     */
    @Override public Hub.Pulled run(Watcher watcher) throws IOException {
        Config.check(this);
        HubName model = HubName.parse(name);
        return new Hub(HubSettings.fromEnvironment(), watcher::tick, watcher::stop).pull(model, include);
    }
}
