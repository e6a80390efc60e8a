package io.palitra.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunConfigTest {
    @Test void aRunOfBeforeAnOptionOpensAndNothingElseMayBeMissing(@TempDir Path root) throws Exception {
        RunConfig config = TinyRuns.config("vae");
        Path file = root.resolve("config.json");
        ObjectNode json = config.toJson();
        ((ObjectNode) json.get("options")).remove("captions");
        Json.write(file, json);
        assertThat(RunConfig.read(file)).isEqualTo(config);
        ((ObjectNode) json.get("options")).put("caption", true);
        Json.write(file, json);
        assertThatThrownBy(() -> RunConfig.read(file)).isInstanceOf(ConfigException.class).hasMessageContaining("options.caption");
        json.remove("options");
        Json.write(file, json);
        assertThatThrownBy(() -> RunConfig.read(file)).isInstanceOf(ConfigException.class).hasMessageContaining("options is missing");
    }
}
