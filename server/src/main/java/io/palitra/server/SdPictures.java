package io.palitra.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.http.Context;
import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.job.Program;
import io.palitra.report.Parameters;
import io.palitra.report.Png;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** txt2img and img2img: jobs are handed in, waited for on the caller's thread of Jetty, and their files answered. */
final class SdPictures {
    /** Jobs of one request that wait at once. */
    private static final int AHEAD = 8;
    /** Of a picture of a model that draws one size alone, where none is asked for. */
    private static final int SIDE = 512;

    private final Jobs jobs;
    private final SdStore store;
    private final SdOptions options;
    private final SdTasks tasks;

    SdPictures(Jobs jobs, SdStore store, SdOptions options, SdTasks tasks) {
        this.jobs = jobs;
        this.store = store;
        this.options = options;
        this.tasks = tasks;
    }

    /** One that is there. @param text what its PNG carries for other tools */
    private record Made(byte[] png, long seed, String text, int width, int height) {}

    void answer(Context ctx, boolean changes) throws IOException {
        SdAsk ask = SdAsk.of(SdBody.of(ctx), changes, options);
        SdChange.Kept kept = ask.change() == null ? null : ask.change().keep(store);
        List<Job> done;
        try (SdTasks.Task task = tasks.begin(ask.task(), ctx.ip(), ask.jobs())) {
            Optional<List<Job>> all = run(ctx, ask, kept, task);
            if (all.isEmpty()) return;   // nobody waits for an answer
            done = all.get();
            if (task.interrupted()) ask.warnings().add("interrupted: pictures that were finished before are here");
            else if (task.skipped()) ask.warnings().add("skipped: a picture is left out");
            Reply.json(ctx, answer(ask, done, task.stamp()));
        }
    }

    /** Empty when who asked is gone. @throws Refused with the fault of the first job that failed */
    private Optional<List<Job>> run(Context ctx, SdAsk ask, SdChange.@Nullable Kept kept, SdTasks.Task task) {
        List<Job> all = new ArrayList<>();
        int given = 0;
        try {
            for (int i = 0; i < ask.jobs() && !task.interrupted(); i++) {
                for (; given < Math.min(ask.jobs(), i + AHEAD) && !task.interrupted(); given++) {
                    Job job = jobs.submit(ask.model().paints() ? "paint" : "draw", ask.job(given, kept), ctx.ip());
                    all.add(job);
                    task.add(job);
                }
                if (i == all.size()) break;
                Job job = all.get(i);
                if (!Client.await(ctx, jobs, job)) return Optional.empty();
                if (job.status() == Job.Status.FAILED) throw failed(job);
            }
            return Optional.of(all);
        } finally {
            all.stream().filter(j -> !j.ended()).forEach(jobs::cancel);
        }
    }

    private static Refused failed(Job job) {
        ObjectNode node = job.toJson(-1);
        String code = node.path("error").path("code").asText("failed");
        return new Refused(code.equals("failed") ? 500 : 422, code, node.path("error").path("field").asText(),
            node.path("error").path("message").asText());
    }

    private ObjectNode answer(SdAsk ask, List<Job> done, String stamp) throws IOException {
        List<Made> made = new ArrayList<>();
        Set<String> notes = new LinkedHashSet<>(ask.warnings());
        Set<String> drawn = new LinkedHashSet<>();
        for (int i = 0; i < done.size(); i++) {
            Job job = done.get(i);
            long seed = ask.seed() + (ask.model().paints() ? (long) i * ask.batch() : i);
            notes.addAll(job.notes());
            for (String file : job.files) {
                if (!file.endsWith(".png")) continue;
                byte[] png = Files.readAllBytes(job.folder.resolve(file));
                made.add(ask.model().paints() ? painted(png, seed++) : enlarged(png, seed, ask, drawn));
            }
        }
        ObjectNode node = Job.JSON.createObjectNode();
        ArrayNode images = node.putArray("images");
        if (ask.sends()) made.forEach(m -> images.add(Base64.getEncoder().encodeToString(m.png)));
        node.set("parameters", ask.echo());
        return node.put("info", info(ask, made, notes, drawn, stamp).toString());
    }

    private static Made painted(byte[] png, long seed) {
        Picture p = Pictures.read(png, "the picture", Limits.DEFAULT);
        return new Made(png, seed, Png.text(png).getOrDefault(Parameters.KEY, ""), p.width(), p.height());
    }

    /** In the size that is asked for; its text tells the words, which of such a model is not in the file. @param drawn gets its own size */
    private static Made enlarged(byte[] png, long seed, SdAsk ask, Set<String> drawn) {
        Picture p = Pictures.read(png, "the picture", Limits.DEFAULT);
        int width = ask.width() > 0 ? ask.width() : SIDE, height = ask.height() > 0 ? ask.height() : SIDE;
        drawn.add(p.width() + "x" + p.height());
        Map<String, String> text = new LinkedHashMap<>(Png.text(png));
        Map<String, String> values = new LinkedHashMap<>(Parameters.parse(text.getOrDefault(Parameters.KEY, "")).values());
        values.put("Size", width + "x" + height);
        values.put("Drawn size", p.width() + "x" + p.height());
        String told = new Parameters(ask.prompt(), "", values).format();
        text.put(Parameters.KEY, told);
        return new Made(Png.encode(Area.resize(p, height, width), text), seed, told, width, height);
    }

    private ObjectNode info(SdAsk ask, List<Made> made, Set<String> notes, Set<String> drawn, String stamp) {
        Map<String, String> values = made.isEmpty() ? new LinkedHashMap<>() : Parameters.parse(made.get(0).text).values();
        ObjectNode node = Job.JSON.createObjectNode().put("prompt", ask.prompt());
        made.forEach(m -> node.withArray("all_prompts").add(ask.prompt()));
        node.put("negative_prompt", ask.negative());
        made.forEach(m -> node.withArray("all_negative_prompts").add(ask.negative()));
        node.put("seed", ask.seed());
        made.forEach(m -> node.withArray("all_seeds").add(m.seed));
        node.put("subseed", ask.seed());
        made.forEach(m -> node.withArray("all_subseeds").add(m.seed));
        node.put("subseed_strength", 0).put("width", made.isEmpty() ? ask.width() : made.get(0).width)
            .put("height", made.isEmpty() ? ask.height() : made.get(0).height)
            .put("sampler_name", values.getOrDefault("Sampler", ask.sampler())).put("cfg_scale", ask.guidance())
            .put("steps", ask.steps()).put("batch_size", ask.batch()).put("restore_faces", false).putNull("face_restoration_model")
            .put("sd_model_name", ask.model().name()).put("sd_model_hash", values.getOrDefault("Model hash", ask.model().shortHash()))
            .putNull("sd_vae_name").putNull("sd_vae_hash").put("seed_resize_from_w", -1).put("seed_resize_from_h", -1);
        if (ask.change() == null) node.putNull("denoising_strength");
        else node.put("denoising_strength", ask.change().strength());
        ObjectNode more = node.putObject("extra_generation_params");
        if (!drawn.isEmpty()) more.put("Drawn size", String.join(", ", drawn));
        if (!ask.ignored().isEmpty()) ask.ignored().forEach(more.withArray("ignored")::add);
        if (!notes.isEmpty()) notes.forEach(more.withArray("warnings")::add);
        node.put("index_of_first_image", 0);
        ArrayNode texts = node.putArray("infotexts");
        made.forEach(m -> texts.add(m.text));
        node.putArray("styles");
        for (String key : List.of("all_prompts", "all_negative_prompts", "all_seeds", "all_subseeds")) node.withArray(key);
        return node.put("job_timestamp", stamp).put("clip_skip", Math.max(1, ask.clipSkip()))
            .put("is_using_inpainting_conditioning", false).put("version", "Palitra " + Program.version());
    }

    /** What POST /png-info answers. @throws Refused for what is no picture */
    static ObjectNode text(byte[] picture) {
        ObjectNode node = Job.JSON.createObjectNode().put("info", "");
        ObjectNode items = node.putObject("items"), parameters = node.putObject("parameters");
        boolean png = picture.length > 8 && picture[0] == (byte) 0x89 && picture[1] == 'P';
        if (!png) {
            Pictures.read(picture, "image", Limits.DEFAULT);   // of other pictures it is known that they are one
            return node;
        }
        Map<String, String> text = Png.text(picture);
        String told = text.getOrDefault(Parameters.KEY, "");
        text.forEach((key, value) -> { if (!key.equals(Parameters.KEY)) items.put(key, value); });
        if (told.isEmpty()) return node;
        Parameters p = Parameters.parse(told);
        parameters.put("Prompt", p.prompt()).put("Negative prompt", p.negativePrompt());
        p.values().forEach((key, value) -> {
            String[] size = value.split("x", 2);
            if (size.length == 2 && value.matches("\\d+x\\d+")) parameters.put(key + "-1", size[0]).put(key + "-2", size[1]);
            else parameters.put(key, value);
        });
        return node.put("info", told);
    }
}
