package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Jobs over HTTP: handed in, followed by server-sent events, ended, their files fetched. */
final class JobRoutes implements Routes {
    private static final long BEAT_SECONDS = 15;

    private final Jobs jobs;

    JobRoutes(Jobs jobs) { this.jobs = jobs; }

    @Override public void add(RoutesConfig to) {
        to.post("/v1/jobs", this::create);
        to.get("/v1/jobs", this::list);
        to.get("/v1/jobs/{id}", ctx -> answer(ctx, job(ctx)));
        to.delete("/v1/jobs/{id}", this::cancel);
        to.get("/v1/jobs/{id}/events", this::events);
        to.get("/v1/jobs/{id}/files/<name>", this::file);
    }

    private Job job(Context ctx) { return jobs.named(ctx.pathParam("id")); }

    private void answer(Context ctx, Job job) { Reply.json(ctx, job.toJson(jobs.position(job))); }

    private void create(Context ctx) {
        JsonNode body = Reply.body(ctx);
        Job job = jobs.submit(body.path("kind").asText(), body.path("request"), ctx.ip());
        ctx.status(202).header("Location", "/v1/jobs/" + job.id);
        answer(ctx, job);
    }

    private void list(Context ctx) {
        ArrayNode all = Job.JSON.createArrayNode();
        jobs.all().stream().sorted((a, b) -> b.created.compareTo(a.created)).limit(1000)
            .forEach(job -> all.add(job.toJson(jobs.position(job))));
        ObjectNode node = Job.JSON.createObjectNode();
        node.set("jobs", all);
        Reply.json(ctx, node);
    }

    private void cancel(Context ctx) {
        Job job = job(ctx);
        jobs.cancel(job);
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
        try (Waiters.Seat seat = jobs.waiters().sit(); OutputStream out = ctx.res().getOutputStream()) {
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
}
