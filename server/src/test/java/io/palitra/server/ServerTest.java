package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.data.CatalogueEntry;
import io.palitra.data.Datasets;
import io.palitra.engine.Device;
import io.palitra.job.TrainRequest;
import io.palitra.model.Watcher;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServerTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    @TempDir private static Path root;
    private static Server server;

    @BeforeAll static void start() throws Exception {
        Config.with(new TrainRequest("vae"), "data=strokes", "out=" + root.resolve("runs/tiny"), "set=latent=2,net.hidden=8,train.steps=3")
            .run(Watcher.SILENT);
        server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"), "jobs=" + root.resolve("jobs")));
    }

    @AfterAll static void stop() { server.close(); }

    private static HttpRequest.Builder to(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path));
    }

    private static JsonNode ask(HttpRequest request, int status) throws Exception {
        HttpResponse<String> answer = CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
        Contract.check(answer);
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
        assertThat(answer.body()).as("no place on the disk").doesNotContain(root.toString());
        return JSON.readTree(answer.body());
    }

    private static JsonNode job(String json, int status) throws Exception {
        return ask(to("/v1/jobs").header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(json)).build(), status);
    }

    private static JsonNode ended(String id) throws Exception {
        HttpResponse<String> events = CLIENT.send(to("/v1/jobs/" + id + "/events").build(), HttpResponse.BodyHandlers.ofString());
        Contract.check(events);
        assertThat(events.body().lines()).contains("event: started");   // ends with the job
        return ask(to("/v1/jobs/" + id).build(), 200);
    }

    private static void refused(String message, String... keys) {
        assertThatThrownBy(() -> Server.start(Config.with(Config.with(ServerConfig.DEFAULT, "port=0", "jobs=" + root.resolve("none"),
            "token=0123456789abcdef"), keys)).close()).isInstanceOf(ConfigException.class).hasMessageContaining(message);
        assertThat(root.resolve("none")).doesNotExist();
    }

    @Test void whatCannotBeServedIsRefusedAtTheStart() throws Exception {
        refused("no device 'foo'; there are auto, cpu, cuda, cuda:n", "device=foo");
        if (!Device.cudaAvailable()) refused("device 'cuda' is not available", "device=cuda");
        Path file = Files.writeString(root.resolve("file"), "");
        refused("' is a file, must be a folder", "runs=" + file);
        refused("'no.such.host.invalid' has no address", "host=no.such.host.invalid");
        refused("'192.0.2.1' is no address of this machine", "host=192.0.2.1");
        refused("another program may listen there", "port=" + server.port());
    }

    private static void unfit(String kind, String request, String field, String message) throws Exception {
        JsonNode body = JSON.createObjectNode().put("kind", kind).set("request", JSON.readTree(request.replace('\'', '"')));
        JsonNode error = job(body.toString(), 422).path("error");
        assertThat(error.path("message").asText()).as(request).contains(message);
        assertThat(error.path("field").asText()).as(request).isEqualTo(field);
    }

    @Test void whatAModelCannotDoIsRefusedBeforeItWaits() throws Exception {
        unfit("draw", "{'prompt': 'a', 'model': 'digits'}", "model", "'digits' draws nothing from words; models that can be named here are "
            + "scenes");
        unfit("draw", "{'prompt': 'a', 'model': 'scenes-clip'}", "model", "'scenes-clip' draws nothing from words");
        unfit("draw", "{'prompt': 'a', 'clip': 'scenes'}", "clip", "'scenes' is no CLIP; models that can be named here are scenes-clip");
        unfit("paint", "{'prompt': 'a', 'model': 'scenes'}", "model", "'scenes' does not paint; there is no model here that does");
        unfit("draw", "{'prompt': 'a', 'sampling': ['temprature=2']}", "temprature", "no such key 'temprature'");
        unfit("sample", "{'run': 'scenes', 'sampling': ['temperature=NaN']}", "temperature", "NaN");
        unfit("sample", "{'run': 'scenes', 'sampling': ['guidance=101']}", "guidance", "between 0 and 100");
        unfit("sample", "{'run': 'tiny', 'n': 0}", "n", "must be between 1 and");
        unfit("complete", "{'run': 'tiny', 'keep': 4}", "run", "'tiny' completes nothing");
        unfit("project", "{'run': 'tiny', 'picture': ''}", "run", "'tiny' draws by no styles that its layers read");
        unfit("vary", "{'run': 'tiny', 'pictures': []}", "run", "'tiny' varies no pictures; there is no model here that does");
        unfit("caption", "{'run': 'tiny', 'pictures': []}", "run", "'tiny' writes nothing of pictures");
        unfit("continue", "{'run': 'tiny', 'film': ''}", "run", "'tiny' goes on with no films");
        unfit("map", "{'run': 'digits'}", "run", "'digits' makes no codes of items; models that can be named here are ");
        unfit("reconstruct", "{'run': 'digits'}", "run", "'digits' reconstructs nothing; models that can be named here are ");
        unfit("walk", "{'run': 'scenes'}", "run", "'scenes' has no latent space to walk through; models that can be named here are digits");
        for (CatalogueEntry e : Datasets.catalogue().stream().filter(e -> !Datasets.here(e)).toList()) {
            unfit("train", "{'family': 'vae', 'data': '" + e.name() + "'}", "data", "the data set '" + e.name() + "' is not here; palitra "
                + "data get " + e.name() + " fetches it");
        }
        assertThat(ask(to("/v1/jobs?limit=1000").build(), 200).path("jobs").toString()).doesNotContain("temprature", "paint");
    }

    @Test void whatIsNoPartOfARequestIsNamed() throws Exception {
        JsonNode error = job("{\"kind\": \"draw\", \"request\": {\"prompt\": \"a\"}, \"priority\": 1}", 422).path("error");
        assertThat(error.path("message").asText()).isEqualTo("no such field 'priority'; there are kind, request");
        unfit("draw", "{'prompt': 'a', 'sead': 3}", "sead", "no such key 'sead'; there are prompt, n, candidates, seed, scale, model, "
            + "clip, sampling; did you mean seed?");
        unfit("draw", "{'prompt': ' '}", "prompt", "which words? Such as");
        assertThat(ask(to("/v1/jobs?kind=foo").build(), 422).path("error").path("field").asText()).isEqualTo("kind");
    }

    @Test void aRunIsResumedByOneJobAtATimeWhichTellsItsName() throws Exception {
        String first = job("{\"kind\": \"train\", \"request\": {\"family\": \"vae\", \"data\": \"strokes\", \"set\": ["
            + "\"latent=2\", \"net.hidden=8\", \"train.steps=3\"]}}", 202).path("id").asText();
        String name = ended(first).path("result").path("run").asText();
        assertThat(name).isEqualTo("vae-" + first.substring(0, 8));
        String resume = "{\"kind\": \"resume\", \"request\": {\"run\": \"" + name + "\", \"set\": [\"train.steps=100000\"]}}";
        String going = job(resume, 202).path("id").asText();
        assertThat(job(resume, 409).path("error").path("code").asText()).isEqualTo("run_trains");
        ask(to("/v1/jobs/" + going).DELETE().build(), 200);
        ended(going);
        String again = job(resume, 202).path("id").asText();
        ask(to("/v1/jobs/" + again).DELETE().build(), 200);
    }

    @Test void aJobIsQueuedFollowedAndItsFileFetched() throws Exception {
        JsonNode made = job("{\"kind\": \"sample\", \"request\": {\"run\": \"tiny\", \"n\": 4, \"seed\": 3}}", 202);
        JsonNode done = ended(made.path("id").asText());
        assertThat(done.path("status").asText()).as(done.toString()).isEqualTo("done");
        assertThat(done.path("files")).hasSize(1);
        String name = done.path("files").get(0).asText();
        HttpResponse<byte[]> file = CLIENT.send(to("/v1/jobs/" + done.path("id").asText() + "/files/" + name).build(),
            HttpResponse.BodyHandlers.ofByteArray());
        assertThat(file.statusCode()).isEqualTo(200);
        assertThat(file.headers().firstValue("Content-Type")).hasValue("image/png");
        assertThat(file.body()).startsWith(0x89, 'P', 'N', 'G');
        assertThat(ask(to("/v1/jobs").build(), 200).path("jobs").findValuesAsText("id")).contains(done.path("id").asText());
    }

    @Test void aReaderThatComesBackGetsWhatItMissed() throws Exception {
        String id = job("{\"kind\": \"sample\", \"request\": {\"run\": \"tiny\", \"n\": 2}}", 202).path("id").asText();
        ended(id);
        List<String> all = CLIENT.send(to("/v1/jobs/" + id + "/events").build(), HttpResponse.BodyHandlers.ofLines()).body().toList();
        List<String> ids = all.stream().filter(line -> line.startsWith("id: ")).toList();
        assertThat(all.stream().filter(line -> line.startsWith("event: ")).toList().get(ids.size() - 1)).isEqualTo("event: done");
        String before = ids.get(ids.size() - 2).substring(4);
        List<String> rest = CLIENT.send(to("/v1/jobs/" + id + "/events").header("Last-Event-ID", before).build(),
            HttpResponse.BodyHandlers.ofLines()).body().toList();
        assertThat(rest.stream().filter(line -> line.startsWith("event: "))).containsExactly("event: done");
    }

    @Test void trainingsAreStoppedAndResumed() throws Exception {
        String set = "[\"latent=2\", \"net.hidden=8\", \"train.steps=100000\"]";
        String id = job("{\"kind\": \"train\", \"request\": {\"family\": \"vae\", \"data\": \"strokes\", \"out\": \"long\", \"set\": " + set
            + "}}", 202).path("id").asText();
        for (int i = 0; i < 600 && !ask(to("/v1/jobs/" + id).build(), 200).path("status").asText().equals("running"); i++) Thread.sleep(50);
        Thread.sleep(500);
        // drawing goes first, and the training still ends when it is asked to
        JsonNode drawn = ended(job("{\"kind\": \"sample\", \"request\": {\"run\": \"tiny\", \"n\": 1}}", 202).path("id").asText());
        assertThat(drawn.path("status").asText()).isEqualTo("done");
        ask(to("/v1/jobs/" + id).DELETE().build(), 200);
        ended(id);
        String more = job("{\"kind\": \"resume\", \"request\": {\"run\": \"long\"}}", 202).path("id").asText();
        Thread.sleep(300);
        ask(to("/v1/jobs/" + more).DELETE().build(), 200);
        ended(more);
        assertThat(root.resolve("runs/long/train")).isDirectory();
    }

    @Test void whatCannotBeIsRefusedByItsFieldBeforeItWaits() throws Exception {
        for (String[] c : new String[][] {
            {"{\"kind\": \"sample\", \"request\": {\"run\": \"tiny\", \"n\": 0}}", "n"},
            {"{\"kind\": \"sample\", \"request\": {\"run\": \"tiny\", \"n\": \"4\"}}", "n"},
            {"{\"kind\": \"sample\", \"request\": {\"run\": \"tinny\"}}", "run"},
            {"{\"kind\": \"sample\", \"request\": {\"run\": \"" + root.resolve("runs/tiny") + "\"}}", "run"},
            {"{\"kind\": \"sample\", \"request\": {\"run\": \"../runs/tiny\"}}", "run"},
            {"{\"kind\": \"sample\", \"request\": {\"run\": \"tiny\", \"out\": \"x.png\"}}", "out"},
            {"{\"kind\": \"sample\", \"request\": {\"run\": \"tiny\", \"animation\": \"/elsewhere/x.gif\"}}", "animation"},
            {"{\"kind\": \"sample\", \"request\": {\"run\": \"tiny\", \"clip\": \"org/name\"}}", "clip"},
            {"{\"kind\": \"sample\", \"request\": {}}", "run"},
            {"{\"kind\": \"sample\"}", "request"},
            {"{\"kind\": \"shell\", \"request\": {}}", "kind"},
            {"{\"kind\": \"evaluate\", \"request\": {\"runs\": [\"tiny\"], \"inception\": \"/etc/passwd\"}}", "inception"},
            {"{\"kind\": \"train\", \"request\": {\"family\": \"vae\", \"data\": \"/etc\"}}", "data"},
            {"{\"kind\": \"train\", \"request\": {\"family\": \"vae\", \"out\": \"../x\"}}", "out"},
            {"{\"kind\": \"train\", \"request\": {\"family\": \"vae\", \"set\": [\"data.dir=/etc\"]}}", "set"},
            {"{\"kind\": \"train\", \"request\": {\"family\": \"dalle\", \"set\": [\"stage=/etc\"]}}", "set"},
            {"{\"kind\": \"resume\", \"request\": {\"run\": \"tiny\", \"set\": [\"data.dir=/etc\"]}}", "set"},
        }) {
            JsonNode error = job(c[0], 422).path("error");
            assertThat(error.path("field").asText()).as(c[0] + " " + error).isEqualTo(c[1]);
            assertThat(error.path("message").asText()).doesNotContain("Exception").hasSizeLessThan(500);
        }
        assertThat(job("{", 422).path("error").path("message").asText()).isNotEmpty();
        ask(to("/v1/jobs/0123").build(), 404);
        ask(to("/nothing").build(), 404);
    }

    @Test void noFileIsReachedButThoseOfTheJob() throws Exception {
        String id = job("{\"kind\": \"sample\", \"request\": {\"run\": \"tiny\", \"n\": 1}}", 202).path("id").asText();
        ended(id);
        Files.writeString(root.resolve("jobs").resolve(id).resolve("secret.txt"), "canary");
        Files.writeString(root.resolve("canary.txt"), "canary");
        for (String name : List.of("secret.txt", "../../canary.txt", "..%2f..%2fcanary.txt", "%2e%2e/%2e%2e/canary.txt", "/etc/passwd",
                "....//canary.txt", "samples.png/../secret.txt", "samples.png%00", "")) {
            String answer = raw("GET /v1/jobs/" + id + "/files/" + name + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            assertThat(answer).as(name).doesNotContain("canary", "root:").doesNotStartWith("HTTP/1.1 200");
        }
    }

    private static String raw(String request) throws IOException {
        try (Socket socket = new Socket("127.0.0.1", server.port()); OutputStream out = socket.getOutputStream()) {
            socket.setSoTimeout(10_000);
            out.write(request.getBytes(StandardCharsets.ISO_8859_1));
            out.flush();
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
        }
    }

    @Test void pagesOfOthersAreNotLetIn() throws Exception {
        String own = "127.0.0.1:" + server.port();
        for (String headers : List.of("Host: evil.example", "Host: 127.0.0.1.evil.example", "Host: localhost.evil.example:" + server.port(),
                "Host: 10.0.0.1", "Host: [::2]", "Host: ", "Host: " + own + "\r\nOrigin: http://evil.example",
                "Host: " + own + "\r\nOrigin: null", "Host: " + own + "\r\nOrigin: http://localhost:1",
                "Host: " + own + "\r\nOrigin: file://",
                "Host: " + own + "\r\nSec-Fetch-Site: cross-site", "Host: " + own + "\r\nSec-Fetch-Site: same-site")) {
            for (String line : List.of("GET /v1/jobs", "POST /v1/jobs", "GET /health", "DELETE /v1/jobs/1")) {
                String answer = raw(line + " HTTP/1.1\r\n" + headers + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                assertThat(answer).as(headers + " " + line).matches("(?s)HTTP/1.1 (403|400).*");
            }
        }
        assertThat(raw("GET /v1/jobs HTTP/1.1\r\nHost: " + own + "\r\nOrigin: http://" + own + "\r\nConnection: close\r\n\r\n"))
            .startsWith("HTTP/1.1 200");
    }

    @Test void othersAreLetInByTheTokenAlone() throws Exception {
        assertThatThrownBy(() -> Config.with(ServerConfig.DEFAULT, "host=0.0.0.0")).isInstanceOf(ConfigException.class)
            .hasMessageContaining("a token is needed");
        assertThatThrownBy(() -> Config.with(ServerConfig.DEFAULT, "token=short")).isInstanceOf(ConfigException.class);
        Gate gate = new Gate(Config.with(ServerConfig.DEFAULT, "host=0.0.0.0", "token=0123456789abcdef"));
        gate.check("any.example", null, null, "Bearer 0123456789abcdef", null, false);
        for (String wrong : new String[] {null, "", "Bearer", "Bearer 0123456789abcdeF", "Basic 0123456789abcdef",
                "Bearer 0123456789abcde"}) {
            assertThatThrownBy(() -> gate.check("any.example", null, null, wrong, null, false)).isInstanceOf(Refused.class)
                .hasMessageContaining("token");
        }
        gate.check("any.example", null, null, null, null, true);
    }
}
