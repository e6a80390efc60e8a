package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;

/** Asks a server of this machine, and looks that no answer names a place. */
final class Asking {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    private final Server server;
    private final Path root;

    /** @param root of all that the test writes */
    Asking(Server server, Path root) {
        this.server = server;
        this.root = root;
    }

    HttpRequest.Builder to(String path) { return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path)); }

    HttpResponse<byte[]> bytes(HttpRequest request) throws Exception {
        return CLIENT.send(request, HttpResponse.BodyHandlers.ofByteArray());
    }

    JsonNode ask(HttpRequest request, int status) throws Exception {
        HttpResponse<String> answer = CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
        assertThat(answer.headers().firstValue("Content-Type").orElse("")).startsWith("application/json");
        assertThat(answer.body()).as("no place on the disk").doesNotContain(root.toString());
        return JSON.readTree(answer.body());
    }

    JsonNode get(String path) throws Exception { return ask(to(path).build(), 200); }

    JsonNode send(String method, String path, String json, int status) throws Exception {
        return ask(to(path).header("Content-Type", "application/json")
            .method(method, HttpRequest.BodyPublishers.ofString(json)).build(), status);
    }

    JsonNode upload(String path, String type, byte[] body, int status) throws Exception {
        return ask(to(path).header("Content-Type", type).POST(HttpRequest.BodyPublishers.ofByteArray(body)).build(), status);
    }

    /** A job, when it has ended. */
    JsonNode done(String json) throws Exception {
        String id = send("POST", "/v1/jobs", json, 202).path("id").asText();
        CLIENT.send(to("/v1/jobs/" + id + "/events").build(), HttpResponse.BodyHandlers.ofString());   // ends with the job
        return get("/v1/jobs/" + id);
    }
}
