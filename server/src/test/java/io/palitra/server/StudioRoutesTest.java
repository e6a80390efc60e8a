package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.config.Config;
import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StudioRoutesTest {
    private static final String TOKEN = "a-token;of, 20+ \"chars".replace(" ", "_");
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    @TempDir private static Path root;
    private static Server server;

    @BeforeAll static void start() {
        server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"), "jobs=" + root.resolve("jobs"),
            "token=" + TOKEN));
    }

    @AfterAll static void stop() { server.close(); }

    private static HttpRequest.Builder to(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path));
    }

    private static HttpResponse<byte[]> get(String path, String... headers) throws Exception {
        HttpRequest.Builder request = to(path);
        if (headers.length > 0) request.headers(headers);
        HttpResponse<byte[]> answer = CLIENT.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
        Contract.check(answer);
        return answer;
    }

    private static HttpResponse<String> session(String body) throws Exception {
        HttpResponse<String> answer = CLIENT.send(to("/v1/session").header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body)).build(), HttpResponse.BodyHandlers.ofString());
        Contract.check(answer);
        return answer;
    }

    @Test void thePageComesWithoutATokenAndItsImportMapAloneMayRun() throws Exception {
        HttpResponse<byte[]> page = get("/");
        assertThat(page.statusCode()).isEqualTo(200);
        assertThat(page.headers().firstValue("Content-Type").orElse("").replace(" ", "").toLowerCase(Locale.ROOT))
            .isEqualTo("text/html;charset=utf-8");
        String text = new String(page.body(), StandardCharsets.UTF_8);
        String map = text.substring(text.indexOf("importmap\">") + 11, text.indexOf("</script>"));
        String hash = Base64.getEncoder().encodeToString(MessageDigest.getInstance("SHA-256").digest(map.getBytes(StandardCharsets.UTF_8)));
        assertThat(page.headers().allValues("Content-Security-Policy")).singleElement().asString()
            .contains("default-src 'self';", "script-src 'self' 'sha256-" + hash + "';", "frame-ancestors 'none'").doesNotContain("unsafe");
        assertThat(get("/v1/jobs").statusCode()).as("the API asks for the token").isEqualTo(401);
    }

    @Test void filesHaveTheirTypesATagAndArePacked() throws Exception {
        for (String[] c : new String[][] {{"main.js", "text/javascript"}, {"studio.css", "text/css"}, {"icon.svg", "image/svg+xml"},
            {"vendor/preact-11.2.0.js", "text/javascript"}, {"vendor/licences/htm.txt", "text/plain"}}) {
            HttpResponse<byte[]> plain = get("/studio/" + c[0]);
            assertThat(plain.statusCode()).as(c[0]).isEqualTo(200);
            assertThat(plain.headers().firstValue("Content-Type").orElse("")).startsWith(c[1]);
            HttpResponse<byte[]> packed = get("/studio/" + c[0], "Accept-Encoding", "gzip");
            assertThat(packed.headers().firstValue("Content-Encoding")).hasValue("gzip");
            assertThat(new GZIPInputStream(new ByteArrayInputStream(packed.body())).readAllBytes()).isEqualTo(plain.body());
            String tag = plain.headers().firstValue("ETag").orElseThrow();
            HttpResponse<byte[]> known = get("/studio/" + c[0], "If-None-Match", tag);
            assertThat(known.statusCode()).isEqualTo(304);
            assertThat(known.body()).isEmpty();
            boolean kept = plain.headers().firstValue("Cache-Control").orElse("").contains("immutable");
            assertThat(kept).as(c[0]).isEqualTo(c[0].startsWith("vendor/preact"));
        }
    }

    @Test void noOtherResourceIsReached() throws Exception {
        for (String name : List.of("files.txt", "", "../Server.class", "..%2fServer.class", "%2e%2e/Server.class", "lib", "lib/",
                "/etc/passwd", "main.js%00", "Main.js", "vendor/../main.js", "nothing.js")) {
            assertThat(get("/studio/" + name).statusCode()).as(name).isIn(400, 401, 404);
        }
    }

    @Test void aPageThatKnowsTheTokenGetsACookieThatItsCodeCannotRead() throws Exception {
        for (String body : List.of("{}", "{\"token\": \"\"}", "{\"token\": \"wrong\"}", "{\"token\": 7}", "{\"token\": null}")) {
            HttpResponse<String> refused = session(body);
            assertThat(refused.statusCode()).as(body).isEqualTo(401);
            assertThat(refused.headers().firstValue("Set-Cookie")).isEmpty();
        }
        HttpResponse<String> entered = session(Job.JSON.createObjectNode().put("token", TOKEN).toString());
        assertThat(entered.statusCode()).isEqualTo(204);
        String cookie = entered.headers().firstValue("Set-Cookie").orElseThrow();
        assertThat(cookie).startsWith("palitra_token=").containsIgnoringCase("HttpOnly").containsIgnoringCase("SameSite=Strict")
            .contains("Path=/");
        String value = cookie.substring(0, cookie.indexOf(';'));
        assertThat(get("/v1/jobs", "Cookie", value).statusCode()).isEqualTo(200);
        assertThat(get("/v1/jobs", "Cookie", value + "x").statusCode()).isEqualTo(401);
        assertThat(get("/v1/jobs", "Cookie", "palitra_token=").statusCode()).isEqualTo(401);
        assertThat(get("/v1/jobs", "Cookie", value, "Authorization", "Bearer wrong").statusCode())
            .as("a token that is given counts").isEqualTo(401);
        assertThat(get("/v1/jobs", "Cookie", value, "Sec-Fetch-Site", "cross-site").statusCode())
            .as("a cookie opens nothing for others").isEqualTo(403);
    }
}
