package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.Config;
import io.palitra.thirdkind.Letters;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A kind of item of a jar beside the program, which no file of the server knows, is trained and drawn over HTTP like any other. */
class ThirdKindServedTest {
    private static final List<String> SERVICES = List.of("io.palitra.config.Choices", "io.palitra.data.DataProvider",
        "io.palitra.model.FamilyProvider", "io.palitra.report.Display");

    @Test void itIsTrainedAndDrawn(@TempDir Path root) throws Exception {
        Path services = Files.createDirectories(root.resolve("jar/META-INF/services"));
        for (String service : SERVICES) Files.writeString(services.resolve(service), Letters.class.getName() + "\n");
        ClassLoader before = Thread.currentThread().getContextClassLoader();
        Thread.currentThread().setContextClassLoader(new URLClassLoader(new URL[] {root.resolve("jar").toUri().toURL()}, before));
        try (Server server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"),
                "jobs=" + root.resolve("jobs")))) {
            Asking asking = new Asking(server, root);
            assertThat(asking.get("/v1/families").toString()).contains("\"bigram\"");
            JsonNode trained = asking.done("{\"kind\": \"train\", \"request\": {\"family\": \"bigram\", \"data\": \"words\", "
                + "\"out\": \"words\", \"set\": [\"train.steps=20\"]}}");
            assertThat(trained.path("status").asText()).as(trained.toString()).isEqualTo("done");
            JsonNode drawn = asking.done("{\"kind\": \"sample\", \"request\": {\"run\": \"words\", \"n\": 5}}");
            assertThat(drawn.path("files")).as(drawn.toString()).hasSize(1);
            byte[] file = asking.bytes("/v1/jobs/" + drawn.path("id").asText() + "/files/" + drawn.path("files").get(0).asText()).body();
            assertThat(new String(file, StandardCharsets.UTF_8).lines()).hasSize(5).allMatch(line -> line.matches("[a-f]{8}"));
        } finally {
            Thread.currentThread().setContextClassLoader(before);
        }
    }
}
