package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.Config;
import io.palitra.job.TrainRequest;
import io.palitra.model.Watcher;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Everything that a server can be asked: it is described, it is guarded, and it answers in the form that is described. */
class RoutesTest {
    private static final String TOKEN = "0123456789abcdef";
    /** What anybody may fetch: without these a page could not ask for the token. */
    private static final Set<String> OPEN = Set.of("GET /health", "GET /", "GET /studio/{name}", "POST /v1/session");

    @TempDir private static Path root;
    private static Server server;
    private static Server guarded;

    @BeforeAll static void start() throws Exception {
        Config.with(new TrainRequest("vae"), "data=strokes", "out=" + root.resolve("runs/tiny"), "set=latent=2,net.hidden=8,train.steps=2")
            .run(Watcher.SILENT);
        server = serve("jobs");
        guarded = serve("guarded", "token=" + TOKEN);
    }

    private static Server serve(String jobs, String... more) {
        List<String> how = new ArrayList<>(List.of("port=0", "runs=" + root.resolve("runs"), "jobs=" + root.resolve(jobs)));
        how.addAll(List.of(more));
        return Server.start(Config.with(ServerConfig.DEFAULT, how.toArray(new String[0])));
    }

    @AfterAll static void stop() {
        server.close();
        guarded.close();
    }

    private static Set<String> routes() {
        return server.routes().stream().map(route -> route.replace('<', '{').replace('>', '}'))
            .collect(Collectors.toCollection(TreeSet::new));
    }

    @Test void whatIsServedIsWhatIsDescribed() throws Exception {
        assertThat(routes()).hasSizeGreaterThan(60).isEqualTo(Contract.operations());
        assertThat(server.routes()).doesNotHaveDuplicates();
        HttpResponse<byte[]> answer = new Asking(server, root).bytes("/openapi.yaml");
        assertThat(answer.headers().firstValue("Content-Type")).hasValue("application/yaml");
        assertThat(new String(answer.body(), StandardCharsets.UTF_8)).startsWith("openapi: 3.1.0\n").doesNotContain(root.toString());
    }

    @Test void eachPlaceThatTheDescriptionPointsToIsThere() {
        List<String> places = new ArrayList<>();
        pointed(Contract.API, places);
        assertThat(places).hasSizeGreaterThan(100)
            .allSatisfy(at -> assertThat(Contract.API.at(at.substring(1)).isMissingNode()).as(at).isFalse());
        assertThat(Contract.API.path("components").path("schemas").properties()).allSatisfy(schema -> assertThat(
            places).anyMatch(at -> at.startsWith("#/components/schemas/" + schema.getKey()) || schema.getKey().equals("AnyFault")));
    }

    private static void pointed(JsonNode json, List<String> places) {
        if (json.path("$ref").isTextual()) places.add(json.path("$ref").textValue());
        json.forEach(part -> pointed(part, places));
    }

    /** A path of a route, with something for each variable. */
    private static String path(String route) { return route.substring(route.indexOf(' ') + 1).replaceAll("\\{\\w+}", "0"); }

    private static String asked(Server of, String route, String headers) throws Exception {
        String own = headers.contains("Host: ") ? "" : "Host: 127.0.0.1:" + of.port() + "\r\n";
        return Raw.ask(of.port(), route.substring(0, route.indexOf(' ')) + " " + path(route) + " HTTP/1.1\r\n" + own + headers
            + "Content-Length: 0\r\nConnection: close\r\n\r\n");
    }

    @Test void eachIsAskedByItsOwnPagesAlone() throws Exception {
        for (String route : routes()) {
            for (String forged : List.of("Host: evil.example:" + server.port(), "Origin: http://evil.example", "Origin: null",
                    "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site")) {
                String answer = asked(server, route, forged + "\r\n");
                assertThat(answer).as(route + " " + forged).startsWith("HTTP/1.1 403 ").contains("application/json");
                Contract.check(route.replaceFirst(" .*", ""), URI.create(path(route)), 403, "application/json", Raw.body(answer));
            }
            String own = "http://127.0.0.1:" + server.port();
            assertThat(asked(server, route, "Origin: " + own + "\r\nSec-Fetch-Site: same-origin\r\n")).as(route)
                .matches("(?s)HTTP/1.1 (?!403|401|5)\\d.*");
        }
    }

    @Test void eachWantsTheTokenButWhatAPageNeedsToAskForIt() throws Exception {
        Set<String> open = new TreeSet<>();
        for (String route : routes()) {
            String none = asked(guarded, route, ""), wrong = asked(guarded, route, "Authorization: Bearer 0123456789abcdeF\r\n");
            String cookie = asked(guarded, route, "Cookie: palitra_token=" + Gate.cookie("0123456789abcdeF") + "\r\n");
            if (none.startsWith("HTTP/1.1 401 ") && OPEN.contains(route)) throw new AssertionError(route + " is to be open");
            if (!none.startsWith("HTTP/1.1 401 ")) open.add(route);
            else assertThat(List.of(wrong, cookie)).as(route).allMatch(answer -> answer.startsWith("HTTP/1.1 401 "));
            assertThat(asked(guarded, route, "Authorization: Bearer " + TOKEN + "\r\n")).as(route)
                .matches("(?s)HTTP/1.1 (?!403|401|5)\\d.*");
            boolean told = Contract.API.at("/paths/" + route.substring(route.indexOf(' ') + 1).replace("/", "~1") + "/"
                + route.replaceFirst(" .*", "").toLowerCase(Locale.ROOT)).has("security");
            assertThat(told).as(route + " is described as open").isEqualTo(OPEN.contains(route));
        }
        assertThat(open).isEqualTo(OPEN);
    }

    @Test void whatThereIsNotAndWhatCannotBeDoneIsToldInJson() throws Exception {
        Asking to = new Asking(server, root);
        for (String path : List.of("/nothing", "/v1/nothing", "/v1/jobs/1/2/3", "/sdapi/v1/nothing", "/studio/nothing.html")) {
            assertThat(to.get(path, 404).path("error").path("message").asText()).as(path).isEqualTo("there is no such page");
        }
        for (String[] c : new String[][] {{"PUT", "/v1/jobs"}, {"DELETE", "/v1/models"}, {"POST", "/v1/runs/x"}, {"PATCH", "/health"},
            {"GET", "/v1/images/edits"}, {"POST", "/"}, {"GET", "/sdapi/v1/txt2img"}}) {
            assertThat(to.send(c[0], c[1], "{}", 405).path("error").path("code").asText()).as(c[1]).isEqualTo("no_such_method");
        }
        for (String line : List.of("GET /v1/jobs/%zz", "GET /v1/jobs/..;/x", "GET /a%2fb", "GET /v1/jobs?limit=%", "BREW /v1/jobs", "GET  ",
            "GET /" + "a".repeat(20_000), "GET http://[::1/", "\u0000")) {
            String answer = Raw.ask(server.port(), line + " HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n"
                + "\r\n");
            assertThat(answer.toLowerCase(Locale.ROOT)).as(line.substring(0, Math.min(40, line.length())))
                .matches("(?s)http/1.1 (4\\d\\d|505) .*")
                .contains("application/json", "\"error\"").doesNotContain("<html", "<body", "jetty", "exception", "javalin");
        }
    }

    @Test void theSecondApiAnswersAsDescribed() throws Exception {
        for (String more : List.of("", ", \"stream\": true, \"partial_images\": 1", ", \"n\": 2, \"size\": \"64x64\", \"quality\": \"hd\"",
            ", \"response_format\": \"b64_json\", \"output_format\": \"jpeg\"")) {
            HttpRequest request = new Asking(server, root).to("/v1/images/generations").header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString("{\"model\": \"tiny\", \"prompt\": \"\"" + more + "}")).build();
            assertThat(new Asking(server, root).bytes(request).statusCode()).as(more).isEqualTo(200);
        }
    }

    @Test void anAnswerThatIsNotAsDescribedIsSeen() {
        URI health = URI.create("/health"), jobs = URI.create("/v1/jobs");
        Contract.check("GET", health, 200, "application/json", "{\"status\": \"up\", \"version\": \"1\"}");
        for (Object[] c : new Object[][] {{"GET", health, 200, "application/json", "{\"status\": \"up\"}"},
            {"GET", health, 200, "application/json", "{\"status\": \"up\", \"version\": \"1\", \"more\": 1}"},
            {"GET", health, 200, "text/html", "{\"status\": \"up\", \"version\": \"1\"}"},
            {"GET", health, 201, "application/json", "{}"},
            {"GET", health, 500, "application/json", "{\"error\": \"it\"}"},
            {"GET", URI.create("/v1/jobs?more=1"), 200, "application/json", "{\"jobs\": []}"},
            {"GET", jobs, 200, "application/json", "{\"jobs\": [{\"id\": \"1\"}]}"},
            {"GET", URI.create("/v1/jobs/0/events"), 200, "text/event-stream", "event: else\ndata: {}\n\n"},
            {"PUT", jobs, 200, "application/json", "{}"}}) {
            assertThatThrownBy(() -> Contract.check((String) c[0], (URI) c[1], (int) c[2], (String) c[3], (String) c[4]))
                .as(List.of(c).toString()).isInstanceOf(AssertionError.class);
        }
    }
}
