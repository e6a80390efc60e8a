package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.Config;
import io.palitra.job.TrainRequest;
import io.palitra.model.Watcher;
import io.palitra.train.RunLock;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunRoutesTest {
    @TempDir private static Path root;
    private static Path runs;
    private static Server server;
    private static Asking asking;

    @BeforeAll static void start() throws Exception {
        runs = root.resolve("runs");
        for (String name : List.of("one", "two")) {
            Config.with(new TrainRequest("vae"), "data=strokes", "out=" + runs.resolve(name), "set=latent="
                + (name.equals("one") ? "2" : "3") + ",net.hidden=8,train.steps=45").run(Watcher.SILENT);
        }
        Files.createDirectories(root.resolve("outside/samples"));
        Files.writeString(root.resolve("outside/canary.png"), "canary");
        Files.writeString(root.resolve("outside/config.json"), "{\"canary\": 1}");
        Files.createSymbolicLink(runs.resolve("linked"), root.resolve("outside"));
        Files.createSymbolicLink(runs.resolve("one/canary.png"), root.resolve("outside/canary.png"));
        Files.createSymbolicLink(runs.resolve("one/samples/canary.png"), root.resolve("outside/canary.png"));
        server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + runs, "jobs=" + root.resolve("jobs"), "pull=false"));
        asking = new Asking(server, root);
    }

    @AfterAll static void stop() { server.close(); }

    private static JsonNode run(String name) throws Exception {
        for (JsonNode run : asking.get("/v1/runs", 200).path("runs")) if (run.path("name").asText().equals(name)) return run;
        throw new AssertionError("no run " + name);
    }

    @Test void aRunTellsWhatItIsHowFarItGotAndWhatItWrote() throws Exception {
        JsonNode one = run("one");
        assertThat(one.path("family").asText()).isEqualTo("vae");
        assertThat(one.path("data").asText()).isEqualTo("strokes");
        assertThat(one.path("step").asInt()).isEqualTo(45);
        assertThat(one.path("steps").asInt()).isEqualTo(45);
        assertThat(one.path("state").asText()).isEqualTo("ended");
        assertThat(one.path("metrics").size()).isPositive();
        JsonNode whole = asking.get("/v1/runs/one", 200);
        assertThat(whole.path("config").path("model").path("latent").asInt()).isEqualTo(2);
        assertThat(whole.path("report").asBoolean()).isTrue();
        assertThat(whole.path("pictures").toString()).contains("samples").doesNotContain("canary");
        String picture = whole.path("pictures").get(0).asText();
        HttpResponse<byte[]> png = asking.bytes("/v1/runs/one/pictures/" + picture);
        assertThat(png.statusCode()).isEqualTo(200);
        assertThat(png.headers().firstValue("Content-Type").orElse("")).isIn("image/png", "image/gif");
    }

    @Test void onlyPicturesOfTheListAreServedAndNoLinksFollowed() throws Exception {
        assertThat(asking.get("/v1/runs", 200).toString()).doesNotContain("linked");
        for (String path : List.of("linked", "linked/pictures/canary.png", "one/pictures/canary.png", "one/pictures/samples/canary.png",
                "one/pictures/config.json", "one/pictures/..%2f..%2foutside%2fcanary.png", "one/pictures/%2e%2e/%2e%2e/outside/canary.png",
                "..%2foutside/pictures/canary.png", "%2e%2e/report", ".bin", "one/pictures/model.safetensors", "no")) {
            HttpResponse<byte[]> answer = asking.bytes("/v1/runs/" + path);
            assertThat(answer.statusCode()).as(path).isIn(400, 404);
            assertThat(new String(answer.body())).as(path).doesNotContain("canary");
        }
    }

    @Test void theReportIsServedWithoutRights() throws Exception {
        HttpResponse<byte[]> report = asking.bytes("/v1/runs/one/report");
        assertThat(report.statusCode()).isEqualTo(200);
        assertThat(report.headers().allValues("Content-Security-Policy")).hasSize(1).allMatch(csp -> csp.startsWith("sandbox;"));
        assertThat(new String(report.body())).contains("<html").doesNotContain(root.toString());
    }

    @Test void theCourseOfATrainingIsRowsThinnedUnlessAskedFromAStep() throws Exception {
        JsonNode all = asking.get("/v1/runs/one/metrics", 200);
        assertThat(all.path("columns").get(0).asText()).isEqualTo("step");
        int last = all.path("rows").size() - 1;
        assertThat(all.path("rows").get(last).get(0).asInt()).isEqualTo(45);
        assertThat(asking.get("/v1/runs/one/metrics?after=44", 200).path("rows")).hasSize(1);
        assertThat(asking.get("/v1/runs/one/metrics?after=45", 200).path("rows")).isEmpty();
        asking.get("/v1/runs/one/metrics?after=x", 422);
        Path long1 = log("long", 10_000);
        assertThat(asking.get("/v1/runs/long/metrics", 200).path("rows")).hasSize(2000);
        assertThat(asking.get("/v1/runs/long/metrics", 200).path("rows").get(1999).get(0).asInt()).isEqualTo(200_000);
        assertThat(asking.get("/v1/runs/long/metrics?after=0", 200).path("rows")).hasSize(10_000);
        Files.writeString(long1.resolve("metrics.jsonl"), "{\"step\":1,\"epoch\":0.1,\"loss\":2}\nnot json\n{\"step\":2,\"ep");
        assertThat(asking.get("/v1/runs/long/metrics", 200).path("rows").toString()).isEqualTo("[[1,0.1,2]]");
        assertThat(run("long").path("metrics").toString()).isEqualTo("{\"loss\":2}");
        assertThat(run("long").path("state").asText()).isEqualTo("cut off");
    }

    private static Path log(String name, int lines) throws Exception {
        Path run = Files.createDirectories(runs.resolve(name));
        Files.copy(runs.resolve("one/config.json"), run.resolve("config.json"));
        StringBuilder log = new StringBuilder();
        for (int i = 1; i <= lines; i++) {
            log.append("{\"step\":").append(i * 20).append(",\"epoch\":").append(i / 50.0).append(",\"loss\":0.12345678901234567,\"kl\":")
                .append(1.0 / i).append("}\n");
        }
        Files.writeString(run.resolve("metrics.jsonl"), log);
        return run;
    }

    @Test void runsAreComparedByWhatDiffers() throws Exception {
        JsonNode keys = asking.get("/v1/runs/compare?names=one,two", 200).path("keys");
        assertThat(keys.toString()).isEqualTo("[{\"key\":\"latent\",\"values\":{\"one\":\"2\",\"two\":\"3\"}}]");
        asking.get("/v1/runs/compare?names=one", 422);
        asking.get("/v1/runs/compare?names=one,none", 404);
        asking.get("/v1/runs/compare", 422);
    }

    @Test void aRunIsPutIntoTheBinUnlessItTrains() throws Exception {
        for (int i = 0; i < 2; i++) {
            log("gone", 3);
            try (RunLock held = RunLock.take(runs.resolve("gone"))) {
                assertThat(run("gone").path("state").asText()).isEqualTo("running");
                asking.ask(asking.to("/v1/runs/gone").DELETE().build(), 409);
            }
            asking.ask(asking.to("/v1/runs/gone").DELETE().build(), 204);
            asking.get("/v1/runs/gone", 404);
        }
        assertThat(runs.resolve(".bin/gone/metrics.jsonl")).exists();
        assertThat(runs.resolve(".bin/gone-2/metrics.jsonl")).exists();
        asking.ask(asking.to("/v1/runs/linked").DELETE().build(), 404);
        assertThat(root.resolve("outside/canary.png")).exists();
    }

    @Test void threeHundredLongRunsAreListedInThreeHundredMilliseconds() throws Exception {
        Path many = root.resolve("many");
        String log = Files.readString(log("model", 10_000).resolve("metrics.jsonl"));
        for (int i = 0; i < 300; i++) {
            Path run = Files.createDirectories(many.resolve("run-" + i));
            Files.copy(runs.resolve("one/config.json"), run.resolve("config.json"));
            Files.writeString(run.resolve("metrics.jsonl"), log);
        }
        Registry registry = new Registry(Config.with(ServerConfig.DEFAULT, "runs=" + many, "pull=false"));
        List<Double> times = new ArrayList<>();
        RunFiles files = new RunFiles();
        for (int i = 0; i < 4; i++) {
            long began = System.nanoTime();
            int[] size = {0};
            registry.runs().forEach((name, run) -> size[0] += files.line(name, run).size());
            times.add((System.nanoTime() - began) / 1e6);
            assertThat(size[0]).isEqualTo(300 * 8);
        }
        System.out.println("300 runs of 10,000 lines: ms " + times);
        assertThat(times.stream().mapToDouble(t -> t).min().orElseThrow()).isLessThan(300);
    }
}
