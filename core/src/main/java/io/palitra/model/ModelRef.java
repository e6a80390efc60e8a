package io.palitra.model;

import io.palitra.hub.Hub;
import io.palitra.hub.ModelFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A model that another one is built upon.
 *
 * @param where a run, a folder, a file, a model that comes with the program, or org/name of one that was pulled from the hub
 */
public record ModelRef(String where) {
    /**
     * The file or folder; asks no server.
     *
     * @throws IllegalArgumentException when there is nothing of that name
     */
    public Path place() {
        Optional<Path> included = where.contains("/") || Files.exists(Path.of(where)) ? Optional.empty() : IncludedModels.folder(where);
        return included.orElseGet(() -> Hub.resolve(where));
    }

    /**
     * The family of the run that lies there; empty for what is no run.
     *
     * @throws io.palitra.data.FormatException when its config.json is no JSON
     */
    public Optional<String> family() {
        Path folder = place();
        if (!Files.isRegularFile(folder.resolve("config.json"))) return Optional.empty();
        return Optional.ofNullable(ModelFolder.config(folder).get("family")).map(f -> f.asText());
    }
}
