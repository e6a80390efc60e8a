package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Settings that hold until the server ends, of all callers, and those that one request brings. Two of them do something: the model, and the
 * layer of the text encoder. Any thread may call.
 */
final class SdOptions {
    static final String MODEL = "sd_model_checkpoint", VAE = "sd_vae", SKIP = "CLIP_stop_at_last_layers";
    /** Keys about files, previews and other programs' noise: no picture is another one for the model because of them. */
    private static final String TRIFLES = "(samples|grid|save|outdir|directories|show_progress|live_preview|return_|do_not_|img2img_"
        + "|upscal|eta_noise|enable_pnginfo|filter_nsfw|send_|randn_|jpeg|webp|export|add_model|progressbar|token_merging).*";
    private static final Set<String> OWN_VAE = Set.of("", "Automatic", "None", "automatic", "none");

    private final SdStore store;
    private volatile String model = "";
    private volatile int skip = 1;

    SdOptions(SdStore store) { this.store = store; }

    /** What a request asks for by its own settings, else by those of the server. */
    record Chosen(SdStore.Model model, int clipSkip) {}

    /** @param ignored gets what is named there and changes nothing */
    Chosen chosen(SdBody override, boolean keep, List<String> ignored) {
        String asked = override.text(MODEL, model);
        int layer = (int) override.whole(SKIP, skip, 1, 12);
        vae(override);
        for (String key : override.unread()) {
            if (!key.matches(TRIFLES)) {
                throw new Refused(422, "not_supported", "override_settings", not(key));
            }
            ignored.add("override_settings." + key);
        }
        SdStore.Model found = found(asked);
        if (keep) {
            model = asked.isEmpty() ? "" : found.name();
            skip = layer;
        }
        return new Chosen(found, layer);
    }

    /** The model that serves where none is asked for, or the one asked for. @throws Refused 404 where there is none */
    SdStore.Model found(String asked) {
        List<SdStore.Model> all = store.models();
        if (asked.isEmpty() && !all.isEmpty()) return all.get(0);
        return store.model(asked).orElseThrow(() -> new Refused(404, "no_such_model", MODEL, "Model not found; there are "
            + String.join(", ", all.stream().map(SdStore.Model::name).toList())));
    }

    private static void vae(SdBody body) {
        if (!OWN_VAE.contains(body.text(VAE, ""))) {
            throw new Refused(404, "no_such_model", VAE, "VAE not found: a model has its own here, Automatic");
        }
    }

    /**
     * Sets what is sent; what is sent back as it was read, as clients do that read all of it, is let through.
     *
     * @return what was sent and changes nothing
     */
    List<String> set(SdBody sent) {
        List<String> ignored = new ArrayList<>();
        String asked = sent.text(MODEL, model);
        int layer = (int) sent.whole(SKIP, skip, 1, 12);
        vae(sent);
        ObjectNode now = toJson();
        for (String key : sent.unread()) {
            JsonNode is = now.path(key);
            if (is.equals(sent.json().path(key))) continue;
            if (!key.matches(TRIFLES)) {
                throw new Refused(422, "not_supported", word(key), not(key));
            }
            ignored.add(key);
        }
        model = asked.isEmpty() ? "" : found(asked).name();
        skip = layer;
        return ignored;
    }

    private static String not(String key) { return "'" + word(key) + "' cannot be set here; " + MODEL + " and " + SKIP + " can"; }

    private static String word(String key) { return key.length() <= 60 ? key : key.substring(0, 60) + "..."; }

    ObjectNode toJson() {
        ObjectNode node = Job.JSON.createObjectNode();
        SdStore.Model now = found(model);
        node.put(MODEL, now.title()).put("sd_checkpoint_hash", now.sha256()).put(VAE, "Automatic").put(SKIP, skip);
        Map.of("samples_save", true, "enable_pnginfo", true, "save_images_add_number", true, "live_previews_enable", true)
            .entrySet().stream().sorted(Map.Entry.comparingByKey()).forEach(e -> node.put(e.getKey(), e.getValue()));
        return node.put("samples_format", "png").put("grid_save", false).put("show_progress_type", "Full");
    }
}
