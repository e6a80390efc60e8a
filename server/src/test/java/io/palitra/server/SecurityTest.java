package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.job.TrainRequest;
import io.palitra.model.Watcher;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What strangers send over a socket. While each test runs the server says that it is well. */
class SecurityTest {
    private static final List<String> BODIES = List.of("/v1/jobs", "/v1/uploads", "/v1/images/generations", "/sdapi/v1/txt2img",
        "/v1/session");
    private static final String HOST = "Host: localhost\r\n", JSON = "Content-Type: application/json\r\n";
    /** What a socket holds on both sides that the server has not read. */
    private static final long BUFFERS = 12L << 20;

    @TempDir private static Path root;
    private static Server server;
    private static Asking to;

    private final AtomicBoolean looking = new AtomicBoolean(true);
    private final List<Double> health = Collections.synchronizedList(new ArrayList<>());
    private final List<String> ill = Collections.synchronizedList(new ArrayList<>());
    private Thread looker;

    @BeforeAll static void start() throws Exception {
        Config.replace(Config.with(new TrainRequest("diffusion"), "data=strokes", "out=" + root.resolve("runs/tiny")), "set",
            List.of("net.channels=8,8,8", "net.groups=4", "net.layers=1", "train.steps=2")).run(Watcher.SILENT);
        server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"), "jobs=" + root.resolve("jobs"),
            "queue=1000", "share=1000", "pull=false"));
        to = new Asking(server, root);
        to.done(sample(1, 2));
    }

    @AfterAll static void stop() { server.close(); }

    private static String sample(int n, int steps) {
        return "{\"kind\": \"sample\", \"request\": {\"run\": \"tiny\", \"each\": true, \"n\": " + n + ", \"sampling\": [\"sampler.steps="
            + steps + "\"]}}";
    }

    @BeforeEach void look() {
        looker = new Thread(() -> {
            do {
                long began = System.nanoTime();
                try {
                    String answer = Raw.ask(server.port(), "GET /health HTTP/1.1\r\n" + HOST + "Connection: close\r\n\r\n");
                    if (!answer.startsWith("HTTP/1.1 200")) ill.add(answer);
                    TimeUnit.MILLISECONDS.sleep(50);
                } catch (IOException e) {
                    ill.add(e.toString());
                } catch (InterruptedException e) {
                    return;
                }
                health.add((System.nanoTime() - began) * 1e-9 - 0.05);
            } while (looking.get());
        });
        looker.start();
    }

    @AfterEach void wasWell() throws Exception {
        looking.set(false);
        looker.join();
        assertThat(ill).isEmpty();
        assertThat(health).as("seconds of /health").isNotEmpty().allMatch(seconds -> seconds < 5);
    }

    private static String metrics() throws Exception { return new String(to.bytes("/metrics").body(), StandardCharsets.UTF_8); }

    private static boolean none(String... names) {
        try {
            String now = metrics();
            return Stream.of(names).allMatch(name -> now.contains("palitra_" + name + " 0\n"));
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** Seconds until it is so. */
    private static double until(String what, double most, BooleanSupplier so) throws Exception {
        long began = System.nanoTime();
        while (!so.getAsBoolean()) {
            double waited = (System.nanoTime() - began) * 1e-9;
            if (waited > most) {
                throw new AssertionError(what + ": not after " + waited + " s\n" + metrics().lines().filter(line -> line.matches(
                    "palitra_(running|queue_length|waiters|jobs_total).*")).toList());
            }
            Thread.sleep(20);
        }
        return (System.nanoTime() - began) * 1e-9;
    }

    @Test void namesThatWereBoundAnewAndPagesOfOthersAreRefused() throws Exception {
        String own = "127.0.0.1:" + server.port(), port = ":" + server.port();
        List<String> forged = new ArrayList<>();
        for (String host : List.of("evil.example", "evil.example" + port, "127.0.0.1.nip.io" + port, "localtest.me" + port,
            "localhost.evil.example" + port, "evil.localhost" + port, "0.0.0.0" + port, "0" + port, "2130706433" + port,
            "0x7f000001" + port, "127.1" + port,
            "[::ffff:10.0.0.1]" + port, "[::2]" + port, "10.0.0.1" + port, "169.254.169.254", "localhost@evil.example",
            "127.0.0.1.1" + port)) {
            forged.add("Host: " + host);
            forged.add("Host: " + host + "\r\nOrigin: http://" + host);
        }
        for (String origin : List.of("null", "http://evil.example", "https://evil.example", "http://" + own + ".evil.example",
            "http://evil.example#" + own, "http://127.0.0.1:1", "http://localhost" + port, "http://[::1]" + port, "file://",
            "chrome-extension://abcdef", "data:text/html,x", "http://" + own + "/", "ftp://" + own, "http://user@" + own, "")) {
            forged.add("Host: " + own + "\r\nOrigin: " + origin);
        }
        for (String site : List.of("cross-site", "same-site", "Cross-Site", "same-origin, cross-site", "unknown")) {
            forged.add("Host: " + own + "\r\nSec-Fetch-Site: " + site);
        }
        forged.add("Host: " + own + "\r\nHost: evil.example");
        forged.add("Host: " + own + "\r\nOrigin: http://" + own + "\r\nOrigin: http://evil.example");
        forged.add("X-Forwarded-Host: " + own);
        int refused = 0;
        for (String headers : forged) {
            for (String line : List.of("GET /v1/jobs", "POST /v1/jobs", "DELETE /v1/gallery/bin", "GET /metrics", "GET /studio/main.js")) {
                String answer = Raw.ask(server.port(), line + " HTTP/1.1\r\n" + headers + "\r\n" + JSON
                    + "Content-Length: 0\r\nConnection: close\r\n\r\n");
                assertThat(answer).as(line + " " + headers).matches("(?s)HTTP/1.1 40[03] .*").contains("\"error\"");
                refused++;
            }
        }
        System.out.println(refused + " requests with a forged Host, Origin or Sec-Fetch-Site: all refused");
        for (String headers : List.of("Host: " + own, "Host: localhost", "Host: LOCALHOST" + port, "Host: [::1]" + port, "Host: 127.0.0.2",
            "Host: " + own + "\r\nOrigin: http://" + own + "\r\nSec-Fetch-Site: same-origin",
            "Host: " + own + "\r\nSec-Fetch-Site: none")) {
            assertThat(Raw.ask(server.port(), "GET /v1/jobs HTTP/1.1\r\n" + headers + "\r\nConnection: close\r\n\r\n")).as(headers)
                .startsWith("HTTP/1.1 200 ");
        }
    }

    /** Pours until the other end answers or closes. @return bytes that were taken, and the answer */
    private static Object[] pour(String head, byte[] piece, long most, String end) throws Exception {
        try (Socket socket = Raw.connect(server.port())) {
            socket.setSendBufferSize(64 << 10);
            long sent = 0;
            try {
                Raw.send(socket, head);
                while (sent < most && socket.getInputStream().available() == 0) {
                    socket.getOutputStream().write(piece);
                    sent += piece.length;
                }
                Raw.send(socket, end);
            } catch (SocketException e) {
                // closed on the way
            }
            String answer = "";
            try {
                byte[] some = new byte[4096];
                int n = socket.getInputStream().read(some);
                answer = n < 0 ? "" : new String(some, 0, n, StandardCharsets.ISO_8859_1);
            } catch (SocketException e) {
                // closed without a word
            }
            return new Object[] {sent, answer};
        }
    }

    private static long heap() throws InterruptedException {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 3; i++) {
            System.gc();
            Thread.sleep(100);
            least = Math.min(least, Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory());
        }
        return least;
    }

    private static Set<String> disk() throws IOException {
        Set<String> all = new TreeSet<>();
        for (Path folder : List.of(root, Path.of(System.getProperty("java.io.tmpdir")))) {
            try (Stream<Path> files = folder.equals(root) ? Files.walk(folder) : Files.list(folder)) {
                files.filter(f -> !f.toString().contains("history") && (folder.equals(root) || f.toString().toLowerCase(
                    Locale.ROOT).contains("multipart"))).forEach(f -> all.add(f.toString()));
            }
        }
        return all;
    }

    @Test void bodiesWithoutEndAreCutAndHeapAndDiskStay() throws Exception {
        Set<String> disk = disk();
        long heap = heap(), most = 0, began = System.nanoTime();
        byte[] letters = "a".repeat(64 << 10).getBytes(StandardCharsets.US_ASCII);
        byte[] chunk = ("10000\r\n" + "a".repeat(64 << 10) + "\r\n").getBytes(StandardCharsets.US_ASCII);
        byte[] ones = "1\r\na\r\n".repeat(1000).getBytes(StandardCharsets.US_ASCII);
        for (String path : BODIES) {
            String head = "POST " + path + " HTTP/1.1\r\n" + HOST + (path.endsWith("uploads") ? "Content-Type: image/png\r\n" : JSON);
            Object[] declared = pour(head + "Content-Length: 10737418240\r\n\r\n", letters, 1L << 30, "");
            Object[] endless = pour(head + "Transfer-Encoding: chunked\r\n\r\n", chunk, 1L << 30, "");
            Object[] pieces = pour(head + "Transfer-Encoding: chunked\r\n\r\n", ones, 18_000_000, "0\r\n\r\n");
            for (Object[] got : List.of(declared, endless)) {
                assertThat((String) got[1]).as(path).matches("(?s)(HTTP/1.1 4\\d\\d .*|)");
                assertThat((long) got[0]).as(path + " bytes taken of a body").isLessThan(Server.BODY + (64 << 10) + BUFFERS);
            }
            assertThat((long) declared[0]).as(path + " bytes taken of a body that says that it is too large").isLessThan(BUFFERS);
            if (!((String) pieces[1]).isEmpty()) assertThat((String) pieces[1]).as(path).matches("(?s)HTTP/1.1 4\\d\\d .*");
            most = Math.max(most, Math.max((long) declared[0], (long) endless[0]));
        }
        System.out.println("bodies without end: at most " + (most >> 10) + " KiB taken, " + (System.nanoTime() - began) / 1_000_000
            + " ms, heap " + ((heap() - heap) >> 20) + " MiB more");
        assertThat(heap() - heap).as("heap").isLessThan(16L << 20);
        assertThat(disk()).isEqualTo(disk);
    }

    @Test void bodiesOfTwoLengthsManyHeadersManyPartsAndPackedOnesAreRefused() throws Exception {
        Set<String> disk = disk();
        long heap = heap();
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(packed)) {
            gzip.write(("{\"kind\": \"sample\", \"request\": {\"run\": \"" + "a".repeat(30 << 20) + "\"}}")
                .getBytes(StandardCharsets.US_ASCII));
        }
        String gz = packed.toString(StandardCharsets.ISO_8859_1);
        StringBuilder parts = new StringBuilder();
        for (int i = 0; i < 10_000; i++) {
            parts.append("--x\r\nContent-Disposition: form-data; name=\"p").append(i).append("\"\r\n\r\n1\r\n");
        }
        parts.append("--x--\r\n");
        for (String path : BODIES) {
            String post = "POST " + path + " HTTP/1.1\r\n" + HOST;
            for (String request : List.of(post + JSON + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
                post + JSON + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}}",
                post + JSON + "Transfer-Encoding: chunked, gzip\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
                post + "X-A: b\r\n".repeat(100_000) + "\r\n", post + "X-A: " + "b".repeat(1 << 20) + "\r\n\r\n",
                post + "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: " + parts.length()
                    + "\r\nConnection: close\r\n\r\n" + parts,
                post + JSON + "Content-Encoding: gzip\r\nContent-Length: " + gz.length() + "\r\nConnection: close\r\n\r\n" + gz)) {
                Object[] got = pour("", request.getBytes(StandardCharsets.ISO_8859_1), 1, "");
                assertThat((String) got[1]).as(path + " " + request.substring(0, Math.min(200, request.length()))).matches(
                    "(?s)(HTTP/1.1 4\\d\\d .*|)").doesNotContain("<html");
            }
        }
        assertThat(heap() - heap).as("heap").isLessThan(16L << 20);
        assertThat(disk()).isEqualTo(disk);
    }

    private enum Way { FIN, RST, HALF, SILENT }

    /** @return still open, if that is how it leaves */
    private static void leave(Socket socket, Way way) throws IOException {
        switch (way) {
            case FIN -> socket.close();
            case RST -> {
                socket.setSoLinger(true, 0);
                socket.close();
            }
            case HALF -> socket.shutdownOutput();
            case SILENT -> { }
        }
    }

    private static String draw(int steps, String more) {
        String json = "{\"model\": \"tiny\", \"prompt\": \"\", \"steps\": " + steps + more + "}";
        return "POST /v1/images/generations HTTP/1.1\r\n" + HOST + JSON + "Content-Length: " + json.length() + "\r\n\r\n" + json;
    }

    @Test void clientsThatVanishLeaveNoSlotTaken() throws Exception {
        List<Socket> open = new ArrayList<>();
        int vanished = 0;
        double longest = 0;
        try {
            // while the first draws the others wait; of each request somebody waits for the answer, or reads it as it comes
            for (Way way : Way.values()) {
                int steps = way == Way.SILENT ? 20 : 1000;
                List<Socket> here = new ArrayList<>();
                long before = ended();
                for (int i = 0; i < 20; i++) {
                    Socket socket = Raw.connect(server.port());
                    here.add(socket);
                    // other steps are not drawn together: some of these wait
                    Raw.send(socket, draw(steps - i % 5, i % 2 == 0 ? "" : ", \"stream\": true, \"partial_images\": 2"));
                }
                until("drawing", 20, () -> !none("running") || way == Way.SILENT);
                until("all are there", 20, () -> way == Way.SILENT || jobs() == 20);
                for (Socket socket : here) leave(socket, way);
                longest = Math.max(longest, until(way + ": freed", way == Way.SILENT ? 60 : 20,
                    () -> none("running", "queue_length", "waiters") && ended() >= before + 20));
                open.addAll(here);
                vanished += here.size();
            }
            // readers of events of a job that goes on
            String id = to.send("POST", "/v1/jobs", sample(8, 1000), 202).path("id").asText();
            List<Socket> readers = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                Socket socket = Raw.connect(server.port());
                readers.add(socket);
                Raw.send(socket, "GET /v1/jobs/" + id + "/events HTTP/1.1\r\n" + HOST + "\r\n");
            }
            until("all read", 20, () -> seats() == 20);
            for (int i = 0; i < 20; i++) leave(readers.get(i), Way.values()[i % 3]);
            double seats = until("readers are gone", 10, () -> none("waiters"));
            System.out.println("20 readers of events vanished: seats free after " + seats + " s");
            open.addAll(readers);
            vanished += readers.size();
            to.ask(to.to("/v1/jobs/" + id).DELETE().build(), 200);
            until("ended", 20, () -> none("running", "queue_length", "waiters"));
            System.out.println(vanished + " clients vanished: 0 slots taken, the longest after " + longest + " s");
        } finally {
            for (Socket socket : open) socket.close();
        }
        assertThat(to.done(sample(1, 2)).path("status").asText()).isEqualTo("done");
    }

    /** Jobs that came to an end, whichever. */
    private static long ended() {
        try {
            return metrics().lines().filter(l -> l.startsWith("palitra_jobs_total")).mapToLong(l -> Math.round(
                Double.parseDouble(l.substring(l.lastIndexOf(' ') + 1)))).sum();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private static long jobs() {
        try {
            return to.get("/v1/jobs?limit=1000&status=queued").path("jobs").size()
                + to.get("/v1/jobs?limit=1000&status=running").path("jobs").size();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private static int seats() {
        try {
            return Integer.parseInt(metrics().replaceFirst("(?s).*\npalitra_waiters (\\d+)\n.*", "$1"));
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Test void bodiesThatDoNotComeLeaveThreadsForShortAnswers() throws Exception {
        List<Socket> half = new ArrayList<>();
        try {
            for (int i = 0; i < 200; i++) {
                Socket socket = Raw.connect(server.port());
                half.add(socket);
                Raw.send(socket, "POST " + BODIES.get(i % BODIES.size()) + " HTTP/1.1\r\n" + HOST + JSON + "Content-Length: 100\r\n\r\n{");
            }
            for (int i = 0; i < 3; i++) {
                long begun = System.nanoTime();
                assertThat(Raw.ask(server.port(), "GET /health HTTP/1.1\r\n" + HOST + "Connection: close\r\n\r\n"))
                    .startsWith("HTTP/1.1 200");
                assertThat((System.nanoTime() - begun) * 1e-9).as("seconds").isLessThan(5);
            }
        } finally {
            for (Socket socket : half) socket.close();
        }
        until("who reads is done", 40, () -> {
            try {
                return to.bytes(to.to("/v1/jobs").header("Content-Type", "application/json")
                    .POST(java.net.http.HttpRequest.BodyPublishers.ofString("{}")).build()).statusCode() == 422;
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
    }

    @Test void whoReadsOrWritesSlowlyKeepsNobodyWaiting() throws Exception {
        List<Socket> slow = Collections.synchronizedList(new ArrayList<>());
        AtomicBoolean going = new AtomicBoolean(true);
        Thread drips = new Thread(() -> {
            byte[] one = {'a'};
            while (going.get()) {
                for (Socket socket : List.copyOf(slow)) {
                    try {
                        if (socket.getReceiveBufferSize() < 8192) socket.getInputStream().read();
                        else socket.getOutputStream().write(one);
                    } catch (IOException e) {
                        slow.remove(socket);   // cut
                    }
                }
                try {
                    Thread.sleep(1000);
                } catch (InterruptedException e) {
                    return;
                }
            }
        });
        drips.setDaemon(true);
        try {
            for (int i = 0; i < 50; i++) {   // readers of a long answer, one byte a second
                Socket socket = new Socket();
                socket.setReceiveBufferSize(1024);
                socket.connect(new InetSocketAddress("127.0.0.1", server.port()));
                socket.setSoTimeout(20_000);
                Raw.send(socket, "GET /v1/families HTTP/1.1\r\n" + HOST + "\r\n");
                slow.add(socket);
            }
            for (int i = 0; i < 150; i++) {   // bodies
                Socket socket = Raw.connect(server.port());
                Raw.send(socket, "POST " + BODIES.get(i % BODIES.size()) + " HTTP/1.1\r\n" + HOST + JSON + "Content-Length: 5000\r\n\r\n{");
                slow.add(socket);
            }
            for (int i = 0; i < 50; i++) {   // headers
                Socket socket = Raw.connect(server.port());
                Raw.send(socket, "GET /v1/jobs HTTP/1.1\r\n" + HOST + "X-A: ");
                slow.add(socket);
            }
            drips.start();
            Thread.sleep(1000);
            List<Double> times = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                long began = System.nanoTime();
                assertThat(to.done(sample(1, 2)).path("status").asText()).isEqualTo("done");
                assertThat(to.bytes("/v1/models").statusCode()).isEqualTo(200);
                times.add((System.nanoTime() - began) * 1e-9);
                Thread.sleep(300);
            }
            System.out.println("beside 250 slow clients: a job and a list in at most " + Collections.max(times) + " s; " + slow.size()
                + " still open");
            assertThat(times).as("seconds of a job and a list").allMatch(seconds -> seconds < 8);
        } finally {
            going.set(false);
            drips.interrupt();
            for (Socket socket : List.copyOf(slow)) socket.close();
        }
    }

    /** Nothing of them comes, so that nothing is read whose rate could be too low. */
    @Test void whoSendsNothingOfItsBodyKeepsNobodyOut() throws Exception {
        List<Socket> silent = new ArrayList<>();
        try {
            for (int i = 0; i < 3 * Waiters.READERS; i++) {
                Socket socket = Raw.connect(server.port());
                Raw.send(socket, "POST " + BODIES.get(i % BODIES.size()) + " HTTP/1.1\r\n" + HOST + JSON + "Content-Length: 5000\r\n\r\n{");
                silent.add(socket);
            }
            for (int i = 0; i < 5; i++) assertThat(to.done(sample(1, 2)).path("status").asText()).isEqualTo("done");
        } finally {
            for (Socket socket : silent) socket.close();
        }
    }

    @Test void theTokenIsComparedInAsMuchTimeWhateverIsRightOfIt() {
        JavaClass gate = new ClassFileImporter().importClasses(Gate.class, ServerConfig.class).get(Gate.class);
        assertThat(calls(gate, "same")).contains("java.security.MessageDigest.isEqual").doesNotContain("java.lang.String.equals");
        assertThat(calls(gate, "isToken")).containsExactlyInAnyOrder("io.palitra.server.Gate.same", "io.palitra.server.ServerConfig.token");
        assertThat(calls(gate, "check")).contains("io.palitra.server.Gate.same", "io.palitra.server.Gate.isToken");
        Set<String> knows = new ClassFileImporter().importPackages("io.palitra.server").stream().filter(c -> !c.getName().contains("Test"))
            .flatMap(c -> c.getMethodCallsFromSelf().stream()).filter(call -> call.getTargetOwner().isAssignableTo(ServerConfig.class)
                && call.getName().equals("token")).map(call -> call.getOriginOwner().getSimpleName()).collect(Collectors.toSet());
        assertThat(knows).as("who reads the token").isSubsetOf("Gate", "ServerConfig");
    }

    private static Set<String> calls(JavaClass in, String method) {
        return in.getMethods().stream().filter(m -> m.getName().equals(method)).flatMap(m -> m.getCallsFromSelf().stream())
            .map((JavaCall<?> call) -> call.getTargetOwner().getName() + "." + call.getName()).collect(Collectors.toSet());
    }

    @Test void othersAreListenedToWithATokenAlone() {
        for (String host : List.of("0.0.0.0", "::", "192.168.1.2", "127.0.0.1.example", "a.example", "")) {
            assertThatThrownBy(() -> Config.with(ServerConfig.DEFAULT, "host=" + host)).as(host).isInstanceOf(ConfigException.class);
        }
        for (String host : List.of("127.0.0.1", "localhost", "::1", "127.0.0.2")) Config.with(ServerConfig.DEFAULT, "host=" + host);
    }
}
