package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.palitra.data.FormatException;
import io.palitra.job.PictureSettings;
import io.palitra.report.Png;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** Pictures handed in, with what their text says of how they were made. The text is a stranger's: it is data, and opens nothing. */
final class UploadRoutes implements Routes {
    /** Uploads in memory at once. */
    private static final int AT_ONCE = 4;
    private static final int WAIT_SECONDS = 10;
    private static final int LONGEST_TEXT = 64 << 10, MOST_TEXTS = 64;

    private final Uploads uploads;
    private final Places places;
    private final Jobs jobs;
    private final Semaphore room = new Semaphore(AT_ONCE);

    UploadRoutes(Uploads uploads, Places places, Jobs jobs) {
        this.uploads = uploads;
        this.places = places;
        this.jobs = jobs;
    }

    @Override public void add(RoutesConfig to) {
        to.post("/v1/uploads", this::create);
        to.get("/v1/uploads/{id}", this::picture);
    }

    private void create(Context ctx) throws IOException, InterruptedException {
        String asked = ctx.queryParam("mask");
        boolean mask = "true".equals(asked);
        if (asked != null && !mask && !asked.equals("false")) throw new Refused(422, "bad_request", "mask", "mask must be true or false");
        byte[] bytes = Bodies.read(ctx, Uploads.MOST_BYTES);
        String type = String.valueOf(ctx.contentType()).replaceFirst(";.*", "").strip().toLowerCase(Locale.ROOT);
        if (!room.tryAcquire(WAIT_SECONDS, TimeUnit.SECONDS)) throw new Refused(503, "busy", "", "other uploads are being read", 5);
        try {
            uploads.sweep(jobs.room() / 2, jobs::uses);
            boolean png = type.equals("image/png");
            Uploads.Upload upload = uploads.add(bytes, type, mask);
            jobs.makeRoom();
            ObjectNode node = Job.JSON.createObjectNode().put("id", upload.id()).put("width", upload.width())
                .put("height", upload.height());
            Optional<Map<String, String>> text = png ? text(bytes) : Optional.of(Map.of());
            describe(text.orElse(Map.of()), node);
            if (text.isEmpty()) node.put("textDamaged", true);
            if (!upload.notes().isEmpty()) upload.notes().forEach(line -> node.withArray("notes").add(Language.words(ctx).say(line)));
            ctx.status(201).header("Location", "/v1/uploads/" + upload.id());
            Reply.json(ctx, node);
        } finally {
            room.release();
        }
    }

    /** Of a PNG whose pixels are good; empty where its text is damaged. */
    private static Optional<Map<String, String>> text(byte[] png) {
        try {
            return Optional.of(Png.text(png));
        } catch (FormatException e) {
            return Optional.empty();
        }
    }

    private void describe(Map<String, String> text, ObjectNode node) {
        PictureSettings.of(text).ifPresent(s -> {
            ObjectNode settings = node.putObject("settings").put("program", s.program()).put("kind", s.kind());
            ObjectNode request = s.request().deepCopy();
            List<String> not = new ArrayList<>(s.not());
            known(request, not);
            settings.set("request", request);
            not.forEach(settings.putArray("not")::add);
        });
        ObjectNode all = node.putObject("text");
        List<String> cut = new ArrayList<>();
        text.forEach((key, value) -> {
            boolean whole = value.length() <= LONGEST_TEXT && all.size() < MOST_TEXTS;
            if (all.size() < MOST_TEXTS) all.put(key, whole ? value : value.substring(0, LONGEST_TEXT));
            if (!whole) cut.add(key);
        });
        if (!cut.isEmpty()) cut.stream().limit(MOST_TEXTS).forEach(node.putArray("cut")::add);
    }

    /** Takes out of a request what names nothing here, and says so. */
    private void known(ObjectNode request, List<String> not) {
        List<String> models = places.models();
        for (String key : List.of("model", "run", "vqgan", "clip")) {
            if (!request.has(key)) continue;
            String name = request.path(key).asText();
            Optional<String> here = here(name, models);
            if (here.isPresent()) request.put(key, here.get());
            else leave(request, key, key + " " + name, not);
        }
        for (String key : List.of("image", "mask")) {
            if (!request.has(key)) continue;
            String name = request.path(key).asText(), id = name.replaceFirst("\\.png$", "");
            if (uploads.named(id).isPresent()) request.put(key, id);
            else leave(request, key, key + " " + name, not);
        }
        if (!request.has("image")) {
            for (String key : List.of("strength", "outpaint", "mask", "maskBlur")) if (request.has(key)) leave(request, key, key, not);
        }
        if (request.has("targets")) leave(request, "targets", "targets " + request.path("targets").asText(), not);
        if (request.has("lora")) loras(request, not);
        if (request.has("switchTo")) {
            String at = request.path("switchTo").asText();
            Optional<String> here = here(at.replaceFirst("@[^@]*$", ""), models);
            if (here.isPresent() && at.contains("@")) request.put("switchTo", here.get() + at.substring(at.lastIndexOf('@')));
            else leave(request, "switchTo", "switchTo " + at, not);
        }
    }

    private void loras(ObjectNode request, List<String> not) {
        List<String> known = places.loras();
        ArrayNode kept = Job.JSON.createArrayNode();
        for (JsonNode item : request.path("lora")) {
            String weighed = item.asText(), name = weighed.substring(0, weighed.lastIndexOf(':'));
            Optional<String> here = here(name, known);
            here.ifPresentOrElse(k -> kept.add(k + weighed.substring(name.length())), () -> not.add("lora " + weighed));
        }
        request.remove("lora");
        if (!kept.isEmpty()) request.set("lora", kept);
    }

    /** As a name is known here: as it is, or but for the ending of a file. */
    private static Optional<String> here(String name, List<String> known) {
        return known.stream().filter(name::equals).findFirst()
            .or(() -> known.stream().filter(k -> plain(k).equals(plain(name))).findFirst());
    }

    private static String plain(String model) { return model.replaceFirst("\\.(safetensors|ckpt)$", ""); }

    private static void leave(ObjectNode request, String key, String what, List<String> not) {
        request.remove(key);
        not.add(what);
    }

    private void picture(Context ctx) throws IOException {
        Path file = uploads.named(ctx.pathParam("id")).orElseThrow(() -> new Refused(404, "no_such_upload", "id",
            "there is no upload of that id; uploads are kept for a day"));
        ctx.contentType("image/png").header("Content-Disposition", "inline").header("Cache-Control", "private, max-age=86400, immutable");
        ctx.result(Files.newInputStream(file));
    }
}
