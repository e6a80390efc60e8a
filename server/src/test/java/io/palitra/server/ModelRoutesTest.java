package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.Config;
import io.palitra.data.DataOptions;
import io.palitra.data.Datasets;
import io.palitra.data.Split;
import io.palitra.train.RunConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is told of each run that a job may name: its config is enough for that. */
class ModelRoutesTest {
    private static final String DIFFUSION = "diffusion", CONSISTENCY = "consistency";

    @TempDir private static Path root;
    private static Server server;
    private static Asking asking;

    /** A run of strokes without weights. @return its place */
    private static String run(String name, String family, String... model) throws Exception {
        DataOptions options = Config.with(DataOptions.DEFAULT, "size=20");
        return written(name, RunConfig.of(family, "strokes", Datasets.open("strokes", Split.TRAIN, options), options, 0, List.of(model)));
    }

    private static String written(String name, RunConfig config) throws Exception {
        Path folder = Files.createDirectories(root.resolve("runs/" + name));
        config.write(folder.resolve("config.json"));
        return folder.toString();
    }

    @BeforeAll static void start() throws Exception {
        run("vae", "vae");
        run("pixelcnn", "pixelcnn");
        String below = run(DIFFUSION, DIFFUSION), above = run("above", DIFFUSION, "above=" + below);
        run("latents", DIFFUSION, "stage=" + below);
        run(CONSISTENCY, CONSISTENCY, "teacher=" + below);
        run("taught-above", CONSISTENCY, "teacher=" + above);
        run("taught-by-nobody", CONSISTENCY, "teacher=" + root.resolve("runs/none"));
        run("unclip", "unclip");
        run("flamingo", "flamingo");
        DataOptions films = Config.with(DataOptions.DEFAULT, "size=24", "frames=4");
        written("films", RunConfig.of(DIFFUSION, "moving", Datasets.open("moving", Split.TRAIN, films), films, 0, List.of("net=latte")));
        server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"), "jobs=" + root.resolve("jobs")));
        asking = new Asking(server, root);
    }

    @AfterAll static void stop() { server.close(); }

    private static JsonNode model(String name) throws Exception {
        for (JsonNode model : asking.get("/v1/models").path("models")) if (model.path("name").asText().equals(name)) return model;
        throw new AssertionError("no model " + name);
    }

    private static List<String> jobs(String name) throws Exception {
        List<String> jobs = new ArrayList<>();
        model(name).path("jobs").forEach(job -> jobs.add(job.asText()));
        return jobs;
    }

    @Test void eachRunTellsWhatJobsItCanBeNamedIn() throws Exception {
        assertThat(jobs("vae")).contains("sample", "reconstruct", "map", "walk", "evaluate", "compare", "resume")
            .doesNotContain("complete", "continue", "vary", "caption", "write", "fill", "harmonise", "draw", "train");
        assertThat(jobs("pixelcnn")).contains("sample", "complete").doesNotContain("continue", "vary", "caption", "write");
        assertThat(jobs(DIFFUSION)).contains("sample", "complete", "interpolate").doesNotContain("continue", "vary", "caption");
        assertThat(jobs("films")).contains("sample", "continue").doesNotContain("complete", "vary", "caption");
        assertThat(jobs("unclip")).contains("sample", "vary").doesNotContain("complete", "continue", "caption");
        assertThat(jobs("flamingo")).contains("caption", "evaluate").doesNotContain("sample", "complete", "vary");
        assertThat(jobs("scenes")).contains("sample", "complete");   // comes with the program
    }

    @Test void whatDrawsAlongNoiseLevelsByItselfRedraws() throws Exception {
        for (String redraws : List.of(DIFFUSION, CONSISTENCY, "latents", "taught-by-nobody")) {
            assertThat(model(redraws).path("redraws").asBoolean()).as(redraws).isTrue();
            assertThat(jobs(redraws)).as(redraws).contains("complete");
        }
        assertThat(model("pixelcnn").path("redraws").asBoolean()).isFalse();
        assertThat(model(DIFFUSION).path("takes").toString()).contains("prefix");
        assertThat(model("latents").path("takes").toString()).as("rows of latents are not kept").doesNotContain("prefix");
        for (String upon : List.of("above", "taught-above")) {
            assertThat(model(upon).path("redraws").asBoolean()).as(upon).isFalse();
            assertThat(jobs(upon)).as(upon).contains("sample").doesNotContain("complete");
            JsonNode error = asking.send("POST", "/v1/jobs", "{\"kind\": \"complete\", \"request\": {\"run\": \"" + upon
                + "\", \"keep\": 4}}", 422).path("error");
            assertThat(error.path("code").asText()).isEqualTo("wrong_model");
            assertThat(error.path("message").asText()).contains("models that can be named here are").contains(DIFFUSION);
        }
    }
}
