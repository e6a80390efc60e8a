package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.palitra.config.Words;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Jobs over HTTP: handed in, followed by server-sent events, ended, their files fetched. */
final class JobRoutes implements Routes {
    private static final long BEAT_NANOS = 15_000_000_000L, LOOK_MILLIS = 250;
    private static final int PAGE = 100, MOST = 1000;

    private final Jobs jobs;
    private final Thumbnails thumbnails = new Thumbnails();

    JobRoutes(Jobs jobs) { this.jobs = jobs; }

    @Override public void add(RoutesConfig to) {
        to.post("/v1/jobs", this::create);
        to.get("/v1/jobs", this::list);
        to.get("/v1/jobs/{id}", ctx -> Reply.json(ctx, shown(ctx, jobs.shown(ctx.pathParam("id")))));
        to.delete("/v1/jobs/{id}", this::cancel);
        to.get("/v1/jobs/{id}/events", this::events);
        to.get("/v1/jobs/{id}/files/<name>", this::file);
    }

    private void create(Context ctx) {
        JsonNode body = Reply.body(ctx);
        for (Map.Entry<String, JsonNode> field : body.properties()) {
            String name = field.getKey();
            if (name.equals("kind") || name.equals("request")) continue;
            throw new Refused(422, "bad_request", name, "no such field '" + Places.shown(name) + "'; there are kind, request");
        }
        Job job = jobs.submit(body.path("kind").asText(), body.path("request"), ctx.ip());
        ctx.status(202).header("Location", "/v1/jobs/" + job.id);
        Reply.json(ctx, shown(ctx, jobs.shown(job)));
    }

    private void list(Context ctx) {
        String before = ctx.queryParam("before"), kind = ctx.queryParam("kind"), status = ctx.queryParam("status");
        if (before != null && !before.matches("\\d{1,18}")) {
            throw new Refused(422, "bad_request", "before", "before must be milliseconds since 1970");
        }
        if (kind != null && !kind.isEmpty() && !Jobs.SERVED.contains(kind)) {
            throw new Refused(422, "bad_request", "kind", "kind must be one of " + String.join(", ", Jobs.SERVED));
        }
        List<String> states = Arrays.stream(Job.Status.values()).map(s -> s.name().toLowerCase(Locale.ROOT)).toList();
        if (status != null && !status.isEmpty() && !states.contains(status)) {
            throw new Refused(422, "bad_request", "status", "status must be one of " + String.join(", ", states));
        }
        ArrayNode all = Job.JSON.createArrayNode();
        jobs.list(Reply.number(ctx, "limit", PAGE, 1, MOST), before == null ? Long.MAX_VALUE : Long.parseLong(before),
            kind == null ? "" : kind, status == null ? "" : status).forEach(job -> all.add(shown(ctx, job)));
        ObjectNode node = Job.JSON.createObjectNode();
        node.set("jobs", all);
        Reply.json(ctx, node);
    }

    private void cancel(Context ctx) {
        String id = ctx.pathParam("id");
        jobs.live(id).ifPresent(jobs::cancel);
        Reply.json(ctx, shown(ctx, jobs.shown(id)));
    }

    private static ObjectNode shown(Context ctx, ObjectNode job) { return Language.said(job, Language.words(ctx)); }

    /**
     * Waits on its thread of Jetty, which stands for the client alone, and looks whether that is still there. A comment every so often
     * tells the client that the server is.
     */
    private void events(Context ctx) throws IOException {
        Optional<Job> live = jobs.live(ctx.pathParam("id"));
        ObjectNode old = live.isPresent() ? null : jobs.shown(ctx.pathParam("id"));
        Words words = Language.words(ctx);
        String last = ctx.header("Last-Event-ID");
        long seen = last != null && last.matches("\\d{1,18}") ? Long.parseLong(last) : 0;
        ctx.contentType("text/event-stream; charset=utf-8").header("Cache-Control", "no-store").header("X-Accel-Buffering", "no")
            .header("Connection", "close");   // see Client.gone
        if (old != null) {
            ctx.result("id: 1\nevent: " + old.path("status").asText() + "\ndata: " + Language.said(old, words) + "\n\n");
            return;
        }
        Job job = live.get();
        LinkedBlockingQueue<Boolean> more = new LinkedBlockingQueue<>();
        Runnable wake = () -> more.offer(true);
        job.events.listen(wake);
        long told = System.nanoTime();
        try (Waiters.Seat seat = jobs.waiters().sit(); OutputStream out = ctx.res().getOutputStream()) {
            while (true) {
                boolean ended = job.events.ended();
                for (Event event : job.events.after(seen)) {
                    out.write(("id: " + event.id() + "\nevent: " + event.name() + "\ndata: " + Language.said(event.data(), words) + "\n\n")
                        .getBytes(StandardCharsets.UTF_8));
                    seen = event.id();
                }
                if (System.nanoTime() - told > BEAT_NANOS) {
                    out.write(": here\n\n".getBytes(StandardCharsets.UTF_8));
                    told = System.nanoTime();
                }
                out.flush();
                if (ended) return;
                more.poll(LOOK_MILLIS, TimeUnit.MILLISECONDS);
                more.clear();
                if (Client.gone(ctx)) return;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            job.events.leave(wake);
        }
    }

    /** What a job that has ended left never changes, but it may go. */
    private void file(Context ctx) throws IOException {
        String id = ctx.pathParam("id"), name = ctx.pathParam("name");
        Path file = jobs.file(id, name);
        boolean picture = type(name).startsWith("image/"), small = ctx.queryParam("wide") != null;
        int wide = Reply.number(ctx, "wide", Thumbnails.MOST, Thumbnails.LEAST, Thumbnails.MOST);
        if (small && !picture) throw new Refused(422, "bad_request", "wide", "wide is for pictures");
        boolean lasting = jobs.live(id).map(Job::ended).orElse(true);
        String tag = "\"" + id.substring(0, 8) + "-" + Integer.toHexString(name.hashCode()) + "-" + Files.size(file)
            + (small ? "-" + wide : "") + "\"";
        ctx.header("Cache-Control", lasting ? "private, max-age=31536000, immutable" : "no-store");
        if (lasting) {
            ctx.header("ETag", tag);
            if (tag.equals(ctx.header("If-None-Match"))) {
                ctx.status(304);
                return;
            }
        }
        ctx.contentType(small ? "image/png" : type(name));
        ctx.header("Content-Disposition", picture ? "inline" : "attachment");
        if (small) ctx.result(thumbnails.of(file, wide));
        else ctx.result(Files.newInputStream(file));
    }

    private static String type(String name) {
        return switch (name.substring(name.lastIndexOf('.') + 1)) {
            case "png" -> "image/png";
            case "jpg" -> "image/jpeg";
            case "webp" -> "image/webp";
            case "gif" -> "image/gif";
            case "txt" -> "text/plain; charset=utf-8";
            case "wav" -> "audio/wav";
            case "mid" -> "audio/midi";
            default -> "application/octet-stream";
        };
    }
}
