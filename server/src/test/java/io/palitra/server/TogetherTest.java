package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.job.OpenModels;
import io.palitra.job.SampleRequest;
import io.palitra.job.TrainRequest;
import io.palitra.model.Watcher;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Jobs that are handed in at once and drawn together: each gets its own pictures. */
@Tag("slow")
class TogetherTest {
    private static final int JOBS = 500, CALLERS = 8;

    @TempDir private static Path root;

    /** A training that is stopped saves, without samples and measures. */
    private static void train(String name, int seed, boolean classes) throws Exception {
        Config.replace(Config.with(new TrainRequest("diffusion"), "data=strokes", "seed=" + seed, "out=" + root.resolve("runs/" + name)),
            "set", List.of("net.channels=4,4", "net.attention=1", "net.groups=4", "net.layers=1", "train.batch=2",
            "train.optimizer.lr=0.01", "train.ema=0", "condition=" + (classes ? "label" : "none"))).run(new Watcher() {
                private int asked;

                @Override public boolean stop() { return ++asked > 40; }
            });
    }

    /** Of few settings, so that many can be drawn together, and of few seeds, so that what is the same must come out the same. */
    private static List<ObjectNode> requests() {
        Random random = new Random(5);
        List<ObjectNode> all = new ArrayList<>();
        for (int i = 0; i < JOBS; i++) {
            boolean classes = random.nextBoolean();
            ObjectNode request = Job.JSON.createObjectNode().put("run", classes ? "two" : "one").put("n", 1 + random.nextInt(3))
                .put("seed", random.nextInt(8)).put("each", true);
            if (classes) request.put("label", String.valueOf(random.nextInt(2)));
            request.putArray("sampling").add("sampler.steps=" + (2 + random.nextInt(2)));
            all.add(request);
        }
        return all;
    }

    private static Picture read(byte[] png) { return Pictures.read(png, "a picture", Limits.DEFAULT); }

    private static int farthest(Picture a, Picture b) {
        int most = 0;
        for (int i = 0; i < a.pixels().length; i++) most = Math.max(most, Math.abs((a.pixels()[i] & 0xff) - (b.pixels()[i] & 0xff)));
        return most;
    }

    /** What a request draws by itself. */
    private static List<Picture> alone(JsonNode request, Map<String, List<Picture>> known) throws Exception {
        String key = request.toString();
        if (!known.containsKey(key)) {
            List<Picture> made = new ArrayList<>();
            String run = root.resolve("runs/" + request.path("run").asText()).toString();
            SampleRequest.Result result = Config.with(new SampleRequest(run), "n=" + request.path("n"), "seed=" + request.path("seed"),
                "each=true", "label=" + request.path("label").asText(), "sampling=" + request.path("sampling").path(0).asText(),
                "out=" + root.resolve("alone-" + known.size())).run(Watcher.SILENT);
            for (Path file : result.files()) made.add(read(Files.readAllBytes(file)));
            known.put(key, made);
        }
        return known.get(key);
    }

    @Test void fiveHundredMixedJobsGetThePicturesThatEachGetsAlone() throws Exception {
        train("one", 1, false);
        train("two", 2, true);
        List<ObjectNode> requests = requests();
        JsonNode[] done = new JsonNode[JOBS];
        List<List<Picture>> pictures = new ArrayList<>();
        long began = System.nanoTime();
        try (Server server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"), "jobs="
                + root.resolve("jobs"), "queue=1000", "share=1000", "batch=16", "pull=false"))) {
            Asking to = new Asking(server, root);
            String[] ids = new String[JOBS];
            ExecutorService callers = Executors.newFixedThreadPool(CALLERS);
            List<Future<?>> handed = new ArrayList<>();
            for (int caller = 0; caller < CALLERS; caller++) {
                int first = caller;
                handed.add(callers.submit(() -> {
                    for (int i = first; i < JOBS; i += CALLERS) {
                        ObjectNode job = Job.JSON.createObjectNode().put("kind", "sample").set("request", requests.get(i));
                        ids[i] = to.job(job, 202).path("id").asText();
                    }
                    return null;
                }));
            }
            for (Future<?> one : handed) one.get();
            callers.shutdown();
            assertThat(new HashSet<>(Arrays.asList(ids))).as("an id each").hasSize(JOBS);
            Set<Double> starts = new HashSet<>();
            for (int i = 0; i < JOBS; i++) {
                to.bytes("/v1/jobs/" + ids[i] + "/events");   // ends with the job
                done[i] = to.get("/v1/jobs/" + ids[i]);
                assertThat(done[i].path("status").asText()).as(done[i].toString()).isEqualTo("done");
                assertThat(done[i].path("request")).isEqualTo(requests.get(i));
                starts.add(done[i].path("started").asDouble());
                List<Picture> own = new ArrayList<>();
                for (JsonNode name : done[i].path("files")) {
                    own.add(read(to.bytes("/v1/jobs/" + ids[i] + "/files/" + name.asText()).body()));
                }
                pictures.add(own);
            }
            assertThat(starts.size()).as("many were drawn together").isLessThan(JOBS / 2);
        }
        double seconds = (System.nanoTime() - began) * 1e-9;
        Map<String, List<Picture>> known = new HashMap<>();
        int compared = 0, other = 0;
        try (OpenModels models = new OpenModels(1L << 30); OpenModels.Here here = models.here()) {
            for (int i = 0; i < JOBS; i++) {
                List<Picture> alone = alone(requests.get(i), known), own = pictures.get(i);
                assertThat(own).as("pictures of " + requests.get(i)).hasSameSizeAs(alone);
                for (int k = 0; k < own.size(); k++) {
                    int far = farthest(own.get(k), alone.get(k));
                    assertThat(far).as("levels of 255 between picture " + k + " and the one drawn alone: " + requests.get(i))
                        .isLessThanOrEqualTo(1);
                    compared++;
                    if (far > 0) other++;
                }
            }
        }
        // those of different runs, seeds or steps are others, or a swap would not be seen; classes look alike after so short a training
        Map<String, Picture> firsts = new HashMap<>();
        known.forEach((request, made) -> firsts.put(request.replaceAll("\"(n|label)\":\"?\\d\"?,", ""), made.get(0)));
        List<Picture> all = List.copyOf(firsts.values());
        for (int i = 0; i < all.size(); i++) {
            for (int k = 0; k < i; k++) assertThat(farthest(all.get(i), all.get(k))).isGreaterThan(1);
        }
        System.out.printf("%d jobs of %d different requests in %.1f s, alone in %.1f s: %d pictures, %d not equal to the bit, 0 swaps%n",
            JOBS, known.size(), seconds, (System.nanoTime() - began) * 1e-9 - seconds, compared, other);
    }
}
