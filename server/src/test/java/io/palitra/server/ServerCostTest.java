package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.Config;
import io.palitra.job.OpenModels;
import io.palitra.job.SampleRequest;
import io.palitra.job.TrainRequest;
import io.palitra.model.Watcher;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the server adds to a job; to be run on a machine that does nothing else, by bench/server-cost. */
@Tag("slow")
class ServerCostTest {
    private static final int TURNS = 200, WARM = 50, PICTURES = 16, ROUNDS = 12;
    private static final double MOST_MILLIS = 10, MOST_SHARE = 1.1;

    @TempDir private static Path root;

    private static String sample(int n, int seed, int steps) {
        return "{\"kind\": \"sample\", \"request\": {\"run\": \"small\", \"each\": true, \"n\": " + n + ", \"seed\": " + seed
            + ", \"sampling\": [\"sampler.steps=" + steps + "\"]}}";
    }

    private static double median(List<Double> times) {
        List<Double> sorted = new ArrayList<>(times);
        Collections.sort(sorted);
        return sorted.get(sorted.size() / 2);
    }

    /** Without what {@link Asking} looks at, which takes longer than the answer. */
    private static byte[] plain(HttpRequest.Builder request) throws Exception {
        HttpResponse<byte[]> answer = Asking.CLIENT.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
        assertThat(answer.statusCode()).isBetween(200, 299);
        return answer.body();
    }

    private static double millis(long began) { return (System.nanoTime() - began) * 1e-6; }

    @Test void aPictureThroughHttpTakesTenMillisecondsMoreAtMostAndJobsOfOneAsLongAsOneOfMany() throws Exception {
        String run = root.resolve("runs/small").toString();
        Config.replace(Config.with(new TrainRequest("diffusion"), "data=strokes", "out=" + run), "set", List.of("net.channels=16,16",
            "net.attention=1", "net.groups=4", "net.layers=1", "train.batch=2")).run(new Watcher() {
                private int asked;

                @Override public boolean stop() { return ++asked > 3; }   // it saves, without samples and measures
            });
        try (Server server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"), "jobs="
                + root.resolve("jobs"), "pull=false")); OpenModels models = new OpenModels(1L << 30)) {
            Asking to = new Asking(server, root);
            List<Double> http = new ArrayList<>(), hand = new ArrayList<>(), follow = new ArrayList<>(), alone = new ArrayList<>();
            for (int i = 0; i < WARM + TURNS; i++) {   // in turns, so that what else the machine does meets both
                long began = System.nanoTime();
                String made = new String(plain(to.to("/v1/jobs").header("Content-Type", "application/json")
                    .POST(HttpRequest.BodyPublishers.ofString(sample(1, i, 3)))), StandardCharsets.UTF_8);
                double handed = millis(began);
                String job = "/v1/jobs/" + made.replaceFirst("(?s).*\"id\":\"([0-9a-f]+)\".*", "$1");
                plain(to.to(job + "/events"));
                double ended = millis(began);
                byte[] png = plain(to.to(job + "/files/samples/00000.png"));
                if (i >= WARM) {
                    http.add(millis(began));
                    hand.add(handed);
                    follow.add(ended - handed);
                }
                SampleRequest request = Config.with(new SampleRequest(run), "n=1", "seed=" + i, "each=true", "sampling=sampler.steps=3",
                    "out=" + root.resolve("alone-" + i));
                began = System.nanoTime();
                byte[] same;
                try (OpenModels.Here here = models.here()) {
                    same = Files.readAllBytes(request.run(Watcher.SILENT).files().get(0));
                }
                if (i >= WARM) alone.add(millis(began));
                assertThat(png).isEqualTo(same);
            }
            double more = median(http) - median(alone);
            System.out.printf("one small picture, median of %d in turns: %.1f ms through HTTP (%.1f to hand it in, %.1f to follow it), "
                + "%.1f ms alone, %.1f ms more%n", TURNS, median(http), median(hand), median(follow), median(alone), more);

            List<Double> ones = new ArrayList<>(), many = new ArrayList<>();
            for (int i = 0; i < ROUNDS; i++) {
                // something goes before, so that the first does not begin alone
                double[] took = {drawn(to, i, PICTURES, 1), drawn(to, i, 1, PICTURES)};
                ones.add(took[0]);
                many.add(took[1]);
            }
            System.out.printf("%d pictures, median of %d in turns: %.0f ms as jobs of one, %.0f ms as one job%n", PICTURES, ROUNDS,
                median(ones), median(many));
            assertThat(more).as("milliseconds that HTTP adds").isLessThanOrEqualTo(MOST_MILLIS);
            assertThat(median(ones) / median(many)).as("time of jobs of one, to that of one job").isLessThanOrEqualTo(MOST_SHARE);
        }
    }

    /** Milliseconds from the first start to the last end of jobs that wait behind another. */
    private static double drawn(Asking to, int seed, int jobs, int n) throws Exception {
        String first = to.send("POST", "/v1/jobs", sample(1, seed, 40), 202).path("id").asText();
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < jobs; i++) ids.add(to.send("POST", "/v1/jobs", sample(n, seed + i, 30), 202).path("id").asText());
        double start = Double.MAX_VALUE, end = 0;
        for (String id : ids) {
            to.bytes("/v1/jobs/" + id + "/events");
            JsonNode job = to.get("/v1/jobs/" + id);
            assertThat(job.path("status").asText()).as(job.toString()).isEqualTo("done");
            start = Math.min(start, job.path("started").asDouble());
            end = Math.max(end, job.path("ended").asDouble());
        }
        assertThat(to.get("/v1/jobs/" + first).path("status").asText()).isEqualTo("done");
        return (end - start) * 1000;
    }
}
