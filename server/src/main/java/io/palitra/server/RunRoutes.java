package io.palitra.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.palitra.report.Report;
import io.palitra.train.RunLock;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** The runs of the server's folder: how they train, what they wrote, in what they differ. */
final class RunRoutes implements Routes {
    private static final int ROWS = 2000, COMPARED = 20;
    private static final String BIN = ".bin", HERE = "/v1/runs/{name}";

    private final Registry registry;
    private final Path runs;
    private final RunFiles files = new RunFiles();

    RunRoutes(ServerConfig config, Registry registry) {
        this.registry = registry;
        runs = Path.of(config.runs()).toAbsolutePath().normalize();
    }

    @Override public void add(RoutesConfig to) {
        to.get("/v1/runs", this::list);
        to.get("/v1/runs/compare", this::compare);
        to.get(HERE, ctx -> Reply.json(ctx, files.whole(ctx.pathParam("name"), run(ctx))));
        to.get(HERE + "/metrics", this::metrics);
        to.get(HERE + "/pictures/<picture>", this::picture);
        to.get(HERE + "/report", this::report);
        to.delete(HERE, this::delete);
    }

    private Path run(Context ctx) { return run(ctx.pathParam("name")); }

    private Path run(String name) {
        Path run = registry.runs().get(name);
        if (run == null) throw new Refused(404, "no_such_run", "name", "there is no run of that name");
        return run;
    }

    private void list(Context ctx) {
        ArrayNode all = Job.JSON.createArrayNode();
        registry.runs().forEach((name, run) -> all.add(files.line(name, run)));
        Reply.json(ctx, Job.JSON.createObjectNode().set("runs", all));
    }

    private void compare(Context ctx) {
        Map<String, Path> compared = new LinkedHashMap<>();
        String names = ctx.queryParam("names");
        for (String name : names == null ? new String[0] : names.split(",")) compared.put(name, run(name));
        if (compared.size() < 2 || compared.size() > COMPARED) {
            throw new Refused(422, "bad_request", "names", "names must be those of 2 to " + COMPARED + " runs, with commas between");
        }
        Reply.json(ctx, files.compared(compared));
    }

    private void metrics(Context ctx) throws IOException {
        boolean from = ctx.queryParam("after") != null;
        int after = Reply.number(ctx, "after", -1, 0, Integer.MAX_VALUE - 1);
        Reply.json(ctx, RunFiles.metrics(run(ctx), after, from ? 0 : ROWS));
    }

    private void picture(Context ctx) throws IOException {
        String name = ctx.pathParam("picture");
        Path file = RunFiles.shown(run(ctx)).get(name);
        if (file == null) throw new Refused(404, "no_such_picture", "picture", "the run has no picture, text or sound of that name");
        ctx.header("Cache-Control", "private, no-cache");
        Reply.file(ctx, file, name);
    }

    /** Without rights: the page may hold what somebody wrote into a file of the run. */
    private void report(Context ctx) throws IOException {
        Path file = run(ctx).resolve(Report.NAME);
        if (!RunFiles.file(file)) throw new Refused(404, "no_report", "name", "the run has no report yet");
        ctx.header("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:; "
            + "frame-ancestors 'self'");
        ctx.contentType("text/html; charset=utf-8").result(Files.newInputStream(file));
    }

    private void delete(Context ctx) throws IOException {
        String name = ctx.pathParam("name");
        Path run = run(name);
        if (RunLock.held(run)) throw new Refused(409, "in_use", "name", "the run trains; cancel its job first");
        Path bin = Files.createDirectories(runs.resolve(BIN));
        for (int i = 1; true; i++) {
            try {
                Path to = bin.resolve(i == 1 ? name : name + "-" + i);
                if (Files.exists(to)) continue;
                Files.move(run, to);
                break;
            } catch (FileAlreadyExistsException e) {
                continue;
            }
        }
        ctx.status(204);
    }
}
