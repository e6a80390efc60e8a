package io.palitra.bench;

import com.sun.tools.attach.VirtualMachine;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryMXBean;
import java.lang.management.ThreadMXBean;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.management.MBeanServerConnection;
import javax.management.ObjectName;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;

/**
 * Asks a server of another process for long, at fixed times whether it has answered or not, and looks at that process from outside: see
 * bench/server-soak, which starts both. Runs without a class path.
 */
public final class ServerSoak {
    private static final int SIZES = 32, LOOK_SECONDS = 10, PATIENCE_SECONDS = 120;
    private static final double GROWTH = 1.05;
    private static final Pattern ID = Pattern.compile("\"id\":\"([0-9a-f]{32})\""), FILE = Pattern.compile("\"files\":\\[\"([^\"]+)\"");

    private final String url;
    private final int port;
    private final long pid;
    private final MBeanServerConnection beans;
    private final HttpClient http = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(30)).build();
    private final ExecutorService callers = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        return thread;
    });
    private final AtomicLong inFlight = new AtomicLong();
    private final ConcurrentHashMap<String, LongAdder> ends = new ConcurrentHashMap<>();
    private final List<Double> times = Collections.synchronizedList(new ArrayList<>());
    private final List<String> wrong = Collections.synchronizedList(new ArrayList<>());
    private final long began = System.nanoTime();

    /** @param pid of the server, which lets its own user attach */
    @SuppressWarnings("BanJNDI")   // the address comes from a process of this machine
    private ServerSoak(String url, long pid) throws Exception {
        this.url = url;
        this.pid = pid;
        port = URI.create(url).getPort();
        VirtualMachine machine = VirtualMachine.attach(String.valueOf(pid));
        beans = JMXConnectorFactory.connect(new JMXServiceURL(machine.startLocalManagementAgent())).getMBeanServerConnection();
        machine.detach();
    }

    private record Sample(long rss, long heap, long pointers, long pointerBytes, long threads, long files) {}

    /** @param args address, process id, requests a second, requests, those of the warm-up */
    public static void main(String[] args) throws Exception {
        ServerSoak soak = new ServerSoak(args[0], Long.parseLong(args[1]));
        double rate = Double.parseDouble(args[2]);
        long requests = Long.parseLong(args[3]), warm = Long.parseLong(args[4]);
        System.out.println("  seconds  asked  flying   RSS MiB  heap MiB  pointers  MiB  threads  files     ms p50     p99");
        soak.ask(0, warm, rate);
        Sample base = soak.drained("warm");
        soak.ask(warm, warm + requests, rate);
        Sample end = soak.drained("end");
        System.out.println(requests + " requests behind a warm-up of " + warm + ", " + rate + " a second: " + soak.ends);
        soak.judge(base, end);
        soak.wrong.stream().limit(20).forEach(System.out::println);
        System.out.println(soak.wrong.isEmpty() ? "passed" : "failed: " + soak.wrong.size());
        System.exit(soak.wrong.isEmpty() ? 0 : 1);
    }

    private void judge(Sample base, Sample end) {
        if (end.rss > base.rss * GROWTH) wrong.add("resident memory grew from " + base.rss + " to " + end.rss + " bytes");
        if (end.pointers > base.pointers) wrong.add("native objects grew from " + base.pointers + " to " + end.pointers);
        if (base.pointers == 0) wrong.add("native objects are not counted");
        if (end.threads > base.threads + 2) wrong.add("threads grew from " + base.threads + " to " + end.threads);
        if (end.files > base.files + 2) wrong.add("open files grew from " + base.files + " to " + end.files);
        long done = ends.getOrDefault("job done", new LongAdder()).sum();
        if (done == 0) wrong.add("no job was done");
        System.out.printf(Locale.ROOT, "resident memory %+.1f %%, native objects %+d, threads %+d, open files %+d%n",
            100.0 * end.rss / base.rss - 100, end.pointers - base.pointers, end.threads - base.threads, end.files - base.files);
    }

    private void ask(long from, long to, double rate) throws Exception {
        long start = System.nanoTime(), looked = start;
        for (long i = from; i < to; i++) {
            long due = start + (long) ((i - from) / rate * 1e9);
            for (long now = System.nanoTime(); now < due; now = System.nanoTime()) Thread.sleep(Math.max(1, (due - now) / 2_000_000));
            long number = i;
            inFlight.incrementAndGet();
            callers.execute(() -> one(number));
            if (System.nanoTime() - looked > LOOK_SECONDS * 1_000_000_000L) {
                looked = System.nanoTime();
                line(String.valueOf(i + 1), look(false));
            }
        }
    }

    private void one(long number) {
        long start = System.nanoTime();
        try {
            Random random = new Random(number);
            int of100 = random.nextInt(100);
            if (of100 < 10) cancelled(random);
            else if (of100 < 15) malformed(random);
            else if (of100 < 20) oversize(random);
            else if (of100 < 60) job(random);
            else if (of100 < 75) images(random);
            else if (of100 < 85) upload(random);
            else look(random);
        } catch (IOException | InterruptedException e) {
            wrong.add(e.toString());
        } finally {
            inFlight.decrementAndGet();
            times.add((System.nanoTime() - start) * 1e-6);
        }
    }

    private HttpRequest.Builder to(String path) {
        return HttpRequest.newBuilder(URI.create(url + path)).timeout(Duration.ofSeconds(PATIENCE_SECONDS));
    }

    private HttpRequest json(String path, String body) {
        return to(path).header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(body)).build();
    }

    /** The answer's body; empty where it is a refusal that is allowed. @param allowed patterns of statuses */
    private String send(String what, HttpRequest request, String allowed) throws IOException, InterruptedException {
        HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString(StandardCharsets.ISO_8859_1));
        int status = answer.statusCode();
        boolean later = (status == 429 || status == 503) && answer.headers().firstValue("Retry-After").isPresent();
        count(what + (later ? " later" : " " + status));
        if (!later && !String.valueOf(status).matches(allowed)) {
            wrong.add(what + ": " + status + " " + answer.body().substring(0, Math.min(200, answer.body().length())));
        }
        return status < 300 ? answer.body() : "";
    }

    private void count(String what) { ends.computeIfAbsent(what, w -> new LongAdder()).increment(); }

    private static String sample(Random random) {
        int size = random.nextInt(SIZES);
        return "{\"kind\": \"sample\", \"request\": {\"run\": \"soak\", \"seed\": " + random.nextInt(1000) + ", \"n\": " + (1 + size % 8)
            + ", \"scale\": " + (1 + size / 8) + ", \"sampling\": [\"sampler.steps=" + (2 + random.nextInt(2)) + "\"]}}";
    }

    private static String found(Pattern pattern, String text) {
        Matcher m = pattern.matcher(text);
        return m.find() ? m.group(1) : "";
    }

    private void job(Random random) throws IOException, InterruptedException {
        String id = found(ID, send("job", json("/v1/jobs", sample(random)), "202"));
        if (id.isEmpty()) return;
        send("events", to("/v1/jobs/" + id + "/events").build(), "200");
        String ended = send("shown", to("/v1/jobs/" + id).build(), "200");
        if (ended.contains("\"status\":\"done\"")) {
            count("job done");
            send("file", to("/v1/jobs/" + id + "/files/" + found(FILE, ended) + (random.nextBoolean() ? "?wide=32" : "")).build(), "200");
        } else if (!ended.isEmpty() && !ended.contains("\"status\":\"queued\"") && !ended.contains("\"status\":\"running\"")) {
            wrong.add("a job ended otherwise: " + ended);
        }
    }

    private void images(Random random) throws IOException, InterruptedException {
        int size = random.nextInt(SIZES);
        send("images", json("/v1/images/generations", "{\"model\": \"soak\", \"prompt\": \"\", \"steps\": 2, \"n\": "
            + (1 + random.nextInt(2)) + ", \"size\": \"" + (16 + 8 * (size % 8)) + "x" + (16 + 16 * (size / 8))
            + "\", \"output_format\": \""
            + (random.nextBoolean() ? "png" : "jpeg") + "\"}"), "200");
    }

    private void upload(Random random) throws IOException, InterruptedException {
        String job = found(ID, send("list", to("/v1/jobs?limit=1&status=done&kind=sample").build(), "200"));
        if (job.isEmpty()) return;
        String file = found(FILE, send("shown", to("/v1/jobs/" + job).build(), "200"));
        if (file.isEmpty()) return;
        HttpResponse<byte[]> png = http.send(to("/v1/jobs/" + job + "/files/" + file).build(), HttpResponse.BodyHandlers.ofByteArray());
        if (png.statusCode() != 200) return;   // its room was needed
        String id = found(ID, send("upload", to("/v1/uploads").header("Content-Type", "image/png").POST(
            HttpRequest.BodyPublishers.ofByteArray(png.body())).build(), "201"));
        if (!id.isEmpty() && random.nextBoolean()) send("uploaded", to("/v1/uploads/" + id).build(), "200");
    }

    private void look(Random random) throws IOException, InterruptedException {
        List<String> all = List.of("/v1/jobs", "/v1/models", "/v1/gallery?limit=50", "/metrics", "/v1/system", "/v1/runs", "/health", "/");
        send("look", to(all.get(random.nextInt(all.size()))).build(), "200");
    }

    private void cancelled(Random random) throws IOException, InterruptedException {
        if (random.nextBoolean()) {   // who asked is gone
            CompletableFuture<?> answer = http.sendAsync(json("/v1/images/generations",
            "{\"model\": \"soak\", \"prompt\": \"\", \"steps\": "
                + "500}"), HttpResponse.BodyHandlers.discarding());
            Thread.sleep(random.nextInt(200));
            answer.cancel(true);
            count("vanished");
            return;
        }
        String id = found(ID, send("job", json("/v1/jobs", sample(random).replaceFirst("steps=\\d+", "steps=500")), "202"));
        if (id.isEmpty()) return;
        Thread.sleep(random.nextInt(200));
        send("cancel", to("/v1/jobs/" + id).DELETE().build(), "200");
    }

    private void malformed(Random random) throws IOException, InterruptedException {
        String good = sample(random);
        switch (random.nextInt(4)) {
            case 0 -> send("malformed", json("/v1/jobs", good.substring(0, random.nextInt(good.length()))), "4\\d\\d");
            case 1 -> send("malformed", json("/v1/jobs", good.replace("\"soak\"", "\"../soak\"")), "4\\d\\d");
            case 2 -> send("malformed", json("/v1/images/edits", "{\"prompt\": 1, \"images\": [{\"image_url\": \"http://a/\"}]}"),
                "4\\d\\d");
            default -> {
                byte[] noise = new byte[random.nextInt(5000)];
                random.nextBytes(noise);
                send("malformed", to("/v1/uploads").header("Content-Type", "image/png").POST(
                    HttpRequest.BodyPublishers.ofByteArray(noise)).build(), "4\\d\\d");
            }
        }
    }

    private void oversize(Random random) throws IOException, InterruptedException {
        switch (random.nextInt(4)) {
            case 0 -> send("oversize", json("/v1/jobs", sample(random).replaceFirst("\"n\": \\d+", "\"n\": 99999999")), "4\\d\\d");
            case 1 -> send("oversize", json("/v1/images/generations", "{\"prompt\": \"a\", \"size\": \"99999x9\"}"), "4\\d\\d");
            case 2 -> send("oversize", json("/v1/jobs", sample(random).replace("soak", "a".repeat(2 << 20))), "4\\d\\d");
            default -> {
                try (Socket socket = new Socket("127.0.0.1", port)) {
                    socket.setSoTimeout(PATIENCE_SECONDS * 1000);
                    socket.getOutputStream().write(("POST /v1/uploads HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
                        + "Content-Length: 10737418240\r\n\r\nabc").getBytes(StandardCharsets.US_ASCII));
                    String status = new String(socket.getInputStream().readNBytes(12), StandardCharsets.US_ASCII);
                    count("oversize " + status.substring(Math.min(9, status.length())));
                    if (!status.startsWith("HTTP/1.1 4")) wrong.add("10 GB: " + status);
                }
            }
        }
    }

    private Sample look(boolean collect) throws Exception {
        MemoryMXBean memory = ManagementFactory.newPlatformMXBeanProxy(beans, ManagementFactory.MEMORY_MXBEAN_NAME, MemoryMXBean.class);
        for (int i = 0; i < (collect ? 3 : 1); i++) {
            memory.gc();
            if (collect) Thread.sleep(500);
        }
        long threads = ManagementFactory.newPlatformMXBeanProxy(beans, ManagementFactory.THREAD_MXBEAN_NAME, ThreadMXBean.class)
            .getThreadCount();
        ObjectName pointers = new ObjectName("java.nio:type=BufferPool,name=javacpp");
        boolean counted = beans.isRegistered(pointers);
        try (Stream<Path> files = Files.list(Path.of("/proc/" + pid + "/fd"))) {
            return new Sample(rss(), memory.getHeapMemoryUsage().getUsed(), counted ? (Long) beans.getAttribute(pointers, "Count") : 0,
                counted ? (Long) beans.getAttribute(pointers, "TotalCapacity") : 0, threads, files.count());
        }
    }

    private long rss() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/status"))) {
            if (line.startsWith("VmRSS:")) return Long.parseLong(line.replaceAll("\\D", "")) << 10;
        }
        throw new IOException("the server has ended");
    }

    private void line(String asked, Sample s) {
        List<Double> sorted;
        synchronized (times) {
            sorted = new ArrayList<>(times);
            times.clear();
        }
        Collections.sort(sorted);
        int n = sorted.size();
        double p50 = n == 0 ? 0 : sorted.get(n / 2), p99 = n == 0 ? 0 : sorted.get(n * 99 / 100);
        System.out.printf(Locale.ROOT, "%9.0f %6s %7d %9.1f %9.1f %9d %4d %8d %6d %10.0f %7.0f%n", (System.nanoTime() - began) * 1e-9,
            asked, inFlight.get(), s.rss / 1048576.0, s.heap / 1048576.0, s.pointers, s.pointerBytes >> 20, s.threads, s.files, p50, p99);
    }

    /** When nothing flies, nothing runs and connections that nobody uses are closed. */
    private Sample drained(String what) throws Exception {
        for (int i = 0; inFlight.get() > 0; i++) {
            if (i > 10 * PATIENCE_SECONDS) throw new IllegalStateException(inFlight + " requests are never answered");
            Thread.sleep(100);
        }
        for (int i = 0; true; i++) {
            String now = http.send(to("/metrics").build(), HttpResponse.BodyHandlers.ofString()).body();
            if (Stream.of("running", "queue_length", "waiters").allMatch(name -> now.contains("palitra_" + name + " 0\n"))) break;
            if (i > 10 * PATIENCE_SECONDS) throw new IllegalStateException("slots stay taken");
            Thread.sleep(100);
        }
        Thread.sleep(75_000);   // threads that have nothing to do end after a minute, connections after half of one
        Sample sample = look(true);
        line(what, sample);
        return sample;
    }
}
