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

/** Asks a server of a test; no answer of it may name the folder that all of the test lies in. */
final class Asking {
    static final ObjectMapper JSON = new ObjectMapper();
    static final HttpClient CLIENT = HttpClient.newHttpClient();

    private final Server server;
    private final Path root;

    Asking(Server server, Path root) {
        this.server = server;
        this.root = root;
    }

    HttpRequest.Builder to(String path) { return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path)); }

    HttpResponse<byte[]> bytes(String path) throws Exception {
        return CLIENT.send(to(path).build(), HttpResponse.BodyHandlers.ofByteArray());
    }

    JsonNode get(String path, int status) throws Exception { return ask(to(path).build(), status); }

    JsonNode ask(HttpRequest request, int status) throws Exception {
        HttpResponse<byte[]> answer = CLIENT.send(request, HttpResponse.BodyHandlers.ofByteArray());
        String body = new String(answer.body(), StandardCharsets.UTF_8);
        assertThat(answer.statusCode()).as(request.uri() + " " + body).isEqualTo(status);
        assertThat(body).as("no place on the disk").doesNotContain(root.toString());
        return body.isEmpty() ? JSON.nullNode() : JSON.readTree(body);
    }

    JsonNode job(JsonNode body, int status) throws Exception {
        return ask(to("/v1/jobs").header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body.toString())).build(), status);
    }
}
