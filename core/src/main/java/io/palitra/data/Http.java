package io.palitra.data;

import io.palitra.data.DownloadException.Fault;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;

/**
 * Gets over HTTP, for all that downloads: redirects are followed by hand, so that a token stays with the host it is for; a server that
 * falls silent is left; what is asked to stop stops.
 */
public final class Http {
    /** Called for each chunk; total is in bytes. */
    @FunctionalInterface
    public interface TransferProgress {
        void at(String file, long bytes, long total);
    }

    /** A file that grows by what is received. */
    public interface Part {
        long size() throws IOException;

        /** Empties it. */
        void restart() throws IOException;

        void append(ByteBuffer chunk) throws IOException;
    }

    /** Redirects in a row, at most; browsers allow 20, and the hub uses two. */
    private static final int HOPS = 10;
    private static final int POLL_MILLIS = 100;
    /** Bytes a second, at least: with fewer a gigabyte takes more than eleven days. */
    private static final int LEAST_RATE = 1000;

    private final Duration patience;
    private final BooleanSupplier stop;
    private final HttpClient client = HttpClient.newBuilder()
        .followRedirects(HttpClient.Redirect.NEVER).connectTimeout(Duration.ofSeconds(20)).build();

    /**
     * @param patience how long no byte may come before the connection counts as cut, and how long it may bring fewer than 1000 bytes a
     *     second
     * @param stop asked several times a second; true ends what is going on with a {@link CancellationException}
     */
    public Http(Duration patience, BooleanSupplier stop) {
        this.patience = patience;
        this.stop = stop;
    }

    /** What a server answered, and those before it who sent us there. */
    public static final class Reply implements Closeable {
        private final URI address;
        private final List<HttpResponse<InputStream>> hops;

        private Reply(URI address, List<HttpResponse<InputStream>> hops) {
            this.address = address;
            this.hops = hops;
        }

        private HttpResponse<InputStream> last() { return hops.get(hops.size() - 1); }

        /** Where it came from in the end. */
        public URI address() { return address; }

        public int status() { return last().statusCode(); }

        public Optional<String> header(String name) { return last().headers().firstValue(name); }

        /** Of the first reply in the chain that has it: who redirects knows what it is that lies elsewhere. */
        public Optional<String> firstHeader(String name) {
            return hops.stream().flatMap(hop -> hop.headers().firstValue(name).stream()).findFirst();
        }

        @Override public void close() throws IOException { last().body().close(); }
    }

    /**
     * Asks for an address and follows its redirects, but not from https to http.
     *
     * @param token sent to the host of {@code address} until a redirect leaves it, and to no other
     * @return whatever the last server answered, errors too; to be closed
     * @throws DownloadException CUT when nobody answers, STATUS when redirects lead nowhere
     * @throws CancellationException when asked to stop
     */
    public Reply get(URI address, Map<String, String> headers, Optional<String> token) {
        List<HttpResponse<InputStream>> hops = new ArrayList<>();
        URI at = address;
        boolean home = true;
        while (hops.size() <= HOPS) {
            home = home && sameOrigin(address, at);
            HttpRequest.Builder request = HttpRequest.newBuilder(at).timeout(patience).header("Accept-Encoding", "identity");
            headers.forEach(request::header);
            if (home && token.isPresent()) request.header("Authorization", "Bearer " + token.get());
            HttpResponse<InputStream> response = send(request.build());
            hops.add(response);
            int status = response.statusCode();
            if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308) return new Reply(at, hops);
            close(response.body());
            at = next(at, response.headers().firstValue("Location").orElse(""));
        }
        throw new DownloadException(Fault.STATUS, plain(address) + " redirects more than " + HOPS + " times", null);
    }

    /** Where a redirect leads. @throws DownloadException when that is no address, or one that is less safe */
    static URI next(URI at, String location) {
        URI to;
        try {
            to = at.resolve(URI.create(encode(location)));
        } catch (IllegalArgumentException e) {
            throw new DownloadException(Fault.STATUS, plain(at) + " redirects to no address", e);
        }
        String scheme = String.valueOf(to.getScheme()).toLowerCase(Locale.ROOT);
        boolean safe = scheme.equals("https") || scheme.equals("http") && !"https".equalsIgnoreCase(at.getScheme());
        if (location.isEmpty() || !safe || to.getHost() == null) {
            throw new DownloadException(Fault.STATUS, plain(at) + " redirects to "
                + (location.isEmpty() ? "no address" : plain(to) + ", and only " + at.getScheme() + " is followed from there"), null);
        }
        return to;
    }

    /** Servers write into Location what a URI may not hold: blanks, bars, letters beyond ASCII. */
    private static String encode(String location) {
        StringBuilder out = new StringBuilder();
        for (byte b : location.getBytes(StandardCharsets.UTF_8)) {
            boolean legal = b > ' ' && b < 0x7f && "\"<>\\^`{|}".indexOf(b) < 0;
            out.append(legal ? String.valueOf((char) b) : String.format("%%%02X", b & 0xff));
        }
        return out.toString();
    }

    /** Whether scheme, host and port are the same. */
    public static boolean sameOrigin(URI a, URI b) {
        return String.valueOf(a.getScheme()).equalsIgnoreCase(b.getScheme()) && String.valueOf(a.getHost()).equalsIgnoreCase(b.getHost())
            && port(a) == port(b);
    }

    private static int port(URI a) {
        if (a.getPort() >= 0) return a.getPort();
        return "https".equalsIgnoreCase(a.getScheme()) ? 443 : 80;
    }

    /** Without the query: signed addresses hold keys there, which are not for a log. */
    private static String plain(URI address) {
        return address.getScheme() + "://" + address.getRawAuthority() + address.getRawPath();
    }

    /**
     * On a thread of its own: {@link HttpClient#sendAsync} ends on the pool that all of the JVM share, where everyone may wait for what
     * only this answer ends.
     */
    private HttpResponse<InputStream> send(HttpRequest request) {
        FutureTask<HttpResponse<InputStream>> coming = new FutureTask<>(() -> client.send(request,
            HttpResponse.BodyHandlers.ofInputStream()));
        Thread thread = new Thread(coming, "download-ask");
        thread.setDaemon(true);
        thread.start();
        try {
            while (true) {
                stopIfAsked();
                try {
                    return coming.get(POLL_MILLIS, TimeUnit.MILLISECONDS);
                } catch (TimeoutException e) {
                    // not yet: asks again whether to stop
                }
            }
        } catch (ExecutionException e) {
            throw cut(plain(request.uri()), request.uri(), e.getCause() == null ? e : e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException(plain(request.uri()) + ": the download was interrupted");
        } finally {
            coming.cancel(true);
        }
    }

    private void stopIfAsked() {
        if (stop.getAsBoolean()) throw new CancellationException("the download was stopped; running again resumes");
    }

    /** Waits, unless asked to stop. @throws CancellationException then */
    public void pause(Duration time) {
        long end = System.nanoTime() + time.toNanos();
        try {
            for (long left = time.toNanos(); left > 0; left = end - System.nanoTime()) {
                stopIfAsked();
                TimeUnit.NANOSECONDS.sleep(Math.min(left, POLL_MILLIS * 1_000_000L));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("the download was interrupted");
        }
        stopIfAsked();
    }

    /**
     * Appends to {@code part} what a reply brings; from its start when the server does not resume.
     *
     * @param what the file, for messages
     * @param size bytes that the whole has
     * @throws DownloadException CUT when the rest may come later, SLOW when it comes too slowly, STATUS for an error of the server, SIZE
     *     when it sends too much
     * @throws IOException when the part cannot be written
     */
    public void receive(String what, Reply reply, Part part, long size, TransferProgress progress) throws IOException {
        long have = part.size();
        String shown = plain(reply.address());
        if (reply.status() == 416) {
            part.restart();
            throw new DownloadException(Fault.CUT, shown + " cannot resume at byte " + have + "; running again starts anew", null);
        }
        if (reply.status() != 200 && reply.status() != 206) {
            throw new DownloadException(Fault.STATUS, shown + " answered with HTTP status " + reply.status(), null);
        }
        if (!reply.header("Content-Encoding").orElse("identity").equalsIgnoreCase("identity")) {
            throw new DownloadException(Fault.STATUS, shown + " sends the file compressed, which was not asked for", null);
        }
        if (reply.status() == 206 && !resumes(reply.header("Content-Range"), have)) {
            throw new DownloadException(Fault.STATUS, shown + " was asked for bytes from " + have + " on, and sent others", null);
        }
        if (reply.status() == 200 && have > 0) part.restart();
        copy(what, reply, part, size, progress);
    }

    /** All of a small body. @throws DownloadException SIZE when it has more than {@code most} bytes, CUT or SLOW when it breaks off */
    public byte[] body(String what, Reply reply, int most) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        try {
            copy(what, reply, new Part() {
                @Override public long size() { return all.size(); }

                @Override public void restart() { all.reset(); }

                @Override public void append(ByteBuffer chunk) { all.write(chunk.array(), chunk.position(), chunk.remaining()); }
            }, most, (file, bytes, total) -> { });
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return all.toByteArray();
    }

    private static boolean resumes(Optional<String> range, long at) {
        return range.map(text -> text.toLowerCase(Locale.ROOT).startsWith("bytes " + at + "-")).orElse(false);
    }

    private void copy(String what, Reply reply, Part part, long most, TransferProgress progress) throws IOException {
        InputStream body = reply.last().body();
        Watch watch = new Watch(patience.toNanos());
        ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor(task -> {
            Thread thread = new Thread(task, "download-watch");
            thread.setDaemon(true);
            return thread;
        });
        long period = Math.max(1, Math.min(POLL_MILLIS, patience.toMillis() / 4));
        clock.scheduleAtFixedRate(() -> {
            if (stop.getAsBoolean() || watch.ends(System.nanoTime())) close(body);
        }, period, period, TimeUnit.MILLISECONDS);
        try {
            byte[] chunk = new byte[1 << 16];
            long size = part.size();
            while (true) {
                stopIfAsked();
                int n;
                try {
                    n = body.read(chunk);
                } catch (IOException e) {
                    stopIfAsked();
                    if (!watch.slow) throw cut(what, reply.address(), e);
                    throw new DownloadException(Fault.SLOW, what + " from " + reply.address().getHost() + " comes with fewer than "
                        + LEAST_RATE + " bytes a second, for " + seconds() + " s; running again resumes at byte " + size, e);
                }
                if (n < 0) return;
                watch.came(n, System.nanoTime());
                size += n;
                if (size > most) {
                    part.restart();
                    throw new DownloadException(Fault.SIZE, plain(reply.address()) + " sends more than the " + most + " bytes expected",
                        null);
                }
                part.append(ByteBuffer.wrap(chunk, 0, n));
                progress.at(what, size, most);
            }
        } finally {
            clock.shutdownNow();
        }
    }

    private String seconds() { return String.valueOf(patience.toMillis() / 1000.0).replaceAll("[.]0$", ""); }

    /** How bytes come: by one thread noted, by another looked at. */
    private static final class Watch {
        private final long patience;
        private long last = System.nanoTime();
        private long since = last;
        private long came;
        private volatile boolean slow;

        Watch(long patience) { this.patience = patience; }

        synchronized void came(int n, long now) {
            last = now;
            came += n;
        }

        /** Whether a time of patience has passed with no byte, or with too few: its last half decides between silent and slow. */
        synchronized boolean ends(long now) {
            if (now - last > patience) return true;
            if (now - since < patience) return false;
            double least = LEAST_RATE * ((now - since) * 1e-9);
            if (came < least) {
                slow = now - last < patience / 2;
                return slow;
            }
            since = now;
            came = 0;
            return false;
        }
    }

    private static void close(InputStream body) {
        try {
            body.close();
        } catch (IOException e) {
            // the reader, for whom this is done, sees the stream closed either way
            throw new UncheckedIOException(e);
        }
    }

    private static DownloadException cut(String what, URI address, Throwable e) {
        String why = e instanceof java.net.ConnectException ? "it cannot be reached"
            : e instanceof java.nio.channels.UnresolvedAddressException || e instanceof java.net.UnknownHostException ? "no such host"
            : e.getCause() instanceof java.nio.channels.UnresolvedAddressException ? "no such host"
            : e.getMessage() == null ? "the connection failed" : e.getMessage().lines().findFirst().orElse("");
        return new DownloadException(Fault.CUT, what + " from " + address.getHost() + ": " + why + "; running again resumes", e);
    }
}
