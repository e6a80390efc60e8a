package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.management.OperatingSystemMXBean;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.data.FormatException;
import io.palitra.job.Program;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The part of /sdapi/v1, the API of AUTOMATIC1111's web UI, that stable-diffusion.cpp serves, too, with progress, interrupts, options and
 * what is in a PNG. Its pictures are this server's own jobs. Faults have its form: error, detail, body, errors.
 */
final class SdApiRoutes implements Routes {
    private static final String ROOT = "/sdapi/v1";

    private final Jobs jobs;
    private final SdStore store;
    private final SdOptions options;
    private final SdTasks tasks = new SdTasks();
    private final SdPictures pictures;

    /** @param keep keeps a picture, a PNG, and gives its id for places of pictures in requests */
    SdApiRoutes(Jobs jobs, Registry registry, Function<byte[], String> keep) {
        this.jobs = jobs;
        store = new SdStore(registry, keep);
        options = new SdOptions(store);
        pictures = new SdPictures(jobs, store, options, tasks);
    }

    @FunctionalInterface private interface Answer { void to(Context ctx) throws IOException; }

    @Override public void add(RoutesConfig to) {
        post(to, "/txt2img", ctx -> pictures.answer(ctx, false));
        post(to, "/img2img", ctx -> pictures.answer(ctx, true));
        post(to, "/png-info", ctx -> Reply.json(ctx, SdPictures.text(SdBody.picture("image", SdBody.of(ctx).node("image")))));
        get(to, "/progress", this::progress);
        post(to, "/interrupt", ctx -> stop(ctx, true));
        post(to, "/skip", ctx -> stop(ctx, false));
        get(to, "/options", ctx -> Reply.json(ctx, options.toJson()));
        post(to, "/options", this::set);
        list(to, "/samplers", SdSamplers::list);
        list(to, "/schedulers", SdSamplers::schedules);
        list(to, "/sd-models", () -> all(store.models(), m -> node().put("title", m.title()).put("model_name", m.name())
            .put("hash", m.shortHash()).put("sha256", m.sha256()).put("filename", m.name()).putNull("config")));
        list(to, "/sd-vae", () -> all(List.<String>of(), n -> node()));
        list(to, "/loras", () -> all(store.loras(), name -> node().put("name", name).put("alias", name).put("path", name)));
        list(to, "/upscalers", () -> all(List.of("None"), name -> node().put("name", name).putNull("model_name").putNull("model_path")
            .putNull("model_url").put("scale", 1)));
        list(to, "/latent-upscale-modes", () -> all(List.<String>of(), n -> node()));
        list(to, "/prompt-styles", () -> all(List.<String>of(), n -> node()));
        list(to, "/scripts", () -> node().<ObjectNode>set("txt2img", all(List.<String>of(), n -> node()))
            .set("img2img", all(List.<String>of(), n -> node())));
        list(to, "/script-info", () -> all(List.<String>of(), n -> node()));
        list(to, "/embeddings", () -> node().<ObjectNode>set("loaded", node()).set("skipped", node()));
        list(to, "/cmd-flags", () -> node().put("api", true).put("nowebui", false).putNull("api_auth").put("listen", false));
        list(to, "/memory", SdApiRoutes::memory);
        for (String call : List.of("/refresh-checkpoints", "/refresh-vae", "/refresh-loras", "/unload-checkpoint", "/reload-checkpoint")) {
            // lists are read anew each time, and models come and go with the memory that is free
            post(to, call, ctx -> Reply.json(ctx, NullNode.instance));
        }
    }

    private static ObjectNode node() { return Job.JSON.createObjectNode(); }

    private static <T> ArrayNode all(List<T> of, Function<T, ObjectNode> form) {
        ArrayNode all = Job.JSON.createArrayNode();
        of.forEach(one -> all.add(form.apply(one)));
        return all;
    }

    private static void list(RoutesConfig to, String path, Supplier<JsonNode> what) { get(to, path, ctx -> Reply.json(ctx, what.get())); }

    private static void get(RoutesConfig to, String path, Answer answer) { to.get(ROOT + path, ctx -> guarded(ctx, answer)); }

    private static void post(RoutesConfig to, String path, Answer answer) { to.post(ROOT + path, ctx -> guarded(ctx, answer)); }

    private static void guarded(Context ctx, Answer answer) throws IOException {
        try {
            answer.to(ctx);
        } catch (Refused e) {
            if (e.retryAfter() > 0) ctx.header("Retry-After", String.valueOf(e.retryAfter()));
            fault(ctx, e.fault());
        } catch (ConfigException e) {
            fault(ctx, new Fault(422, "bad_request", e.key(), Program.message(e)));
        } catch (ArgumentException | FormatException e) {
            fault(ctx, new Fault(422, "bad_request", "", Program.message(e)));
        }
    }

    private static void fault(Context ctx, Fault fault) {
        ObjectNode node = node().put("error", fault.http() == 422 ? "RequestValidationError" : "HTTPException")
            .put("detail", fault.message()).put("body", "").put("errors", fault.field().isEmpty() ? fault.code()
                : fault.code() + ": " + fault.field());
        ctx.status(fault.http());
        Reply.json(ctx, node);
    }

    private void progress(Context ctx) {
        String id = Optional.ofNullable(ctx.queryParam("id_task")).orElse(""), skip = ctx.queryParam("skip_current_image");
        Reply.json(ctx, tasks.progress(tasks.find(id, ctx.ip()), !"true".equalsIgnoreCase(skip) && !"1".equals(skip)));
    }

    /** By its id, or of the caller what is being made now; where nothing is, nothing happens, as clients that ask too late expect. */
    private void stop(Context ctx, boolean all) {
        String id = Optional.ofNullable(ctx.queryParam("id_task")).orElse("");
        if (id.isEmpty()) id = SdBody.of(ctx).text("id_task", "");
        tasks.find(id, ctx.ip()).ifPresent(task -> tasks.stop(task, all).forEach(jobs::cancel));
        Reply.json(ctx, all ? node() : NullNode.instance);
    }

    private void set(Context ctx) {
        List<String> ignored = options.set(SdBody.of(ctx));
        if (ignored.isEmpty()) {
            Reply.json(ctx, NullNode.instance);
            return;
        }
        ObjectNode node = node();
        ignored.forEach(node.putArray("ignored")::add);
        Reply.json(ctx, node);
    }

    /** Bytes; what of a graphics card is free is not known here. */
    private static ObjectNode memory() {
        ObjectNode node = node();
        if (ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system) {
            long total = system.getTotalMemorySize(), free = system.getFreeMemorySize();
            node.putObject("ram").put("free", free).put("used", total - free).put("total", total);
        } else {
            node.putObject("ram").put("error", "unavailable");
        }
        node.putObject("cuda").put("error", "what is free on a graphics card is not counted");
        return node;
    }
}
