package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.Javalin;
import io.javalin.http.Context;
import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.data.CatalogueEntry;
import io.palitra.data.Datasets;
import io.palitra.job.Program;
import io.palitra.job.Request;
import io.palitra.job.Requests;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * A server of jobs. Its threads: those of Jetty answer, and compute nothing; one draws and measures, one trains ({@link JobQueue}). Any
 * thread may call its methods.
 */
public final class Server implements AutoCloseable {
    /** Bytes of a request. */
    private static final long BODY = 1 << 20;
    private static final long BEAT_SECONDS = 15;
    private static final List<String> SERVED = List.of("draw", "sample", "complete", "interpolate", "map", "reconstruct", "evaluate",
        "compare", "paint", "dream", "train", "resume");

    private final ServerConfig config;
    private final Places places;
    private final JobQueue queue;
    private final Map<String, Job> jobs = new ConcurrentHashMap<>();
    private final SecureRandom random = new SecureRandom();
    private final Javalin http;

    private Server(ServerConfig config) {
        this.config = config;
        places = new Places(Path.of(config.runs()), Datasets.catalogue().stream().map(CatalogueEntry::name).toList());
        queue = new JobQueue(config.queue(), config.share());
        Gate gate = new Gate(config);
        http = Javalin.create(c -> {
            c.http.maxRequestSize = BODY;
            c.startup.showJavalinBanner = false;
            c.startup.showOldJavalinVersionWarning = false;
            c.jetty.modifyHttpConfiguration(h -> {
                h.setSendServerVersion(false);
                h.setRequestHeaderSize(16 << 10);
            });
            c.routes.before(ctx -> {
                ctx.header("X-Content-Type-Options", "nosniff");
                ctx.header("Cross-Origin-Resource-Policy", "same-origin");
                ctx.header("Content-Security-Policy", "default-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'");
                gate.check(ctx.header("Host"), ctx.header("Origin"), ctx.header("Sec-Fetch-Site"), ctx.header("Authorization"),
                    ctx.path().equals("/health"));
            });
            c.routes.get("/health", ctx -> ctx.json(Job.JSON.createObjectNode().put("status", "up").put("version", Program.version())));
            c.routes.get("/v1/models", ctx -> names(ctx, places.models()));
            c.routes.get("/v1/kinds", ctx -> names(ctx, SERVED));
            c.routes.post("/v1/jobs", this::create);
            c.routes.get("/v1/jobs", this::list);
            c.routes.get("/v1/jobs/{id}", ctx -> answer(ctx, job(ctx)));
            c.routes.delete("/v1/jobs/{id}", this::cancel);
            c.routes.get("/v1/jobs/{id}/events", this::events);
            c.routes.get("/v1/jobs/{id}/files/<name>", this::file);
            c.routes.exception(Refused.class, (e, ctx) -> {
                if (e.retryAfter() > 0) ctx.header("Retry-After", String.valueOf(e.retryAfter()));
                fault(ctx, e.fault());
            });
            c.routes.exception(ConfigException.class, (e, ctx) -> fault(ctx, new Fault(422, "bad_request", e.key(), Program.message(e))));
            c.routes.exception(ArgumentException.class, (e, ctx) -> fault(ctx, new Fault(422, "bad_request", "", Program.message(e))));
            c.routes.exception(Exception.class, (e, ctx) -> fault(ctx, new Fault(500, "failed", "", "a fault of this server")));
            c.routes.error(404, ctx -> {
                if (ctx.result() == null || ctx.result().startsWith("Endpoint")) fault(ctx, new Fault(404, "not_found", "", "there is no such page"));
            });
        });
    }

    /**
     * Listens, and works until it is closed.
     *
     * @throws IllegalArgumentException for an address that cannot be listened on
     */
    public static Server start(ServerConfig config) {
        Config.check(config);
        Server server = new Server(config);
        try {
            server.http.start(config.host(), config.port());
        } catch (RuntimeException e) {
            server.queue.close();
            throw new ConfigException("port", "cannot listen on " + config.host() + ":" + config.port() + ": another program may listen "
                + "there; choose another port=", e);
        }
        return server;
    }

    /** The port that it listens on. */
    public int port() { return http.port(); }

    /** Ends what runs, trainings with a checkpoint, and stops listening. */
    @Override public void close() {
        queue.close();
        http.stop();
    }

    private void create(Context ctx) {
        JsonNode body = Json.read("the request", ctx.bodyAsBytes());
        JsonNode kind = body.path("kind");
        if (!kind.isTextual() || !SERVED.contains(kind.textValue())) {
            throw new Refused(422, "no_such_kind", "kind", "kind must be one of " + String.join(", ", SERVED));
        }
        String id = newId();
        Path folder = Path.of(config.jobs()).toAbsolutePath().normalize().resolve(id);
        Request<?> asked = Requests.of(kind.textValue(), body.path("request"));
        Job job = new Job(id, kind.textValue(), body.path("request"), places.placed(kind.textValue(), Requests.on(asked, config.device()), id,
            folder), folder, ctx.ip());
        jobs.put(id, job);
        try {
            queue.add(job);
        } catch (Refused e) {
            jobs.remove(id);
            throw e;
        }
        ctx.status(202).header("Location", "/v1/jobs/" + id);
        answer(ctx, job);
    }

    private String newId() {
        byte[] id = new byte[16];
        random.nextBytes(id);
        return HexFormat.of().formatHex(id);
    }

    private Job job(Context ctx) {
        Job job = jobs.get(ctx.pathParam("id"));
        if (job == null) throw new Refused(404, "no_such_job", "id", "there is no job of that id");
        return job;
    }

    private void answer(Context ctx, Job job) { json(ctx, job.toJson(queue.position(job))); }

    private void list(Context ctx) {
        ArrayNode all = Job.JSON.createArrayNode();
        jobs.values().stream().sorted((a, b) -> b.created.compareTo(a.created)).limit(1000)
            .forEach(job -> all.add(job.toJson(queue.position(job))));
        ObjectNode node = Job.JSON.createObjectNode();
        node.set("jobs", all);
        json(ctx, node);
    }

    private void cancel(Context ctx) {
        Job job = job(ctx);
        queue.cancel(job);
        answer(ctx, job);
    }

    /** Waits on its thread of Jetty, which stands for the client alone; every so often a comment shows whether that is still there. */
    private void events(Context ctx) throws IOException {
        Job job = job(ctx);
        String last = ctx.header("Last-Event-ID");
        long seen = last != null && last.matches("\\d{1,18}") ? Long.parseLong(last) : 0;
        ctx.contentType("text/event-stream; charset=utf-8").header("Cache-Control", "no-store").header("X-Accel-Buffering", "no");
        LinkedBlockingQueue<Boolean> more = new LinkedBlockingQueue<>();
        Runnable wake = () -> more.offer(true);
        job.events.listen(wake);
        try (OutputStream out = ctx.res().getOutputStream()) {
            while (true) {
                boolean ended = job.events.ended();
                for (Event event : job.events.after(seen)) {
                    out.write(("id: " + event.id() + "\nevent: " + event.name() + "\ndata: " + event.data() + "\n\n")
                        .getBytes(StandardCharsets.UTF_8));
                    seen = event.id();
                }
                out.flush();
                if (ended) return;
                if (more.poll(BEAT_SECONDS, TimeUnit.SECONDS) == null) out.write(": here\n\n".getBytes(StandardCharsets.UTF_8));
                more.clear();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            job.events.leave(wake);
        }
    }

    private void file(Context ctx) throws IOException {
        Job job = job(ctx);
        String name = ctx.pathParam("name");
        if (!job.files.contains(name)) throw new Refused(404, "no_such_file", "name", "the job made no file of that name");
        Path file = job.folder.resolve(name);
        if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) throw new Refused(404, "no_such_file", "name", "the file is gone");
        ctx.contentType(name.endsWith(".png") ? "image/png" : name.endsWith(".gif") ? "image/gif" : "application/octet-stream");
        ctx.header("Content-Disposition", name.endsWith(".png") || name.endsWith(".gif") ? "inline" : "attachment");
        ctx.result(Files.newInputStream(file));
    }

    private static void names(Context ctx, List<String> names) {
        ObjectNode node = Job.JSON.createObjectNode();
        ArrayNode list = node.putArray("names");
        names.forEach(list::add);
        json(ctx, node);
    }

    private static void fault(Context ctx, Fault fault) {
        ObjectNode node = Job.JSON.createObjectNode();
        node.set("error", fault.toJson());
        ctx.status(fault.http());
        json(ctx, node);
    }

    private static void json(Context ctx, JsonNode node) { ctx.contentType("application/json").result(node.toString()); }
}
