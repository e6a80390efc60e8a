package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.sun.net.httpserver.HttpServer;
import io.palitra.data.DownloadException.Fault;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class HttpTest {
    private final List<HttpServer> servers = new ArrayList<>();
    private final List<String> seen = new ArrayList<>();

    /** Answers /a with a redirect, all else with 200. Notes path and token. */
    private String server(String location) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", e -> {
            synchronized (seen) { seen.add(e.getRequestURI().getPath() + " " + e.getRequestHeaders().getFirst("Authorization")); }
            boolean away = e.getRequestURI().getPath().startsWith("/a");
            if (away) e.getResponseHeaders().add("Location", location);
            e.sendResponseHeaders(away ? 302 : 200, -1);
            e.close();
        });
        server.start();
        servers.add(server);
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    @AfterEach void stop() { servers.forEach(s -> s.stop(0)); }

    private int get(String address) throws IOException {
        try (Http.Reply reply = new Http(Duration.ofSeconds(5), () -> false).get(URI.create(address), Map.of(), Optional.of("t"))) {
            return reply.status();
        }
    }

    @Test void aTokenFollowsRedirectsWithinItsHost() throws Exception {
        assertThat(get(server("/b") + "/a")).isEqualTo(200);
        assertThat(seen).containsExactly("/a Bearer t", "/b Bearer t");
    }

    @Test void aTokenDoesNotLeaveItsHostNorComeBackToIt() throws Exception {
        String last = server("/unused");
        String away = server(last + "/c");
        // /a of the host asked leads to /a of another, and that to a third
        String home = server(away + "/a");
        assertThat(get(home + "/a")).isEqualTo(200);
        assertThat(seen).containsExactly("/a Bearer t", "/a null", "/c null");
        seen.clear();
        int port = URI.create(home).getPort();
        servers.get(1).removeContext("/");
        servers.get(1).createContext("/", e -> {
            e.getResponseHeaders().add("Location", "http://127.0.0.1:" + port + "/home");
            e.sendResponseHeaders(307, -1);
            e.close();
        });
        assertThat(get(home + "/a")).isEqualTo(200);
        assertThat(seen).containsExactly("/a Bearer t", "/home null");
    }

    @Test void aRedirectMayNotBecomeLessSafeNorLeaveTheWeb() {
        URI safe = URI.create("https://hub/x/y");
        assertThat(Http.next(safe, "z?q=a b|\u00e9")).isEqualTo(URI.create("https://hub/x/z?q=a%20b%7C%C3%A9"));
        assertThat(Http.next(safe, "//cdn/z")).isEqualTo(URI.create("https://cdn/z"));
        assertThat(Http.next(URI.create("http://hub/x"), "https://hub/x")).isEqualTo(URI.create("https://hub/x"));
        for (String location : List.of("http://hub/x/y", "file:///etc/passwd", "", "ftp://hub/x", "http:", "https://", "jar:file:/x!/y")) {
            assertThat(catchThrowableOfType(DownloadException.class, () -> Http.next(safe, location)).fault()).isEqualTo(Fault.STATUS);
        }
    }

    @Test void anOriginIsSchemeHostAndPort() {
        URI hub = URI.create("https://hub");
        assertThat(Http.sameOrigin(hub, URI.create("HTTPS://HUB:443/x"))).isTrue();
        for (String other : List.of("http://hub", "https://hub:8443", "https://hub.evil", "https://sub.hub", "http://hub:443")) {
            assertThat(Http.sameOrigin(hub, URI.create(other))).as(other).isFalse();
        }
    }

    @Test void whatIsToStopDoesNotWait() {
        long start = System.nanoTime();
        assertThat(catchThrowable(() -> new Http(Duration.ofSeconds(5), () -> System.nanoTime() - start > 300_000_000L)
            .pause(Duration.ofSeconds(30)))).isInstanceOf(CancellationException.class);
        assertThat(System.nanoTime() - start).isLessThan(5_000_000_000L);
    }
}
