package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.palitra.data.DownloadException.Fault;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DownloadTest {
    private static final byte[] BYTES = new byte[300_000];

    static {
        for (int i = 0; i < BYTES.length; i++) BYTES[i] = (byte) (i * i >> 7);
    }

    /** How the server answers. */
    private enum Manner { WHOLE, RANGES, CUT, WRONG, MISSING, STALL, LONGER, MOVED, OTHER_RANGE }

    @TempDir private Path dir;
    private HttpServer server;
    private ExecutorService threads;
    private volatile Manner manner = Manner.WHOLE;
    private final List<String> asked = new ArrayList<>();
    private final CountDownLatch over = new CountDownLatch(1);

    @BeforeEach void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        threads = Executors.newCachedThreadPool();
        server.setExecutor(threads);
        server.createContext("/", this::answer);
        server.start();
    }

    @AfterEach void stop() {
        over.countDown();
        server.stop(0);
        threads.shutdownNow();
    }

    private void answer(HttpExchange exchange) throws IOException {
        String range = exchange.getRequestHeaders().getFirst("Range");
        synchronized (asked) {
            asked.add(range == null ? "all" : range);
        }
        int from = range == null || manner == Manner.WHOLE || manner == Manner.WRONG ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
        if (manner == Manner.MOVED && !exchange.getRequestURI().getPath().startsWith("/new/")) {
            exchange.getResponseHeaders().add("Location", "/new" + exchange.getRequestURI().getPath());
            exchange.sendResponseHeaders(302, -1);
            return;
        }
        if (manner == Manner.MISSING) {
            exchange.sendResponseHeaders(404, -1);
            return;
        }
        byte[] body = Arrays.copyOfRange(BYTES, from, BYTES.length + (manner == Manner.LONGER ? 10 : 0));
        if (manner == Manner.WRONG) body[1000] ^= 1;
        if (from > 0) {
            int shown = manner == Manner.OTHER_RANGE ? from - 1 : from;
            exchange.getResponseHeaders().add("Content-Range", "bytes " + shown + "-" + (BYTES.length - 1) + "/" + BYTES.length);
        }
        exchange.sendResponseHeaders(from > 0 ? 206 : 200, body.length);
        try (OutputStream out = exchange.getResponseBody()) {
            if (manner == Manner.CUT || manner == Manner.STALL) {
                out.write(body, 0, 100_000);
                out.flush();
                if (manner == Manner.STALL) over.await(20, TimeUnit.SECONDS);
            } else {
                out.write(body);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            exchange.close();
        }
    }

    private static CatalogueEntry source() throws Exception {
        String md5 = HexFormat.of().formatHex(MessageDigest.getInstance("MD5").digest(BYTES));
        CatalogueEntry.Remote remote = new CatalogueEntry.Remote(URI.create("http://127.0.0.1:1/x/numbers.gz"), BYTES.length, md5);
        return new CatalogueEntry("numbers", "for tests", CatalogueEntry.Kind.IDX, List.of(), 0, 0, List.of(remote));
    }

    private Download download() {
        String from = "http://127.0.0.1:" + server.getAddress().getPort() + "/some/";
        return new Download(from, (file, bytes, total) -> { }, Duration.ofMillis(1500));
    }

    private DownloadException fails(Download download) throws Exception {
        CatalogueEntry source = source();
        return catchThrowableOfType(DownloadException.class, () -> download.get(source, dir));
    }

    private Path file() { return dir.resolve("numbers/numbers.gz"); }

    private Path part() { return dir.resolve("numbers/numbers.gz.part"); }

    @Test void aWholeFileComesUnderItsNameWithProgressToTheEnd() throws Exception {
        long[] last = new long[2];
        new Download("http://127.0.0.1:" + server.getAddress().getPort(), (name, bytes, total) -> {
            assertThat(bytes).isGreaterThan(last[0]);
            last[0] = bytes;
            last[1] = total;
        }).get(source(), dir);
        assertThat(file()).hasBinaryContent(BYTES);
        assertThat(part()).doesNotExist();
        assertThat(last).containsExactly(BYTES.length, BYTES.length);
    }

    @Test void aCutDownloadSaysSoAndResumesWhereItStopped() throws Exception {
        manner = Manner.CUT;
        DownloadException cut = fails(download());
        assertThat(cut.fault()).isEqualTo(Fault.CUT);
        assertThat(cut).hasMessageContaining("running again resumes");
        long have = Files.size(part());
        assertThat(have).isBetween(1L, 100_000L);
        assertThat(file()).doesNotExist();
        manner = Manner.RANGES;
        download().get(source(), dir);
        assertThat(asked).containsExactly("all", "bytes=" + have + "-");
        assertThat(file()).hasBinaryContent(BYTES);
    }

    @Test void aServerWithoutRangesIsReadFromTheStart() throws Exception {
        Files.createDirectories(part().getParent());
        Files.write(part(), new byte[5000]);
        download().get(source(), dir);
        assertThat(asked).containsExactly("bytes=5000-");
        assertThat(file()).hasBinaryContent(BYTES);
    }

    @Test void aWholePartIsCheckedWithoutAskingTheServer() throws Exception {
        Files.createDirectories(part().getParent());
        Files.write(part(), BYTES);
        download().get(source(), dir);
        assertThat(asked).isEmpty();
        assertThat(file()).hasBinaryContent(BYTES);
    }

    @Test void wrongBytesAreRemovedAndSaid() throws Exception {
        manner = Manner.WRONG;
        DownloadException wrong = fails(download());
        assertThat(wrong.fault()).isEqualTo(Fault.CHECKSUM);
        assertThat(wrong).hasMessageContaining("the file was removed");
        assertThat(file()).doesNotExist();
        assertThat(part()).doesNotExist();
    }

    @Test void anErrorOfTheServerIsNamedAndLeavesThePart() throws Exception {
        Files.createDirectories(part().getParent());
        Files.write(part(), Arrays.copyOf(BYTES, 5000));
        manner = Manner.MISSING;
        DownloadException missing = fails(download());
        assertThat(missing.fault()).isEqualTo(Fault.STATUS);
        assertThat(missing).hasMessageContaining("404");
        assertThat(part()).hasBinaryContent(Arrays.copyOf(BYTES, 5000));
    }

    @Test void aRangeThatWasNotAskedForIsRefused() throws Exception {
        Files.createDirectories(part().getParent());
        Files.write(part(), Arrays.copyOf(BYTES, 5000));
        manner = Manner.OTHER_RANGE;
        assertThat(fails(download()).fault()).isEqualTo(Fault.STATUS);
        assertThat(Files.size(part())).isEqualTo(5000);
    }

    @Test void aServerThatFallsSilentIsLeft() throws Exception {
        manner = Manner.STALL;
        long start = System.nanoTime();
        assertThat(fails(download()).fault()).isEqualTo(Fault.CUT);
        assertThat(System.nanoTime() - start).isLessThan(10_000_000_000L);
        assertThat(Files.size(part())).isPositive();
    }

    @Test void moreBytesThanPublishedAreRefused() throws Exception {
        manner = Manner.LONGER;
        assertThat(fails(download()).fault()).isEqualTo(Fault.SIZE);
        assertThat(file()).doesNotExist();
    }

    @Test void aRedirectionIsFollowed() throws Exception {
        manner = Manner.MOVED;
        download().get(source(), dir);
        assertThat(file()).hasBinaryContent(BYTES);
    }

    @Test void nobodyListeningIsACutConnection() throws Exception {
        int port = server.getAddress().getPort();
        server.stop(0);
        assertThat(fails(new Download("http://127.0.0.1:" + port, (file, bytes, total) -> { })).fault()).isEqualTo(Fault.CUT);
    }

    @Test void whatIsThereIsLeftAsItIs() throws Exception {
        Files.createDirectories(file().getParent());
        Files.write(file(), new byte[] {1, 2, 3});
        download().get(source(), dir);
        assertThat(asked).isEmpty();
        assertThat(file()).hasBinaryContent(new byte[] {1, 2, 3});
    }

    @Test void addressesOfOtherKindsAreRefused() {
        assertThat(catchThrowableOfType(IllegalArgumentException.class, () -> new Download("file:///etc", (file, bytes, total) -> { })))
            .hasMessageContaining("must begin with http:// or https://");
    }
}
