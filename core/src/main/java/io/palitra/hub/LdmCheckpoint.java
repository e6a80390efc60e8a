package io.palitra.hub;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Notes;
import io.palitra.config.Ordered;
import io.palitra.data.FormatException;
import io.palitra.engine.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * Stable Diffusion 1, 2 and XL as their makers publish them, in one file under the names of the latent diffusion code (Rombach et al.
 * 2022, arXiv:2112.10752; Podell et al. 2023, arXiv:2307.01952), as what diffusers and transformers call the same networks. Sizes are
 * those of the tensors; what no tensor determines is as in all published models: norms of 32 groups, 8 heads in the U-Net of Stable
 * Diffusion 1 and heads of 64 numbers elsewhere, the noise schedule.
 *
 * @param index {@code model_index.json}
 * @param scheduler {@code scheduler/scheduler_config.json}
 * @param parts networks by the folder they belong in
 * @param tokenizers for each folder of a tokenizer, which no such file holds, the token that its texts are filled up with
 */
public record LdmCheckpoint(Kind kind, ObjectNode index, ObjectNode scheduler, Map<String, Part> parts, Map<String, String> tokenizers) {
    /** The model whose tokenizer these checkpoints are made for: they hold none. */
    public static final String TOKENIZER = "openai/clip-vit-large-patch14";
    /** The command that downloads it. */
    public static final String TOKENIZER_PULL = "palitra pull " + TOKENIZER + " --include '*.json' --include merges.txt";

    /** The models, by their text encoders. */
    public enum Kind {
        SD1("Stable Diffusion 1"), SD2("Stable Diffusion 2"), XL("Stable Diffusion XL"), XL_REFINER("the refiner of Stable Diffusion XL");

        private final String title;

        Kind(String title) { this.title = title; }

        private boolean xl() { return this == XL || this == XL_REFINER; }

        @Override public String toString() { return title; }
    }

    /** What the U-Net was trained to predict: the noise, or Salimans and Ho's v (2022, arXiv:2202.00512). */
    public enum Prediction { EPSILON, V_PREDICTION }

    /**
     * A network.
     *
     * @param config {@code config.json}
     * @param file the name of its weights
     * @param tensors those of the checkpoint or views of them, in the innermost scope
     */
    public record Part(ObjectNode config, String file, Map<String, Tensor> tensors) {}

    private static final String UNET = "model.diffusion_model.", VAE = "first_stage_model.", TEXT = "cond_stage_model.",
        TEXTS = "conditioner.embedders.", AVERAGED = "model_ema.";
    private static final String END = "<|endoftext|>", EXCLAMATION = "!";
    /** Tensors that are ignored: of training, tables, and what these models do not use. */
    private static final Pattern PASSED_OVER = Pattern.compile("model_ema\\..*|betas|((sqrt_|log_)?(one_minus_|recip_|recipm1_)?)"
        + "alphas_cumprod(_prev)?|posterior_(variance|log_variance_clipped|mean_coef[12])|lvlb_weights|logvar|scale_factor"
        + "|denoiser\\.(log_)?sigmas|first_stage_model\\.(loss|model_ema)\\..*|(.*\\.)?(position_ids|logit_scale|attn_mask)"
        + "|(cond_stage_model|conditioner\\.embedders\\.0)\\.transformer\\.text_projection\\.weight");

    /**
     * Tensors that change the picture, and cannot be ignored: another range of noise (EDM's, with v or with a mean), a further input of the
     * U-Net, and layers within a network.
     */
    private static final Pattern MEANS = Pattern.compile("edm_.*|embedder\\..*|noise_augmentor\\..*"
        + "|model\\.diffusion_model\\.(input_blocks|middle_block|output_blocks|label_emb|time_embed|input_hint_block|out)\\..*"
        + "|first_stage_model\\.(encoder|decoder|quant_conv|post_quant_conv|quantize)\\..*"
        + "|(cond_stage_model|conditioner\\.embedders\\.\\d)\\.(transformer\\.(text_model\\.)?(embeddings|encoder|final_layer_norm)"
        + "|model\\.(transformer|token_embedding|ln_final))\\..*");

    /** Whether a tensor, by its name in the file, goes into that part. */
    static boolean goesInto(String part, String name) {
        return switch (part) {
            case "unet" -> name.startsWith(UNET);
            case "vae" -> name.startsWith(VAE);
            default -> name.startsWith(TEXT) || name.startsWith(TEXTS);
        };
    }

    /** Whether these are the names of a checkpoint of latent diffusion, of whichever model. */
    public static boolean recognises(Map<String, Tensor> tensors) {
        return tensors.keySet().stream().anyMatch(name -> name.startsWith(UNET));
    }

    /**
     * The networks in a checkpoint.
     *
     * @param file where the tensors are from, for errors
     * @param averaged takes the averaged weights of the U-Net, which some files hold in addition
     * @param asked empty = noise, but v for Stable Diffusion 2 (not its inpainting) and where a tensor {@code v_pred} marks it: the weights
     *     of Stable Diffusion 2 for 512 pixels (noise) and for 768 (v) look the same, and converters take the latter
     * @param warn receives a line about tensors that belong to no network here and change none; they are ignored as in diffusers
     * @throws FormatException that names a tensor that is missing, of a shape that cannot be, or not known where it would change the
     *     picture
     */
    public static LdmCheckpoint of(String file, Map<String, Tensor> tensors, boolean averaged, Optional<Prediction> asked,
            Consumer<String> warn) {
        NavigableMap<String, Tensor> left = new TreeMap<>(tensors);
        if (averaged) average(file, left);
        left.keySet().removeIf(name -> PASSED_OVER.matcher(name).matches());
        boolean marked = left.remove("v_pred") != null, zeroSnr = left.remove("ztsnr") != null;
        Kind kind = kind(file, left);
        Map<String, Part> parts = new LinkedHashMap<>();
        LdmPart vae = new LdmPart(file, VAE, left);
        ObjectNode vaeConfig = vae.autoencoder();
        LdmPart unet = new LdmPart(file, UNET, left);
        ObjectNode unetConfig = unet.unet(kind == Kind.SD1, kind.xl());
        parts.put("unet", new Part(unetConfig, "diffusion_pytorch_model.safetensors", unet.tensors()));
        parts.put("vae", new Part(vaeConfig, "diffusion_pytorch_model.safetensors", vae.tensors()));
        texts(file, kind, left, parts);
        left.keySet().stream().filter(name -> MEANS.matcher(name).matches()).findFirst().ifPresent(name -> {
            throw wrong(file, "tensor '" + name + "' is none of " + kind + ", and changes what the model draws");
        });
        if (!left.isEmpty()) warn.accept(file + ": passed over, " + kind + " has no such tensors: " + Notes.some(left.keySet()));

        boolean inpaints = inpaints(file, unetConfig.path("in_channels").asInt(), vaeConfig.path("latent_channels").asInt());
        Prediction prediction = asked.orElse(marked || kind == Kind.SD2 && !inpaints ? Prediction.V_PREDICTION : Prediction.EPSILON);
        boolean v = prediction == Prediction.V_PREDICTION;
        int pixels = kind.xl() ? 1024 : kind == Kind.SD2 && v ? 768 : 512;
        unetConfig.put("sample_size", pixels / 8).put("upcast_attention", kind == Kind.SD2 && v);
        vaeConfig.put("sample_size", pixels).put("scaling_factor", kind.xl() ? 0.13025 : 0.18215).put("force_upcast", true);
        fit(file, kind, unetConfig, unet.tensors(), parts);
        return new LdmCheckpoint(kind, index(kind, inpaints, v), scheduler(kind, prediction, zeroSnr), parts, tokenizers(kind));
    }

    private static FormatException wrong(String file, String message) { return new FormatException(file, -1, message); }

    /** The code names averaged weights by their names without dots. */
    private static void average(String file, NavigableMap<String, Tensor> left) {
        for (String name : new ArrayList<>(left.tailMap(UNET).keySet())) {
            if (!name.startsWith(UNET)) break;
            String own = AVERAGED + name.substring("model.".length()).replace(".", "");
            Tensor t = left.get(own);
            if (t == null) throw wrong(file, "has no averaged weights: no tensor '" + own + "'");
            left.put(name, t);
        }
    }

    private static Kind kind(String file, NavigableMap<String, Tensor> left) {
        if (!LdmPart.any(left, UNET + "input_blocks.0.0.")) {
            throw wrong(file, "is not of Stable Diffusion 1, 2 or XL: it has no " + UNET + "input_blocks.0.0.weight");
        }
        if (!LdmPart.any(left, VAE)) throw wrong(file, "holds no autoencoder: it has no tensor " + VAE + "*");
        if (LdmPart.any(left, TEXTS + "0.transformer.")) return Kind.XL;
        if (LdmPart.any(left, TEXTS + "0.model.")) return Kind.XL_REFINER;
        if (LdmPart.any(left, TEXT + "model.")) return Kind.SD2;
        if (LdmPart.any(left, TEXT + "transformer.")) return Kind.SD1;
        throw wrong(file, "holds no text encoder: it has no tensor " + TEXT + "transformer.*, " + TEXT + "model.* or " + TEXTS + "0.*");
    }

    private static void texts(String file, Kind kind, NavigableMap<String, Tensor> left, Map<String, Part> parts) {
        if (kind != Kind.XL_REFINER) {
            LdmPart text = new LdmPart(file, kind == Kind.SD2 ? TEXT + "model." : (kind == Kind.XL ? TEXTS + "0." : TEXT) + "transformer.",
                left);
            ObjectNode config = kind == Kind.SD2 ? text.openClip(false) : text.clip();
            parts.put("text_encoder", new Part(config, "model.safetensors", text.tensors()));
        }
        if (kind.xl()) {
            LdmPart text = new LdmPart(file, TEXTS + (kind == Kind.XL ? "1.model." : "0.model."), left);
            parts.put("text_encoder_2", new Part(text.openClip(true), "model.safetensors", text.tensors()));
        }
    }

    private static boolean inpaints(String file, int in, int latent) {
        // with the masked picture and the mask
        if (in == latent || in == 2 * latent + 1) return in != latent;
        throw wrong(file, "has a U-Net of " + in + " channels; read are those of " + latent + ", and of " + (2 * latent + 1)
            + " for inpainting");
    }

    /** U-Net and text encoders must be of each other; what is added to the time is the rest of the pooled text. */
    private static void fit(String file, Kind kind, ObjectNode unet, Map<String, Tensor> tensors, Map<String, Part> parts) {
        int width = 0, pooled = 0;
        for (Map.Entry<String, Part> e : parts.entrySet()) {
            if (e.getKey().startsWith("text")) width += e.getValue().config.path("hidden_size").asInt();
            if (e.getKey().equals("text_encoder_2")) pooled = e.getValue().config.path("projection_dim").asInt();
        }
        int wanted = unet.path("cross_attention_dim").asInt();
        if (width != wanted) throw wrong(file, "has a U-Net for texts of width " + wanted + ", its text encoders give " + width);
        if (!kind.xl()) return;
        Tensor first = tensors.get("add_embedding.linear_1.weight");
        long given = first == null || first.dims() != 2 ? 0 : first.size(1);
        // three pairs of sizes; for the refiner two, and a score
        int numbers = kind == Kind.XL ? 6 : 5;
        if (given <= pooled || (given - pooled) % numbers != 0) {
            throw wrong(file, "tensor '" + UNET + "label_emb.0.0.weight' takes " + given + " numbers, not the " + pooled
                + " of a pooled text and a multiple of " + numbers);
        }
        unet.put("addition_embed_type", "text_time").put("addition_time_embed_dim", (int) ((given - pooled) / numbers));
        unet.put("projection_class_embeddings_input_dim", (int) given);
    }

    private static ObjectNode index(Kind kind, boolean inpaints, boolean v) {
        String pipeline = (kind.xl() ? "StableDiffusionXL" : "StableDiffusion")
            + (inpaints ? "Inpaint" : kind == Kind.XL_REFINER ? "Img2Img" : "") + "Pipeline";
        ObjectNode json = JsonNodeFactory.instance.objectNode().put("_class_name", pipeline);
        none(json, "feature_extractor");
        none(json, "image_encoder");
        if (kind.xl()) json.put("force_zeros_for_empty_prompt", kind == Kind.XL);
        else json.put("requires_safety_checker", false);
        if (kind == Kind.XL_REFINER) json.put("requires_aesthetics_score", true);
        if (!kind.xl()) none(json, "safety_checker");
        entry(json, "scheduler", "diffusers", schedulerClass(kind, v));
        for (String n : kind.xl() ? List.of("", "_2") : List.of("")) {
            if (kind == Kind.XL_REFINER && n.isEmpty()) {
                none(json, "text_encoder");
                none(json, "tokenizer");
            } else {
                entry(json, "text_encoder" + n, "transformers", n.isEmpty() ? "CLIPTextModel" : "CLIPTextModelWithProjection");
                entry(json, "tokenizer" + n, "transformers", "CLIPTokenizer");
            }
        }
        entry(json, "unet", "diffusers", "UNet2DConditionModel");
        entry(json, "vae", "diffusers", "AutoencoderKL");
        return json;
    }

    private static void entry(ObjectNode json, String part, String library, String name) { json.putArray(part).add(library).add(name); }

    private static void none(ObjectNode json, String part) { json.putArray(part).addNull().addNull(); }

    private static String schedulerClass(Kind kind, boolean v) {
        return kind.xl() ? "EulerDiscreteScheduler" : v ? "DDIMScheduler" : "PNDMScheduler";
    }

    /** As the makers' own diffusers folders have it. */
    private static ObjectNode scheduler(Kind kind, Prediction prediction, boolean zeroSnr) {
        boolean v = prediction == Prediction.V_PREDICTION;
        ObjectNode json = JsonNodeFactory.instance.objectNode().put("_class_name", schedulerClass(kind, v));
        json.put("beta_end", 0.012).put("beta_schedule", "scaled_linear").put("beta_start", 0.00085);
        if (kind.xl()) json.put("interpolation_type", "linear").put("use_karras_sigmas", false);
        else if (v) json.put("clip_sample", false).put("set_alpha_to_one", false);
        else json.put("set_alpha_to_one", false).put("skip_prk_steps", true);
        json.put("num_train_timesteps", 1000).put("prediction_type", v ? "v_prediction" : "epsilon");
        if (zeroSnr && !schedulerClass(kind, v).equals("PNDMScheduler")) json.put("rescale_betas_zero_snr", true);
        return json.put("steps_offset", 1).put("timestep_spacing", zeroSnr ? "trailing" : "leading").putNull("trained_betas");
    }

    private static Map<String, String> tokenizers(Kind kind) {
        return switch (kind) {
            case SD1 -> Map.of("tokenizer", END);
            case SD2 -> Map.of("tokenizer", EXCLAMATION);
            case XL -> Ordered.map(Map.entry("tokenizer", END), Map.entry("tokenizer_2", EXCLAMATION));
            case XL_REFINER -> Map.of("tokenizer_2", EXCLAMATION);
        };
    }

    /** Writes all but the tokenizers, as diffusers lays out a folder. Waits for the device. */
    public void write(FolderDraft folder) {
        folder.json("model_index.json", index);
        folder.json("scheduler/scheduler_config.json", scheduler);
        parts.forEach((name, part) -> {
            folder.json(name + "/config.json", part.config);
            folder.tensors(name + "/" + part.file, part.tensors);
        });
    }
}
