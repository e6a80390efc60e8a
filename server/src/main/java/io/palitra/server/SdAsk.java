package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * What a body of txt2img or img2img asks for. It is read whole before anything waits in the queue: what is not done here is refused by its
 * field where it would change the picture, and else named among what is ignored.
 *
 * @param batch pictures of one job
 * @param rounds jobs one after the other
 * @param width pixels; 0 = the model's own, or those of the picture to change
 * @param sampler as PaintRequest has it, empty = the model's own
 * @param change the picture to change; null = none
 * @param task how its progress is asked for
 * @param ignored names of what was asked for and changes nothing
 * @param echo the body, with what was left out, without the pictures
 */
record SdAsk(SdStore.Model model, String prompt, String negative, long seed, int batch, int rounds, int steps, double guidance, int width,
        int height, String sampler, double eta, int clipSkip, @Nullable SdChange change, String task,
        boolean sends, List<String> ignored, List<String> warnings, ObjectNode echo) {
    /** Of one request. */
    static final int MOST = 64;
    private static final String SAMPLER = "sampler_name", STRENGTH = "denoising_strength", SIDE_BY = "width";
    /** Of no effect unless others are asked for, which are refused; or about files that this server does not write. */
    private static final List<String> IDLE = List.of("subseed", "seed_resize_from_h", "seed_resize_from_w", "script_args", "hr_scale",
        "hr_upscaler", "hr_second_pass_steps", "hr_resize_x", "hr_resize_y", "hr_checkpoint_name", "hr_sampler_name", "hr_scheduler",
        "hr_prompt", "hr_negative_prompt", "firstphase_width", "firstphase_height", "refiner_switch_at", "s_tmax", "s_tmin",
        "do_not_save_samples", "do_not_save_grid", "disable_extra_networks", "use_deprecated_controlnet", "save_images", "comments",
        "inpaint_full_res_padding", "image_cfg_scale", "resize_mode", "include_init_images", "mask_blur_x", "mask_blur_y",
        "inpainting_fill", "inpaint_full_res", "inpainting_mask_invert", "initial_noise_multiplier", "mask_blur", "mask",
        "override_settings_restore_afterwards", STRENGTH, "sampler_index", "save_mask_composite");

    /** @throws Refused for a value that cannot be, a name that is none, and what is not done here */
    static SdAsk of(SdBody body, boolean changes, SdOptions options) {
        body.know(IDLE);
        refuse(body);
        List<String> ignored = new ArrayList<>(), warnings = new ArrayList<>();
        SdOptions.Chosen chosen = options.chosen(body.object("override_settings"), !body.flag("override_settings_restore_afterwards", true),
            ignored);
        boolean paints = chosen.model().paints();
        String prompt = body.text("prompt", ""), negative = body.text("negative_prompt", "");
        long seed = body.whole("seed", -1, -1, Long.MAX_VALUE);
        int batch = (int) body.whole("batch_size", 1, 1, MOST), rounds = (int) body.whole("n_iter", 1, 1, MOST);
        if (batch * rounds > MOST) throw SdBody.wrong("n_iter", "times batch_size must be at most " + MOST);
        int steps = (int) body.whole("steps", 50, 1, 1000);
        double guidance = body.number("cfg_scale", 7, 0, 100), eta = body.number("eta", 0, 0, 1);
        int width = (int) body.whole(SIDE_BY, 0, 0, 8192), height = (int) body.whole("height", 0, 0, 8192);
        String sampler = SdSamplers.named(body.text(SAMPLER, body.text("sampler_index", "")), body.text("scheduler", ""));
        if (!paints) {
            if (prompt.isBlank()) throw SdBody.wrong("prompt", "is empty: " + chosen.model().name() + " draws what the words say");
            if (changes) {
                throw new Refused(422, "no_paint_model", "init_images", "a picture is changed by a model that paints, and "
                    + chosen.model().name() + " does not: override_settings.sd_model_checkpoint names one of GET /sdapi/v1/sd-models");
            }
            for (String key : List.of("negative_prompt", "steps", "cfg_scale", SAMPLER, "sampler_index", "scheduler", "eta")) {
                if (body.has(key) && !body.node(key).asText().isEmpty()) ignored.add(key);
            }
            if (chosen.clipSkip() > 1) ignored.add(SdOptions.SKIP);
        } else if (eta > 0 && !sampler.startsWith("DDIM")) {
            ignored.add("eta");   // of ancestral samplers 1 is what they are
        }
        if (body.flag("save_images", false)) ignored.add("save_images");
        String task = body.text("force_task_id", body.text("id_task", ""));
        if (!task.matches("[\\w().:-]{0,100}")) throw SdBody.wrong("force_task_id", "has at most 100 letters, digits and ( ) . : - _");
        boolean sends = body.flag("send_images", true);
        SdChange change = changes ? SdChange.of(body, width, height, warnings) : null;
        ignored.addAll(body.unread());
        long first = seed < 0 ? ThreadLocalRandom.current().nextLong(1L << 32) : seed;
        ObjectNode echo = echo(body, changes, body.flag("include_init_images", false));
        return new SdAsk(chosen.model(), prompt, negative, first, batch, rounds, steps, guidance, width, height, sampler,
            sampler.startsWith("DDIM") ? eta : 0, chosen.clipSkip() > 1 ? chosen.clipSkip() : 0, change, task, sends,
            ignored.stream().map(SdAsk::word).toList(), warnings, echo);
    }

    private static String word(String key) { return key.length() <= 60 ? key : key.substring(0, 60) + "..."; }

    /** What other servers of this API do, and this one does not. */
    private static void refuse(SdBody body) {
        no(body.flag("enable_hr", false), "enable_hr", "a second pass in a larger size is not done: width and height are what is painted");
        no(body.flag("restore_faces", false), "restore_faces", "faces are not restored");
        no(body.flag("tiling", false), "tiling", "pictures that tile are not made");
        no(body.number("subseed_strength", 0, 0, 1) > 0, "subseed_strength", "seeds are not mixed");
        no(body.whole("seed_resize_from_w", 0, -1, 1 << 20) > 0 && body.whole("seed_resize_from_h", 0, -1, 1 << 20) > 0,
            "seed_resize_from_w", "noise of another size is not resized");
        no(body.number("s_churn", 0, 0, 1e9) > 0, "s_churn", "no noise is added on the way; DDIM's eta does");
        no(body.number("s_min_uncond", 0, 0, 1e9) > 0, "s_min_uncond", "guidance is never skipped");
        no(body.number("s_noise", 1, 0, 1e9) != 1, "s_noise", "noise has its own strength, 1");
        no(!body.text("refiner_checkpoint", "").matches("|None"), "refiner_checkpoint", "no second model takes over in this API; a job of "
            + "POST /v1/jobs has switchTo");
        no(!body.text("script_name", "").matches("|None"), "script_name", "there are no scripts");
        no(!body.text("infotext", "").isEmpty(), "infotext", "settings are not read from a text; send them as fields");
        no(filled(body.node("styles")), "styles", "there are no styles; write their words into the prompt");
        no(filled(body.node("latent_mask")), "latent_mask", "a mask of latents is not used; mask is");
        no(filled(body.node("controlnet_units")), "controlnet_units", "there is no ControlNet");
        for (var e : body.object("alwayson_scripts").json().properties()) {
            no(filled(e.getValue().path("args")), "alwayson_scripts", "there are no scripts, and so not '" + word(e.getKey()) + "'");
        }
    }

    private static boolean filled(JsonNode node) { return node.isTextual() ? !node.textValue().isEmpty() : node.size() > 0; }

    private static void no(boolean asked, String field, String why) {
        if (asked) throw new Refused(422, "not_supported", field, field + ": " + why);
    }

    /** Pictures are sent back only where they are asked for: they are as large as the answer. */
    private static ObjectNode echo(SdBody body, boolean changes, boolean pictures) {
        ObjectNode all = Job.JSON.createObjectNode();
        all.put("prompt", "").put("negative_prompt", "").put("seed", -1).put("subseed", -1).put("subseed_strength", 0)
            .put("seed_resize_from_h", -1).put("seed_resize_from_w", -1).putNull(SAMPLER).putNull("scheduler").put("batch_size", 1)
            .put("n_iter", 1).put("steps", 50).put("cfg_scale", 7.0).put(SIDE_BY, 512).put("height", 512).put("restore_faces", false)
            .put("tiling", false).put("do_not_save_samples", false).put("do_not_save_grid", false).putNull("eta");
        if (changes) all.put(STRENGTH, 0.75);
        else all.putNull(STRENGTH);
        all.putObject("override_settings");
        all.put("override_settings_restore_afterwards", true).put("send_images", true).put("save_images", false);
        all.putObject("alwayson_scripts");
        if (changes) all.put("resize_mode", 0).put("inpainting_fill", 0).put("inpaint_full_res", true).put("inpainting_mask_invert", 0);
        all.setAll(body.json());
        if (!changes || pictures) return all;
        all.putNull("init_images");
        return all.putNull("mask");
    }

    /** The request of the round's job, as POST /v1/jobs takes it. */
    ObjectNode job(int round, SdChange.@Nullable Kept kept) {
        if (!model.paints()) return model.draw(prompt, seed + round);
        ObjectNode node = Job.JSON.createObjectNode().put("prompt", prompt).put("negative", negative).put("model", model.name());
        ObjectNode how = node.putObject("how");
        how.put("n", batch).put("width", width).put("height", height).put("steps", steps).put("guidance", guidance)
            .put("sampler", sampler).put("eta", eta).put("seed", seed + (long) round * batch).put("clipSkip", clipSkip);
        if (kept != null) kept.into(node);
        return node;
    }

    int jobs() { return model.paints() ? rounds : rounds * batch; }

    int pictures() { return rounds * batch; }
}
