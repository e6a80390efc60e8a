package io.palitra.server;

import io.javalin.Javalin;
import io.javalin.config.SizeUnit;
import io.javalin.http.Context;
import io.javalin.http.HttpResponseException;
import io.javalin.router.Endpoint;
import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.data.FormatException;
import io.palitra.engine.Device;
import io.palitra.job.Program;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.regex.Pattern;
import org.eclipse.jetty.http.BadMessageException;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.jspecify.annotations.Nullable;

/**
 * A server of jobs. Its threads: those of Jetty answer, and compute nothing; one draws and measures, one trains ({@link JobQueue}). Any
 * thread may call its methods.
 */
public final class Server implements AutoCloseable {
    /** Bytes of a request. */
    static final long BODY = 64L << 20;

    /** Bytes a second of a body: who sends less holds a thread for nothing. */
    static final long SLOWEST = 20;

    private static final Pattern BROKEN = Pattern.compile("%(?![0-9A-Fa-f]{2})");

    private final Jobs jobs;
    private final Javalin http;

    private Server(ServerConfig config) {
        Log log = new Log();
        Meter meter = new Meter();
        Registry registry = new Registry(config);
        DataSets data = new DataSets(config.data());
        Uploads uploads = new Uploads(Jobs.folder(config));
        Places places = new Places(config, registry, data, uploads::named);
        jobs = new Jobs(config, places, uploads, meter, log);
        Gate gate = new Gate(config);
        List<Routes> rooms = List.of(
            new JobRoutes(jobs),
            new StudioRoutes(gate),
            new OpenAiRoutes(jobs, registry, png -> uploads.add(png, "image/png", false).id()),
            new SdApiRoutes(jobs, registry, png -> uploads.add(png, "image/png", false).id()),
            new Gallery(jobs.history(), jobs.quota()),
            new UploadRoutes(uploads, places, jobs),
            new SchemaRoutes(jobs),
            new ModelRoutes(registry, name -> jobs.loaded().containsKey(name)),
            new RunRoutes(config, registry),
            new DataRoutes(data),
            new SystemRoutes(config, jobs, meter, log, jobs::loaded));
        http = Javalin.create(c -> {
            c.http.maxRequestSize = BODY;
            Bodies bodies = new Bodies();
            c.appData(Bodies.KEY, bodies);
            c.http.prefer405over404 = true;
            c.jetty.multipartConfig.maxFileSize(BODY, SizeUnit.BYTES);
            c.jetty.multipartConfig.maxTotalRequestSize(BODY, SizeUnit.BYTES);
            c.jetty.multipartConfig.maxInMemoryFileSize((int) BODY, SizeUnit.BYTES);
            c.router.javaLangErrorHandler((response, error) -> {
                log.fault("an answer", error);
                response.setStatus(500);
            });
            c.startup.showJavalinBanner = false;
            c.startup.showOldJavalinVersionWarning = false;
            // as many as may wait long and some for short answers, of which /health is one
            c.jetty.threadPool = new QueuedThreadPool(Waiters.THREADS, 8);
            c.requestLogger.http((ctx, millis) -> meter.answered(ctx.method().name(), route(ctx), ctx.statusCode(), millis / 1000));
            c.jetty.modifyServer(s -> s.setErrorHandler(new BadHttp()));   // of what comes to no route, as no valid HTTP does
            c.jetty.modifyHttpConfiguration(h -> {
                h.setSendServerVersion(false);
                h.setRequestHeaderSize(16 << 10);
                h.setIdleTimeout(30_000);
                h.setMinRequestDataRate(SLOWEST);
            });
            c.routes.before(ctx -> {
                ctx.header("X-Content-Type-Options", "nosniff");
                ctx.header("Cross-Origin-Resource-Policy", "same-origin");
                ctx.header("Content-Security-Policy", "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; "
                    + "frame-ancestors 'none'; base-uri 'none'");
                gate.check(header(ctx, "Host"), header(ctx, "Origin"), header(ctx, "Sec-Fetch-Site"), header(ctx, "Authorization"),
                    ctx.cookie(Gate.COOKIE), ctx.path().equals("/health") || StudioRoutes.open(ctx.path()));
                String query = ctx.queryString();   // of which what cannot be read would else be as if it was not there
                if (query != null && BROKEN.matcher(query).find()) {
                    throw new Refused(400, "refused", "", "the query has a % without two digits behind it");
                }
            });
            c.routes.after(bodies::release);
            c.routes.get("/health", ctx -> Reply.json(ctx, Job.JSON.createObjectNode().put("status", "up").put("version",
                Program.version())));
            rooms.forEach(room -> room.add(c.routes));
            c.routes.exception(Refused.class, (e, ctx) -> {
                if (e.retryAfter() > 0) ctx.header("Retry-After", String.valueOf(e.retryAfter()));
                Reply.fault(ctx, e.fault());
            });
            c.routes.exception(ConfigException.class, (e, ctx) -> Reply.fault(ctx, asked(e.key(), e)));
            c.routes.exception(ArgumentException.class, (e, ctx) -> Reply.fault(ctx, asked("", e)));
            c.routes.exception(FormatException.class, (e, ctx) -> Reply.fault(ctx, asked("", e)));
            c.routes.exception(HttpResponseException.class, (e, ctx) -> Reply.fault(ctx, BadHttp.fault(e.getStatus())));
            c.routes.exception(BadMessageException.class, (e, ctx) -> Reply.fault(ctx, BadHttp.fault(e.getCode())));
            c.routes.exception(Exception.class, (e, ctx) -> {
                log.fault("an answer to " + ctx.method().name() + " " + route(ctx), e);
                Reply.fault(ctx, new Fault(500, "failed", "", "a fault of this server"));
            });
            c.routes.error(404, ctx -> {
                if (ctx.result() == null || ctx.result().startsWith("Endpoint")) Reply.fault(ctx, BadHttp.fault(404));
            });
        });
    }

    private static Fault asked(String field, RuntimeException e) {
        return new Fault(422, "bad_request", field, Answers.withoutPlaces(Program.message(e)));
    }

    /** With all its values where it stands there more than once, so that none of them is overlooked. */
    private static @Nullable String header(Context ctx, String name) {
        List<String> all = Collections.list(ctx.req().getHeaders(name));
        return all.isEmpty() ? null : String.join(", ", all);
    }

    /** The pattern of what was asked for, of which there are few; nothing of what a caller wrote. */
    private static String route(Context ctx) {
        Endpoint matched = ctx.endpoints().matchedHttpEndpoint();
        return matched == null ? "none" : matched.path;
    }

    /**
     * Listens, and works until it is closed.
     *
     * @throws IllegalArgumentException for an address that cannot be listened on, and for a device that there is not
     */
    public static Server start(ServerConfig config) {
        Config.check(config);
        refuse(config);
        Server server = new Server(config);
        try {
            server.http.start(config.host(), config.port());
        } catch (RuntimeException e) {
            server.jobs.close();   // gives the history's lock back
            throw new ConfigException("port", "cannot listen on " + config.host() + ":" + config.port() + ": another program may listen "
                + "there; choose another port=", e);
        }
        try {
            server.jobs.history().opened();   // it answers meanwhile; who asks for what was before waits
        } catch (RuntimeException e) {
            server.close();
            throw e;
        }
        return server;
    }

    /** What cannot be served, before anything is opened. */
    private static void refuse(ServerConfig config) {
        String device = config.device();
        try {
            if (!device.equals("auto") && !device.equals("cpu")) Device.named(device);   // those are there, and load with the first model
        } catch (ArgumentException e) {
            throw new ConfigException("device", String.valueOf(e.getMessage()), e);
        }
        Path runs = Path.of(config.runs());
        if (Files.exists(runs) && !Files.isDirectory(runs)) {
            throw new ConfigException("runs", "illegal runs: '" + config.runs() + "' is a file, must be a folder");
        }
        String place = config.host() + ":" + config.port();
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            InetSocketAddress address = new InetSocketAddress(config.host(), config.port());
            if (address.isUnresolved()) throw new ConfigException("host", "illegal host: '" + config.host() + "' has no address");
            if (NetworkInterface.getByInetAddress(address.getAddress()) == null && !address.getAddress().isAnyLocalAddress()
                && !address.getAddress().isLoopbackAddress()) {
                throw new ConfigException("host", "illegal host: '" + config.host() + "' is no address of this machine");
            }
            socket.bind(address);
        } catch (IOException e) {
            boolean rights = String.valueOf(e.getMessage()).contains("ermission");
            throw new ConfigException("port", "cannot listen on " + place + (rights ? ": ports below 1024 want the rights of an "
                + "administrator; choose another port=" : ": another program may listen there; choose another port="), e);
        }
    }

    /** A thread, not started, that loads what a start takes long to load. A fault of it is met by the start, too. */
    public static Thread ahead() {
        Thread ahead = new Thread(() -> {
            Javalin.create(c -> c.startup.showJavalinBanner = false);
            HistoryFile.load();
        }, "palitra-ahead");
        ahead.setDaemon(true);
        ahead.setUncaughtExceptionHandler((t, e) -> { });
        return ahead;
    }

    /** Each thing that can be asked: method and pattern of the path. */
    List<String> routes() {
        return http.unsafe.internalRouter.allHttpHandlers().stream().map(route -> route.endpoint)
            .filter(route -> route.method.isHttpMethod()).map(route -> route.method.name() + " " + route.path).toList();
    }

    /** The port that it listens on. */
    public int port() { return http.port(); }

    /** Ends what runs, trainings with a checkpoint, and stops listening. */
    @Override public void close() {
        jobs.close();
        http.stop();
    }
}
