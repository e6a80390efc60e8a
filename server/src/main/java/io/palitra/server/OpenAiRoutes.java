package io.palitra.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.palitra.data.Picture;
import io.palitra.job.DrawRequest;
import io.palitra.report.Png;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/** OpenAI's images API: each picture of a request is a job of this server, and the answer waits for them. */
final class OpenAiRoutes implements Routes {
    /** Seeds that every client's numbers hold. */
    private static final long SEEDS = 1L << 53;
    private static final int LARGEST_SCALE = 64;
    /** Of a picture's own looks, what a variation leaves. */
    private static final double VARIED = 0.6;

    /** Where pictures of callers are kept until a job has read them. */
    interface Keep {
        /** @return the id by which a request names it */
        String keep(byte[] png);
    }

    private final Jobs jobs;
    private final OpenAiModels models;
    private final Keep keep;

    OpenAiRoutes(Jobs jobs, Registry registry, Keep keep) {
        this.jobs = jobs;
        models = new OpenAiModels(registry);
        this.keep = keep;
    }

    @Override public void add(RoutesConfig to) {
        to.get("/v1/models/{id}", ctx -> Reply.json(ctx, models.one(ctx.pathParam("id"))));
        to.post("/v1/images/generations", this::generate);
        to.post("/v1/images/edits", this::edit);
        to.post("/v1/images/variations", this::vary);
        to.get("/v1/images/{id}/{look}/<name>", this::picture);
    }

    private void generate(Context ctx) throws IOException {
        OpenAiAsked asked = OpenAiAsked.of(ctx);
        String prompt = asked.prompt();
        OpenAiModels.Served model = models.drawing(asked.model());
        ObjectNode request = switch (model.kind()) {
            case "paint" -> painted(asked, model, prompt);
            case "draw" -> drawn(asked, model, prompt);
            default -> sampled(asked, model, prompt);
        };
        answer(ctx, asked, model, request, "image_generation");
    }

    private void edit(Context ctx) throws IOException {
        OpenAiAsked asked = OpenAiAsked.of(ctx);
        String prompt = asked.prompt();
        byte[] image = asked.image();
        OpenAiModels.Served model = models.editing(asked.model());
        Picture picture = OpenAiPictures.read(image, "image");
        byte[] given = asked.mask();
        Picture mask = OpenAiPictures.transparency(given == null ? image : given, given == null ? "image" : "mask");
        boolean paints = OpenAiPictures.paints(mask);
        if (given != null && (mask.width() != picture.width() || mask.height() != picture.height())) {
            throw new Refused(422, "bad_request", "mask", "the mask has " + mask.width() + "x" + mask.height() + " pixels, the picture "
                + picture.width() + "x" + picture.height() + "; they must be the same");
        }
        if (given != null && !paints) {
            throw new Refused(422, "bad_request", "mask", "no pixel of the mask is transparent: what is transparent is painted");
        }
        ObjectNode request = painted(asked, model, prompt).put("image", keep.keep(Png.encode(picture, Map.of())));
        if (paints) request.put("mask", keep.keep(Png.encode(mask, Map.of())));
        answer(ctx, asked, model, request, "image_edit");
    }

    private void vary(Context ctx) throws IOException {
        OpenAiAsked asked = OpenAiAsked.of(ctx);
        byte[] image = asked.image();
        OpenAiModels.Served model = models.editing(asked.model());
        ObjectNode request = painted(asked, model, asked.text("prompt")).put("strength", VARIED)
            .put("image", keep.keep(Png.encode(OpenAiPictures.read(image, "image"), Map.of())));
        answer(ctx, asked, model, request, "image_variation");
    }

    /** A job's picture in the size and format that were asked for with it; made anew each time, so that nothing is kept twice. */
    private void picture(Context ctx) throws IOException {
        String name = ctx.pathParam("name");
        if (!name.endsWith(".png")) throw new Refused(404, "no_such_file", "name", "pictures are looked at so, and no other files");
        Path file = jobs.file(ctx.pathParam("id"), name);
        OpenAiLook look = OpenAiLook.of(ctx.pathParam("look"));
        ctx.contentType("image/" + look.format()).header("Content-Disposition", "inline").result(look.of(Files.readAllBytes(file)).bytes());
    }

    private static ObjectNode drawn(OpenAiAsked asked, OpenAiModels.Served model, String prompt) {
        if (prompt.isBlank()) throw new Refused(422, "bad_request", "prompt", "prompt is empty: what to draw");
        ObjectNode request = Job.JSON.createObjectNode().put("prompt", prompt).put("model", model.name()).put("scale", scale(asked, model));
        // the CLIP that comes with the program knows the pictures of the model that comes with it
        if (!model.name().equals(DrawRequest.MODEL)) request.put("candidates", 1).put("clip", "");
        sampling(asked, model, request);
        return request;
    }

    private static ObjectNode sampled(OpenAiAsked asked, OpenAiModels.Served model, String prompt) {
        ObjectNode request = Job.JSON.createObjectNode().put("run", model.name()).put("n", 1).put("scale", scale(asked, model));
        if (!prompt.isBlank() && !model.classes().contains(prompt.strip())) {
            throw new Refused(422, "bad_request", "prompt", "'" + model.name() + "' draws from no words: prompt must be " + (model.classes()
                .isEmpty() ? "empty" : "one of its classes, " + String.join(", ", model.classes())));
        }
        request.put("label", prompt.strip());
        sampling(asked, model, request);
        return request;
    }

    /** The family's own keys of that name; for what it has no key is said to be ignored. */
    private static void sampling(OpenAiAsked asked, OpenAiModels.Served model, ObjectNode request) {
        ArrayNode keys = request.putArray("sampling");
        for (String name : List.of("sampler", "steps", "guidance")) {
            Optional<String> key = model.key(name);
            if (asked.has(name) && key.isPresent()) keys.add(key.get() + "=" + asked.value(name).asText());
            else asked.ignore(name);
        }
        asked.ignore("negative_prompt");
    }

    private static ObjectNode painted(OpenAiAsked asked, OpenAiModels.Served model, String prompt) {
        ObjectNode request = Job.JSON.createObjectNode().put("prompt", prompt).put("model", model.name())
            .put("negative", asked.text("negative_prompt"));
        OpenAiAsked.Size size = asked.size();
        ObjectNode how = request.putObject("how").put("n", 1).put("width", size.width()).put("height", size.height());
        for (String key : List.of("steps", "guidance", "sampler")) if (asked.has(key)) how.set(key, asked.value(key));
        return request;
    }

    /** How many times as wide a picture is made: so that it is of the size asked for, if a whole number does; 0 = as a person sees it. */
    private static int scale(OpenAiAsked asked, OpenAiModels.Served model) {
        OpenAiAsked.Size size = asked.size();
        if (size.auto()) return 0;
        int times = size.width() / model.width();
        return times <= LARGEST_SCALE && times * model.width() == size.width() && times * model.height() == size.height() ? times : 1;
    }

    private void answer(Context ctx, OpenAiAsked asked, OpenAiModels.Served model, ObjectNode request, String event) throws IOException {
        OpenAiAnswer answer = new OpenAiAnswer(asked, model, ctx.scheme() + "://" + ctx.host());
        long seed = asked.has("seed") ? asked.whole("seed", 0, 0, SEEDS) : ThreadLocalRandom.current().nextLong(1L << 31);
        boolean stream = asked.stream();
        int partials = asked.partials();
        List<Job> made = new ArrayList<>();
        try {
            for (int i = 0; i < asked.count(); i++) made.add(jobs.submit(model.kind(), seeded(request, seed + i), ctx.ip()));
            if (stream) OpenAiStream.send(ctx, jobs, answer, made, seed, partials, event);
            else if (awaited(ctx, made)) Reply.json(ctx, answer.whole(made, seed));
        } finally {
            for (Job job : made) if (!job.ended()) jobs.cancel(job);
        }
    }

    private boolean awaited(Context ctx, List<Job> made) {
        for (Job job : made) {
            if (!Client.await(ctx, jobs, job)) return false;
            OpenAiAnswer.check(job);
        }
        return true;
    }

    private static ObjectNode seeded(ObjectNode request, long seed) {
        ObjectNode one = request.deepCopy();
        if (one.get("how") instanceof ObjectNode how) how.put("seed", seed);
        else one.put("seed", seed);
        return one;
    }
}
