package io.palitra.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.data.DataOptions;
import io.palitra.data.Split;
import io.palitra.family.Families;
import io.palitra.model.Family;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunConfigTest {
    @Test void whatLiesOnTheDiskIsKeptAbsoluteForEveryFamilyAndNamesOfTheHubAsTheyAre(@TempDir Path root) throws Exception {
        Path here = Path.of("").toAbsolutePath(), there = Files.createDirectories(root.resolve("there"));
        String near = here.relativize(there).toString();
        int paths = 0;
        for (Family<?> family : Families.ALL) {
            Set<String> keys = new TreeSet<>(Config.paths(family.defaults()).keySet());
            if (family.name().equals("vqgan")) keys.addAll(Set.of("perceptual.run"));
            for (String key : keys) {
                List<String> set = new ArrayList<>();
                if (key.startsWith("perceptual.")) set.add("perceptual=features");
                set.add(key + "=" + near);
                RunConfig config = RunConfig.of(family.name(), "strokes", TinyRuns.data(Split.TRAIN), DataOptions.DEFAULT, 0, set);
                assertThat(Config.paths(config.model())).as(family.name()).containsEntry(key, there.toString());
                assertThat(config.places()).contains(key, "data", "data.dir");
                set.set(set.size() - 1, key + "=org/name");
                RunConfig hub = RunConfig.of(family.name(), "strokes", TinyRuns.data(Split.TRAIN), DataOptions.DEFAULT, 0, set);
                assertThat(Config.paths(hub.model())).containsEntry(key, "org/name");
                paths++;
            }
        }
        assertThat(paths).isEqualTo(4);   // tokens, dalle, vqgan, lora
        DataOptions options = new DataOptions(near, 0, 0, false);
        assertThat(RunConfig.of("ae", "strokes", TinyRuns.data(Split.TRAIN), options, 0, List.of()).settings().options().dir())
            .isEqualTo(there.toString());
    }

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
