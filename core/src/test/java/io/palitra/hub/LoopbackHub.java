package io.palitra.hub;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** Answers as the hub does: large files lie on a second server, to which the first redirects. */
public final class LoopbackHub implements AutoCloseable {
    public static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";
    public static final String TOKEN = "hf_secret";
    /** Bytes before a cut. */
    static final int CUT = 100_000;

    /** How the second server treats those who ask for a file. */
    public enum Manner { PLAIN, CUT_ONCE, CUT_ALWAYS, CHANGES, WRONG, NO_RANGES, NOT_SATISFIABLE, STALLS, TRICKLES, LONGER, LOOPS, MISSING }

    record Asked(String server, String path, String range, String ifRange, String token) {}

    static {
        // else each small answer waits 40 ms for a second packet
        System.setProperty("sun.net.httpserver.nodelay", "true");
    }

    private final HttpServer hub = server();
    private final HttpServer store = server();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final CountDownLatch over = new CountDownLatch(1);
    private final List<Asked> asked = new ArrayList<>();
    public final Map<String, byte[]> files = new TreeMap<>();
    public volatile Manner manner = Manner.PLAIN;
    /** What the first server says instead, by path: a status, then headers as "Name: value"; null for nothing special. */
    public volatile Function<String, List<String>> refusal = path -> null;
    volatile String listing = "";
    /** What the listing says lies behind it. */
    volatile String nextPage = "";
    volatile String linkedEtag = "";
    volatile String repoCommit = COMMIT;
    private int parts;

    public LoopbackHub() throws IOException {
        byte[] weights = new byte[300_000];
        for (int i = 0; i < weights.length; i++) weights[i] = (byte) (i * i >> 7);
        files.put("config.json", "{\"sample_size\": 16}\n".getBytes(StandardCharsets.UTF_8));
        files.put("README.md", "# A model\n".getBytes(StandardCharsets.UTF_8));
        files.put(".gitkeep", new byte[0]);
        files.put("unet/config.json", "{\"_class_name\": \"UNet2DModel\"}\n".getBytes(StandardCharsets.UTF_8));
        files.put("unet/a b+c%20 é.txt", "names are bytes".getBytes(StandardCharsets.UTF_8));
        files.put("unet/model.safetensors", weights);
        for (HttpServer s : List.of(hub, store)) s.setExecutor(threads);
        hub.createContext("/", e -> answer(e, "hub"));
        store.createContext("/", e -> answer(e, "store"));
        hub.start();
        store.start();
    }

    private static HttpServer server() throws IOException {
        return HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    }

    @Override public void close() {
        over.countDown();
        hub.stop(0);
        store.stop(0);
        threads.shutdownNow();
    }

    public String endpoint() { return "http://127.0.0.1:" + hub.getAddress().getPort(); }

    List<Asked> asked() {
        synchronized (asked) { return List.copyOf(asked); }
    }

    List<Asked> asked(String server) { return asked().stream().filter(a -> a.server.equals(server)).toList(); }

    void forget() {
        synchronized (asked) { asked.clear(); }
    }

    static boolean large(String path) { return path.endsWith(".safetensors"); }

    static String sha(String algorithm, byte[]... parts) {
        try {
            MessageDigest digest = MessageDigest.getInstance(algorithm);
            for (byte[] p : parts) digest.update(p);
            return HexFormat.of().formatHex(digest.digest());
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    static String blob(byte[] bytes) { return sha("SHA-1", ("blob " + bytes.length + "\0").getBytes(StandardCharsets.US_ASCII), bytes); }

    public String etag(String path) { return large(path) ? sha("SHA-256", files.get(path)) : blob(files.get(path)); }

    private void answer(HttpExchange e, String server) throws IOException {
        String path = e.getRequestURI().getPath();
        synchronized (asked) {
            asked.add(new Asked(server, path, header(e, "Range"), header(e, "If-Range"), header(e, "Authorization")));
        }
        try (e) {
            if (server.equals("store")) send(e, path.substring(1));
            else if (refusal.apply(path) != null) refuse(e, refusal.apply(path));
            else hub(e, path);
        } catch (InterruptedException i) {
            Thread.currentThread().interrupt();
        }
    }

    private static String header(HttpExchange e, String name) {
        String value = e.getRequestHeaders().getFirst(name);
        return value == null ? "" : value;
    }

    private static void refuse(HttpExchange e, List<String> what) throws IOException {
        for (String h : what.subList(1, what.size())) e.getResponseHeaders().add(h.replaceAll(":.*", ""), h.replaceAll("^[^:]*: *", ""));
        e.sendResponseHeaders(Integer.parseInt(what.get(0)), -1);
    }

    private void hub(HttpExchange e, String path) throws IOException, InterruptedException {
        String cached = "/api/resolve-cache/models/org/name/" + COMMIT + "/";
        if (!path.startsWith("/api/models/org/name") && !path.startsWith("/org/name/resolve/") && !path.startsWith(cached)) {
            refuse(e, List.of("401", "X-Error-Code: RepoNotFound", "X-Error-Message: Repository not found"));
        } else if (path.equals("/api/models/org/name/revision/main")) {
            json(e, "{\"id\": \"org/name\", \"sha\": \"" + COMMIT + "\", \"siblings\": [], \"tags\": [], \"downloads\": 0, \"likes\": 0,"
                + " \"private\": false}");
        } else if (path.equals("/api/models/org/name/tree/" + COMMIT)) {
            tree(e);
        } else if (path.startsWith("/org/name/resolve/" + COMMIT + "/")) {
            resolve(e, path.substring(("/org/name/resolve/" + COMMIT + "/").length()));
        } else if (path.startsWith(cached)) {
            send(e, path.substring(cached.length()));
        } else {
            refuse(e, List.of("404", "X-Error-Code: RevisionNotFound", "X-Error-Message: Invalid rev id"));
        }
    }

    private void json(HttpExchange e, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        e.getResponseHeaders().add("Content-Type", "application/json");
        e.sendResponseHeaders(200, bytes.length);
        e.getResponseBody().write(bytes);
    }

    /** Two pages: the second half behind a link. */
    private void tree(HttpExchange e) throws IOException {
        List<String> entries = new ArrayList<>();
        entries.add("{\"type\": \"directory\", \"oid\": \"" + "d".repeat(40) + "\", \"size\": 0, \"path\": \"unet\"}");
        files.forEach((path, bytes) -> {
            String lfs = !large(path) ? "" : ", \"lfs\": {\"oid\": \"" + sha("SHA-256", bytes) + "\", \"size\": " + bytes.length
                + ", \"pointerSize\": 134}";
            entries.add("{\"type\": \"file\", \"oid\": \"" + (large(path) ? "e".repeat(40) : blob(bytes)) + "\", \"size\": " + bytes.length
                + ", \"path\": \"" + path + "\"" + lfs + "}");
        });
        boolean second = e.getRequestURI().getQuery().contains("cursor");
        int half = entries.size() / 2;
        if (!second && listing.isEmpty()) {
            e.getResponseHeaders().add("Link", "<" + endpoint() + e.getRequestURI() + "&cursor=two>; rel=\"next\"");
        }
        if (!nextPage.isEmpty()) e.getResponseHeaders().add("Link", "<" + nextPage + ">; rel=\"next\"");
        json(e, !listing.isEmpty() ? listing : (second ? entries.subList(half, entries.size()) : entries.subList(0, half)).toString());
    }

    private void resolve(HttpExchange e, String path) throws IOException, InterruptedException {
        if (!files.containsKey(path)) {
            refuse(e, List.of("404", "X-Error-Code: EntryNotFound", "X-Error-Message: Entry not found"));
            return;
        }
        e.getResponseHeaders().add("X-Repo-Commit", repoCommit);
        if (large(path)) {
            e.getResponseHeaders().add("X-Linked-Etag", "\"" + (linkedEtag.isEmpty() ? etag(path) : linkedEtag) + "\"");
            e.getResponseHeaders().add("X-Linked-Size", String.valueOf(files.get(path).length));
            String away = manner == Manner.LOOPS ? endpoint() + e.getRequestURI()
                : "http://localhost:" + store.getAddress().getPort() + "/" + path + "?name=a b \"c\"&Signature=x";
            e.getResponseHeaders().add("Location", away);
            e.sendResponseHeaders(302, -1);
        } else if (path.equals("config.json")) {
            e.getResponseHeaders().add("ETag", "\"" + etag(path) + "\"");
            e.getResponseHeaders().add("Location", "/api/resolve-cache/models/org/name/" + COMMIT + "/" + path);
            e.sendResponseHeaders(307, -1);
        } else {
            send(e, path);
        }
    }

    private void send(HttpExchange e, String path) throws IOException, InterruptedException {
        if (!e.getLocalAddress().equals(store.getAddress())) {
            e.getResponseHeaders().set("X-Repo-Commit", repoCommit);
            bytes(e, files.get(path), "\"" + etag(path) + "\"", Manner.PLAIN);
            return;
        }
        int part = ++parts;
        byte[] all = files.get(path).clone();
        String tag = "\"store-1\"";
        if (manner == Manner.WRONG) all[1000] ^= 1;
        if (manner == Manner.CHANGES && part > 1) {
            Arrays.fill(all, (byte) 7);
            tag = "\"store-2\"";
        }
        bytes(e, all, tag, manner);
    }

    private void bytes(HttpExchange e, byte[] all, String tag, Manner how) throws IOException, InterruptedException {
        if (how == Manner.MISSING) {
            e.sendResponseHeaders(403, -1);
            return;
        }
        String range = header(e, "Range"), ifRange = header(e, "If-Range");
        boolean ranged = !range.isEmpty() && how != Manner.NO_RANGES && (ifRange.isEmpty() || ifRange.equals(tag));
        if (ranged && how == Manner.NOT_SATISFIABLE) {
            e.sendResponseHeaders(416, -1);
            return;
        }
        int from = ranged ? Integer.parseInt(range.replaceAll("\\D", "")) : 0;
        byte[] body = Arrays.copyOfRange(all, from, all.length + (how == Manner.LONGER ? 10 : 0));
        e.getResponseHeaders().add("ETag", tag);
        if (ranged) e.getResponseHeaders().add("Content-Range", "bytes " + from + "-" + (all.length - 1) + "/" + all.length);
        if (e.getRequestMethod().equals("HEAD")) {
            e.getResponseHeaders().add("Content-Length", String.valueOf(body.length));
            e.sendResponseHeaders(200, -1);
            return;
        }
        e.sendResponseHeaders(ranged ? 206 : 200, body.length == 0 ? -1 : body.length);
        OutputStream out = e.getResponseBody();
        boolean cut = how == Manner.CUT_ALWAYS || how == Manner.TRICKLES || from == 0 && (how == Manner.CUT_ONCE || how == Manner.STALLS)
            || how == Manner.CHANGES && parts == 1 || how == Manner.NOT_SATISFIABLE && parts == 1 || how == Manner.NO_RANGES && parts == 1;
        out.write(body, 0, cut ? Math.min(CUT, body.length) : body.length);
        out.flush();
        if (how == Manner.STALLS) over.await(20, TimeUnit.SECONDS);
        for (int i = CUT; how == Manner.TRICKLES && i < body.length && !over.await(100, TimeUnit.MILLISECONDS); i++) {
            out.write(body, i, 1);
            out.flush();
        }
    }
}
