package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Notes;
import io.palitra.job.SampleRequest;
import io.palitra.job.TrainRequest;
import io.palitra.model.Watcher;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a server knows after it has begun anew. */
class HistoryTest {
    @TempDir private static Path root;
    @TempDir private Path own;
    private final List<String> notes = new ArrayList<>();

    @BeforeAll static void run() throws Exception {
        Config.with(new TrainRequest("vae"), "data=strokes", "out=" + root.resolve("runs/tiny"), "set=latent=2,net.hidden=8,train.steps=3")
            .run(Watcher.SILENT);
    }

    @BeforeEach void listen() { Notes.sendTo(notes::add); }

    @AfterEach void stop() { Notes.sendTo(line -> { }); }

    private Server serve(Path jobs) {
        return Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"), "jobs=" + jobs));
    }

    private static String sample(int seed) {
        return "{\"kind\": \"sample\", \"request\": {\"run\": \"tiny\", \"n\": 2, \"seed\": " + seed + "}}";
    }

    private Job job(String id, String kind, Path jobs) {
        ObjectNode asked = Job.JSON.createObjectNode().put("run", "tiny");
        return new Job(id, kind, asked, new SampleRequest("tiny"), jobs.resolve(id), "me");
    }

    private static Jobs jobs(ServerConfig config, Uploads uploads, long room) {
        Places places = new Places(config, new Registry(config), new DataSets(""), uploads::named);
        return new Jobs(config, places, uploads, new Meter(), new Log(), room);
    }

    private static String id(int i) { return String.format("%032x", i); }

    @Test void aServerThatBeginsAnewShowsWhatWasDone() throws Exception {
        Path jobs = own.resolve("wei?rd ж");
        JsonNode before;
        String name;
        byte[] file;
        try (Server server = serve(jobs)) {
            Asking to = new Asking(server, own);
            before = to.done(sample(3));
            name = before.path("files").get(0).asText();
            file = to.bytes(to.to("/v1/jobs/" + before.path("id").asText() + "/files/" + name).build()).body();
            to.done(sample(4));
            to.ask(to.to("/v1/jobs/" + before.path("id").asText()).DELETE().build(), 200);
        }
        try (Server server = serve(jobs)) {
            Asking to = new Asking(server, own);
            String id = before.path("id").asText();
            assertThat(to.get("/v1/jobs/" + id)).isEqualTo(before);
            assertThat(new String(to.bytes(to.to("/v1/jobs/" + id).build()).body(), StandardCharsets.UTF_8))
                .containsPattern("\"created\":\\d{10}\\.\\d{3},\"started\":\\d{10}\\.\\d{3},");
            assertThat(to.get("/v1/jobs").path("jobs")).hasSize(2);
            assertThat(to.get("/v1/jobs?limit=1").path("jobs").get(0).path("request").path("seed").asInt()).isEqualTo(4);
            assertThat(to.bytes(to.to("/v1/jobs/" + id + "/files/" + name).build()).body()).isEqualTo(file);
            String events = new String(to.bytes(to.to("/v1/jobs/" + id + "/events").build()).body(), StandardCharsets.UTF_8);
            assertThat(events).contains("event: done").contains(id).endsWith("\n\n");
            assertThat(to.ask(to.to("/v1/jobs/" + id).DELETE().build(), 200).path("status").asText()).isEqualTo("done");
            for (String wrong : List.of("secret", "..%2f..%2fhistory.db", "%2e%2e/history.db")) {
                assertThat(to.bytes(to.to("/v1/jobs/" + id + "/files/" + wrong).build()).statusCode()).as(wrong).isNotEqualTo(200);
            }
            to.ask(to.to("/v1/jobs/" + id(7)).build(), 404);
            to.ask(to.to("/v1/jobs/" + id(7) + "/events").build(), 404);
        }
        assertThat(notes).isEmpty();
    }

    @Test void whatRanWhenTheServerEndedWasCutOff() throws Exception {
        try (History history = new History(own).opened()) {
            Job waits = job(id(1), "sample", own), draws = job(id(2), "sample", own), trains = job(id(3), "train", own);
            Job done = job(id(4), "sample", own);
            Job saved = new Job(id(5), "resume", Job.JSON.createObjectNode().put("run", "kept"), done.request, own, "me");
            Files.createDirectories(root.resolve("runs/kept/train/step-20"));
            for (Job job : List.of(draws, trains, done, saved)) job.begin();
            done.done(Job.JSON.createObjectNode().put("loss", 0.5));
            for (Job job : List.of(waits, draws, trains, done, saved)) history.put(job);
        }
        try (Server server = serve(own)) {
            Asking to = new Asking(server, own);
            for (int i = 1; i <= 3; i++) {
                JsonNode job = to.get("/v1/jobs/" + id(i));
                assertThat(job.path("status").asText()).isEqualTo("failed");
                assertThat(job.path("error").path("code").asText()).isEqualTo("cut_off");
                String message = job.path("error").path("message").asText();
                assertThat(message).contains(i == 1 ? "before it began" : "the server ended while it ran");
                assertThat(message.contains("no checkpoint yet")).isEqualTo(i == 3);
                assertThat(message).doesNotContain("kind resume");
                assertThat(job.path("ended").asDouble()).isGreaterThanOrEqualTo(job.path("created").asDouble());
            }
            assertThat(to.get("/v1/jobs/" + id(5)).path("error").path("message").asText()).contains("from its last checkpoint");
            JsonNode done = to.get("/v1/jobs/" + id(4));
            assertThat(done.path("status").asText()).isEqualTo("done");
            assertThat(done.path("result").path("loss").asDouble()).isEqualTo(0.5);
            assertThat(to.get("/v1/jobs?status=failed").path("jobs")).hasSize(4);
            assertThat(to.get("/v1/jobs?status=failed&kind=train").path("jobs").findValuesAsText("kind")).containsExactly("train");
            to.ask(to.to("/v1/jobs?status=gone").build(), 422);
            to.ask(to.to("/v1/jobs?before=x").build(), 422);
            to.ask(to.to("/v1/jobs?limit=0").build(), 422);
            String tooLong = "{\"kind\": \"sample\", \"request\": {\"run\": \"tiny\", \"prompt\": \"" + "x".repeat(1 << 20) + "\"}}";
            to.send("POST", "/v1/jobs", tooLong, 422);
        }
    }

    @Test void pagesOfJobsMeetWithoutGapsAndMemoryHoldsTheNewest() throws Exception {
        Uploads uploads = new Uploads(own);
        ServerConfig config = Config.with(ServerConfig.DEFAULT, "jobs=" + own, "runs=" + root.resolve("runs"), "queue=1000", "share=1000");
        int all = Jobs.REMEMBERED + 50;
        try (Jobs jobs = jobs(config, uploads, 1L << 30)) {
            ObjectNode asked = Job.JSON.createObjectNode().put("run", "tiny").put("n", 1);
            List<String> ids = new ArrayList<>();
            for (int i = 0; i < all; i++) {
                Job job = jobs.submit("sample", asked, "me");
                jobs.cancel(job);
                ids.add(0, job.id);
            }
            for (int i = 0; i < 600 && jobs.all().stream().anyMatch(j -> !j.ended()); i++) Thread.sleep(50);
            assertThat(jobs.all()).hasSize(Jobs.REMEMBERED);
            List<String> seen = new ArrayList<>();
            long before = Long.MAX_VALUE;
            while (true) {
                List<ObjectNode> page = jobs.list(33, before, "", "");
                if (page.isEmpty()) break;
                page.forEach(job -> seen.add(job.path("id").asText()));
                assertThat(seen).as("jobs of all pages").hasSizeLessThanOrEqualTo(all);
                before = Math.round(page.get(page.size() - 1).path("created").asDouble() * 1000);
            }
            assertThat(seen).isEqualTo(ids);
            assertThat(jobs.shown(ids.get(all - 1)).path("status").asText()).isIn("cancelled", "done");
        }
    }

    @Test void aDamagedHistoryIsKeptAsideAndTheFilesAreFound() throws Exception {
        String id, name;
        try (Server server = serve(own)) {
            JsonNode done = new Asking(server, own).done(sample(1));
            id = done.path("id").asText();
            name = done.path("files").get(0).asText();
        }
        Path file = own.resolve("history.db");
        byte[] bytes = Files.readAllBytes(file);
        byte[] half = bytes.clone();
        for (int i = 4096; i < half.length; i++) half[i] = (byte) (31 * i);
        int n = 0;
        for (byte[] broken : List.of("not a database at all, but text".repeat(100).getBytes(StandardCharsets.UTF_8), half)) {
            Files.write(file, broken);
            notes.clear();
            try (Server server = serve(own)) {
                Asking to = new Asking(server, own);
                JsonNode job = to.get("/v1/jobs/" + id);
                assertThat(job.path("error").path("code").asText()).isEqualTo("history_lost");
                assertThat(to.bytes(to.to("/v1/jobs/" + id + "/files/" + name).build()).statusCode()).isEqualTo(200);
                assertThat(to.get("/v1/gallery").path("total").asInt()).isEqualTo(1);
                to.done(sample(2));
            }
            assertThat(own.resolve("history-damaged-" + ++n + ".db")).hasBinaryContent(broken);
            assertThat(notes).as("one line").hasSize(1);
            assertThat(notes.get(0)).contains("history-damaged-" + n + ".db").doesNotContain(own.toString());
            PartsRemoved.in(own);
        }
    }

    /** Takes away what a second server made, so that each broken file meets the same folder. */
    private static final class PartsRemoved {
        static void in(Path jobs) throws Exception {
            List<Path> folders;
            try (Stream<Path> all = Files.list(jobs)) {
                folders = all.filter(f -> f.getFileName().toString().matches("[0-9a-f]{32}")).sorted((a, b) -> {
                    try {
                        return Files.getLastModifiedTime(a).compareTo(Files.getLastModifiedTime(b));
                    } catch (java.io.IOException e) {
                        throw new java.io.UncheckedIOException(e);
                    }
                }).toList();
            }
            for (Path folder : folders.subList(1, folders.size())) io.palitra.config.PartFile.remove(folder);
        }
    }

    @Test void aFolderThatCannotBeWrittenOrIsAnothersEndsTheStart() throws Exception {
        Path taken = Files.writeString(own.resolve("file"), "a file"), folder = own.resolve("folder");
        Files.createDirectories(folder.resolve("history.db"));
        for (Path wrong : List.of(taken, folder)) {
            assertThatThrownBy(() -> serve(wrong)).isInstanceOfSatisfying(ConfigException.class, e -> {
                assertThat(e.key()).isEqualTo("jobs");
                assertThat(e).hasMessageNotContaining("SQL");
            });
        }
        Path jobs = own.resolve("jobs");
        try (Server server = serve(jobs)) {
            assertThatThrownBy(() -> serve(jobs)).isInstanceOf(ConfigException.class).hasMessageContaining("another server");
            assertThat(new Asking(server, own).done(sample(1)).path("status").asText()).isEqualTo("done");
        }
        assertThat(taken).hasContent("a file");
        serve(jobs).close();
    }

    @Test void theOldestFilesMakeRoomButFavouritesStay() throws Exception {
        Uploads uploads = new Uploads(own);
        ServerConfig config = Config.with(ServerConfig.DEFAULT, "jobs=" + own, "runs=" + root.resolve("runs"));
        ObjectNode asked = Job.JSON.createObjectNode().put("run", "tiny").put("n", 1);
        List<Job> made = new ArrayList<>();
        try (Jobs jobs = jobs(config, uploads, 1L << 30)) {
            for (int i = 0; i < 3; i++) {
                Job job = jobs.submit("sample", asked, "me");
                for (int wait = 0; wait < 600 && !job.ended(); wait++) Thread.sleep(50);
                made.add(job);
            }
            jobs.history().ask(c -> c.createStatement().executeUpdate("UPDATE pictures SET favourite = 1 WHERE job = '"
                + made.get(0).id + "'"));
        }
        try (Jobs jobs = jobs(config, uploads, 1)) {
            for (int i = 0; i < 3; i++) {
                ObjectNode job = jobs.shown(made.get(i).id);
                assertThat(job.path("files")).as("job " + i).hasSize(i == 0 ? 1 : 0);
                assertThat(job.path("gone").asBoolean()).isEqualTo(i != 0);
                assertThat(Files.exists(made.get(i).folder.resolve("samples.png"))).isEqualTo(i == 0);
            }
            Job next = jobs.submit("sample", asked, "me");
            for (int wait = 0; wait < 600 && !next.ended(); wait++) Thread.sleep(50);
            assertThat(jobs.history().job(next.id).orElseThrow().path("files")).as("what was just made stays").hasSize(1);
            assertThatThrownBy(() -> jobs.file(made.get(1).id, "samples.png")).isInstanceOf(Refused.class);
            assertThat(jobs.file(made.get(0).id, "samples.png")).exists();
            Job last = jobs.submit("sample", asked, "me");
            for (int wait = 0; wait < 600 && !last.ended(); wait++) Thread.sleep(50);
            assertThat(jobs.history().job(next.id).orElseThrow().path("gone").asBoolean()).isTrue();
            assertThat(jobs.shown(next.id).path("gone").asBoolean()).as("in memory, too").isTrue();
        }
        assertThat(Config.with(ServerConfig.DEFAULT, "disk=3").disk()).isEqualTo(3);
        assertThatThrownBy(() -> Config.with(ServerConfig.DEFAULT, "disk=0")).isInstanceOf(ConfigException.class);
    }

    @Test void smallFormsOfPicturesAreKeptByTheBrowser() throws Exception {
        try (Server server = serve(own)) {
            Asking to = new Asking(server, own);
            JsonNode done = to.done(sample(5));
            String at = "/v1/jobs/" + done.path("id").asText() + "/files/" + done.path("files").get(0).asText();
            HttpResponse<byte[]> small = to.bytes(to.to(at + "?wide=20").build());
            assertThat(small.statusCode()).isEqualTo(200);
            assertThat(small.headers().firstValue("Content-Type")).hasValue("image/png");
            assertThat(small.headers().firstValue("Cache-Control")).hasValue("private, max-age=31536000, immutable");
            assertThat(java.nio.ByteBuffer.wrap(small.body()).getInt(16)).isEqualTo(20);
            String tag = small.headers().firstValue("ETag").orElseThrow();
            assertThat(to.bytes(to.to(at + "?wide=20").header("If-None-Match", tag).build()).statusCode()).isEqualTo(304);
            assertThat(to.bytes(to.to(at).build()).headers().firstValue("ETag").orElseThrow()).isNotEqualTo(tag);
            for (String wide : List.of("0", "-1", "99999", "a", "1e3")) to.ask(to.to(at + "?wide=" + wide).build(), 422);
        }
    }
}
