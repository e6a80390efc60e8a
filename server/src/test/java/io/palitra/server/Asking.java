package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Asks a server of this machine, and looks that no answer names a place and that each is as {@link Contract} has it. */
final class Asking {
    static final ObjectMapper JSON = new ObjectMapper();
    static final HttpClient CLIENT = HttpClient.newHttpClient();

    private final Server server;
    private final Path root;

    /** @param root of all that the test writes */
    Asking(Server server, Path root) {
        this.server = server;
        this.root = root;
    }

    HttpRequest.Builder to(String path) { return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path)); }

    HttpResponse<byte[]> bytes(HttpRequest request) throws Exception {
        HttpResponse<byte[]> answer = CLIENT.send(request, HttpResponse.BodyHandlers.ofByteArray());
        Contract.check(answer);
        return answer;
    }

    JsonNode ask(HttpRequest request, int status) throws Exception {
        HttpResponse<byte[]> answer = bytes(request);
        String body = new String(answer.body(), StandardCharsets.UTF_8);
        assertThat(answer.statusCode()).as(request.uri() + " " + body).isEqualTo(status);
        assertThat(body).as("no place on the disk").doesNotContain(root.toString());
        if (body.isEmpty()) return JSON.nullNode();
        assertThat(answer.headers().firstValue("Content-Type").orElse("")).startsWith("application/json");
        return JSON.readTree(body);
    }

    JsonNode get(String path) throws Exception { return ask(to(path).build(), 200); }

    JsonNode send(String method, String path, String json, int status) throws Exception {
        return ask(to(path).header("Content-Type", "application/json")
            .method(method, HttpRequest.BodyPublishers.ofString(json)).build(), status);
    }

    JsonNode upload(String path, String type, byte[] body, int status) throws Exception {
        return ask(to(path).header("Content-Type", type).POST(HttpRequest.BodyPublishers.ofByteArray(body)).build(), status);
    }

    HttpResponse<byte[]> bytes(String path) throws Exception { return bytes(to(path).build()); }

    JsonNode get(String path, int status) throws Exception { return ask(to(path).build(), status); }

    JsonNode job(JsonNode body, int status) throws Exception { return send("POST", "/v1/jobs", body.toString(), status); }

    /** A job, when it has ended. */
    JsonNode done(String json) throws Exception {
        String id = send("POST", "/v1/jobs", json, 202).path("id").asText();
        bytes("/v1/jobs/" + id + "/events");   // ends with the job
        return get("/v1/jobs/" + id);
    }
}
