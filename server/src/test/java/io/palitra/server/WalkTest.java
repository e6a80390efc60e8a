package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.job.TrainRequest;
import io.palitra.model.Watcher;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Walks and maps over HTTP: a place of a map is a code that can be asked for. */
class WalkTest {
    @TempDir private static Path root;
    private static Server server;
    private static Asking asking;

    @BeforeAll static void start() throws Exception {
        Config.with(new TrainRequest("vae"), "data=strokes", "out=" + root.resolve("runs/tiny"),
            "set=latent=3,net.hidden=8,train.steps=2,data.size=16").run(Watcher.SILENT);
        server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"), "jobs=" + root.resolve("jobs")));
        asking = new Asking(server, root);
    }

    @AfterAll static void stop() { server.close(); }

    private static JsonNode done(String kind, ObjectNode request) throws Exception {
        JsonNode job = asking.job(Asking.JSON.createObjectNode().put("kind", kind).set("request", request), 202);
        long until = System.nanoTime() + Duration.ofMinutes(2).toNanos();
        while (!job.path("status").asText().matches("done|failed|cancelled") && System.nanoTime() < until) {
            Thread.sleep(50);
            job = asking.get("/v1/jobs/" + job.path("id").asText(), 200);
        }
        assertThat(job.path("status").asText()).as(job.toString()).isEqualTo("done");
        return job;
    }

    private static ObjectNode of(String run) { return Asking.JSON.createObjectNode().put("run", run); }

    private static byte[] file(JsonNode job, String name) throws Exception {
        HttpResponse<byte[]> file = asking.bytes("/v1/jobs/" + job.path("id").asText() + "/files/" + name);
        assertThat(file.statusCode()).isEqualTo(200);
        return file.body();
    }

    @Test void aPlaceOfTheMapIsACodeThatIsDecoded() throws Exception {
        JsonNode made = done("map", of("tiny").put("n", 50));
        assertThat(made.path("files").toString()).contains("\"map.json\"");
        JsonNode map = Asking.JSON.readTree(file(made, "map.json"));
        StringBuilder code = new StringBuilder();
        for (int i = 0; i < 3; i++) {
            code.append(map.path("mean").get(i).asDouble() + 0.5 * map.path("axes").get(0).get(i).asDouble()
                - 0.25 * map.path("axes").get(1).get(i).asDouble()).append(' ');
        }
        ObjectNode request = of("tiny");
        request.putArray("codes").add(code.toString());
        JsonNode walk = done("walk", request);
        assertThat(walk.path("files").toString()).isEqualTo("[\"walk/00000.png\",\"walk/walk.json\"]");
        assertThat(walk.path("result").path("codes").get(0)).hasSize(3);
        assertThat(Asking.JSON.readTree(file(walk, "walk/walk.json"))).isEqualTo(walk.path("result"));
        assertThat(file(walk, "walk/00000.png")).startsWith(0x89, 'P', 'N', 'G');
    }

    @Test void aModelThatComesWithTheProgramIsWalkedThroughByItsSeedsAndClass() throws Exception {
        ObjectNode request = of("digits").put("label", "7").put("between", 2).put("directions", 2);
        request.putArray("seeds").add(1).add(2);
        JsonNode result = done("walk", request).path("result");
        assertThat(result.path("codes")).hasSize(4);
        assertThat(result.path("points").toString()).isEqualTo("[0,3]");
        assertThat(result.path("directions")).hasSize(2);
        int numbers = result.path("codes").get(0).size();
        assertThat(result.path("codes").get(3).get(numbers - 3).asDouble()).as("the class 7 of 10, one-hot at the end").isEqualTo(1);
    }

    @Test void directionsAreToldByNumbersAndFiles() throws Exception {
        JsonNode made = done("directions", of("tiny").put("count", 2));
        assertThat(made.path("files").toString()).contains("directions/directions.json", "directions/direction-2.gif");
        JsonNode told = Asking.JSON.readTree(file(made, "directions/directions.json"));
        assertThat(told.path("directions").get(0)).hasSize(3);
        assertThat(told.path("names").toString()).isEqualTo("[\"1\",\"2\"]");
        assertThat(told.path("spreads")).hasSize(2);
    }

    @Test void aCodeOfAnotherLengthFailsByItsField() throws Exception {
        ObjectNode request = of("tiny");
        request.putArray("codes").add("1 2");
        JsonNode job = asking.job(Asking.JSON.createObjectNode().put("kind", "walk").set("request", request), 202);
        long until = System.nanoTime() + Duration.ofMinutes(2).toNanos();
        while (!job.has("ended") && System.nanoTime() < until) {
            Thread.sleep(50);
            job = asking.get("/v1/jobs/" + job.path("id").asText(), 200);
        }
        assertThat(job.path("error").path("field").asText()).isEqualTo("codes");
        assertThat(job.path("error").path("message").asText()).contains("must be 3 for this run");
    }
}
