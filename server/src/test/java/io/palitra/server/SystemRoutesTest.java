package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import java.io.InputStream;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SystemRoutesTest {
    @TempDir private static Path root;
    private static Server server;
    private static Asking asking;

    @BeforeAll static void start() {
        server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"), "jobs=" + root.resolve("jobs")));
        asking = new Asking(server, root);
    }

    @AfterAll static void stop() { server.close(); }

    private static String metrics() throws Exception { return new String(asking.bytes("/metrics").body(), StandardCharsets.UTF_8); }

    private static String training(String name) throws Exception {
        ObjectNode body = Asking.JSON.createObjectNode().put("kind", "train");
        ObjectNode request = body.putObject("request").put("family", "vae").put("data", "strokes").put("out", name);
        request.putArray("set").add("latent=2").add("net.hidden=8").add("train.steps=1000000");
        return asking.job(body, 202).path("id").asText();
    }

    private static JsonNode ended(String id) throws Exception {
        for (int i = 0; i < 1200; i++) {
            JsonNode job = asking.get("/v1/jobs/" + id, 200);
            if (List.of("done", "failed", "cancelled").contains(job.path("status").asText())) return job;
            Thread.sleep(50);
        }
        throw new AssertionError("the job does not end");
    }

    @Test void healthAnswersWhileAHundredAndTenWait() throws Exception {
        String id = training("busy");
        List<Socket> open = new ArrayList<>();
        int refused = 0;
        try {
            for (int i = 0; i < 110; i++) {
                Socket socket = new Socket("127.0.0.1", server.port());
                open.add(socket);
                socket.setSoTimeout(20_000);
                socket.getOutputStream().write(("GET /v1/jobs/" + id + "/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    .getBytes(StandardCharsets.ISO_8859_1));
                StringBuilder head = new StringBuilder();
                InputStream in = socket.getInputStream();
                while (head.indexOf("\r\n\r\n") < 0) head.append((char) in.read());
                if (head.toString().startsWith("HTTP/1.1 503")) {
                    refused++;
                    assertThat(head.toString()).contains("Retry-After: ");
                } else {
                    assertThat(head.toString()).startsWith("HTTP/1.1 200");
                }
            }
            assertThat(refused).isEqualTo(10);
            List<Double> times = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                for (String path : List.of("/health", "/ready", "/metrics")) {
                    long began = System.nanoTime();
                    assertThat(asking.bytes(path).statusCode()).isEqualTo(200);
                    times.add((System.nanoTime() - began) / 1e6);
                }
            }
            times.sort(null);
            System.out.println("with 100 event streams open: ms median " + times.get(30) + ", most " + times.get(59));
            assertThat(times.get(30)).as("ms, median of " + times).isLessThan(100);
            assertThat(metrics()).contains("palitra_waiters 100\n");
        } finally {
            asking.ask(asking.to("/v1/jobs/" + id).DELETE().build(), 200);
            for (Socket socket : open) socket.close();
        }
        ended(id);
        for (int i = 0; i < 200 && !metrics().contains("palitra_waiters 0\n"); i++) Thread.sleep(50);
        assertThat(metrics()).as("all seats are given back").contains("palitra_waiters 0\n");
    }

    @Test void whatIsCountedHasTheFormOfPrometheusAndNoPaths() throws Exception {
        ObjectNode body = Asking.JSON.createObjectNode().put("kind", "sample");
        body.putObject("request").put("run", "scenes").put("n", 1).put("prompt", "a red circle");
        JsonNode done = ended(asking.job(body, 202).path("id").asText());
        assertThat(done.path("status").asText()).as(done.toString()).isEqualTo("done");
        asking.get("/v1/jobs/0000", 404);
        asking.get("/v1/secret-path", 404);
        String text = metrics();
        Set<String> typed = new TreeSet<>();
        for (String line : text.split("\n")) {
            assertThat(line).matches(
                "# (HELP|TYPE) palitra_[a-z_]+ .*|palitra_[a-z_]+(\\{([a-z]+=\"([^\"\\\\\\n]|\\\\.)*\",?)*\\})? -?[0-9.]+(E-?\\d+)?");
            if (line.startsWith("# TYPE ")) assertThat(typed.add(line.split(" ")[2])).as("once " + line).isTrue();
            else if (!line.startsWith("#")) {
                assertThat(typed).contains(line.split("[{ ]")[0].replaceFirst("_(bucket|sum|count)$", ""));
            }
        }
        assertThat(typed).contains("palitra_jobs_total", "palitra_queue_length", "palitra_running", "palitra_job_duration_seconds",
            "palitra_sampling_steps_total", "palitra_http_request_duration_seconds", "palitra_native_memory_bytes", "palitra_build_info",
            "palitra_model_loaded_info", "palitra_uptime_seconds");
        assertThat(text).contains("palitra_jobs_total{kind=\"sample\",status=\"done\"} 1\n",
            "palitra_job_duration_seconds_count{kind=\"sample\"} 1\n", "route=\"/v1/jobs/{id}\",status=\"404\"",
            "route=\"none\",status=\"404\"").doesNotContain("secret-path", "0000\"", done.path("id").asText());
        assertThat(text).doesNotContain("palitra_sampling_steps_total 0\n");
        HttpResponse<byte[]> answer = asking.bytes("/metrics");
        assertThat(answer.headers().firstValue("Content-Type").orElse("")).startsWith("text/plain; version=0.0.4");
    }

    @Test void theSystemAndItsLogTell() throws Exception {
        JsonNode system = asking.get("/v1/system", 200);
        for (String key : List.of("version", "java", "libtorch", "device", "threads", "processors",
            "memory", "queue", "models", "uptime")) {
            assertThat(system.has(key)).as(key).isTrue();
        }
        assertThat(system.path("memory").path("heap").asLong()).isPositive();
        ObjectNode body = Asking.JSON.createObjectNode().put("kind", "sample");
        body.putObject("request").put("run", "digits").put("label", "eleven");
        JsonNode failed = ended(asking.job(body, 202).path("id").asText());
        assertThat(failed.path("status").asText()).isEqualTo("failed");
        JsonNode lines = asking.get("/v1/log", 200).path("lines");
        assertThat(lines.toString()).contains("no class 'eleven'");
        long last = lines.get(lines.size() - 1).path("n").asLong();
        assertThat(asking.get("/v1/log?after=" + last, 200).path("lines")).isEmpty();
    }

    @Test void theLogKeepsTheLastThousandWithoutPlacesAndNamesOfClasses() {
        Log log = new Log();
        for (int i = 0; i < 1500; i++) log.note("line " + i);
        log.fault("an answer", new IllegalStateException("cannot read /home/somebody/secret/file.txt"));
        log.fault("an answer", new NullPointerException("io.palitra.server.Jobs"));
        JsonNode lines = log.after(0).path("lines");
        assertThat(lines).hasSize(1000);
        assertThat(lines.get(998).path("line").asText()).isEqualTo("an answer: cannot read file.txt");
        assertThat(lines.get(999).toString()).doesNotContain("io.palitra", "NullPointer");
    }

    @Test void withATokenMetricsWantItAndHealthDoesNot() throws Exception {
        try (Server guarded = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"), "jobs="
                + root.resolve("guarded"), "token=0123456789abcdef"))) {
            Asking ask = new Asking(guarded, root);
            assertThat(ask.bytes("/health").statusCode()).isEqualTo(200);
            for (String path : List.of("/metrics", "/ready", "/v1/system", "/v1/log", "/v1/models", "/v1/runs", "/v1/data", "/v1/schema")) {
                assertThat(ask.bytes(path).statusCode()).as(path).isEqualTo(401);
                HttpRequest known = ask.to(path).header("Authorization", "Bearer 0123456789abcdef").build();
                assertThat(Asking.CLIENT.send(known, HttpResponse.BodyHandlers.ofString()).statusCode()).as(path).isEqualTo(200);
            }
        }
    }
}
