package io.palitra.paint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Json;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import io.palitra.net.AutoencoderKl;
import io.palitra.net.ClipText;
import io.palitra.net.UnetCondition2d;
import io.palitra.nn.Module;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;

/** A folder as diffusers saves pipelines, of networks so small that a test can train on them, their weights random. */
public final class TinyPipeline {
    private static final String UNET = "{'block_out_channels': [16, 16], 'down_block_types': ['CrossAttnDownBlock2D', 'DownBlock2D'],"
        + "'up_block_types': ['UpBlock2D', 'CrossAttnUpBlock2D'], 'layers_per_block': 1, 'norm_num_groups': 4, 'attention_head_dim': 2,"
        + "'cross_attention_dim': 16, 'sample_size': 8}";
    private static final String VAE = "{'block_out_channels': [8, 16], 'down_block_types': ['DownEncoderBlock2D', 'DownEncoderBlock2D'],"
        + "'up_block_types': ['UpDecoderBlock2D', 'UpDecoderBlock2D'], 'layers_per_block': 1, 'norm_num_groups': 4, 'sample_size': 16,"
        + "'scaling_factor': 2.0}";
    private static final String VAE_OF_8 = "'block_out_channels': [4, 4, 4, 4], 'norm_num_groups': 2, 'sample_size': 32,"
        + "'down_block_types': ['DownEncoderBlock2D', 'DownEncoderBlock2D', 'DownEncoderBlock2D', 'DownEncoderBlock2D'],"
        + "'up_block_types': ['UpDecoderBlock2D', 'UpDecoderBlock2D', 'UpDecoderBlock2D', 'UpDecoderBlock2D']";
    private static final String TEXT = "{'architectures': ['CLIPTextModel'], 'hidden_size': 16, 'intermediate_size': 32,"
        + "'num_hidden_layers': 2, 'num_attention_heads': 2, 'vocab_size': 192, 'eos_token_id': 191}";
    private static final String SCHEDULER = "{'_class_name': 'DDIMScheduler', 'beta_schedule': 'scaled_linear', 'beta_start': 0.00085,"
        + "'beta_end': 0.012, 'clip_sample': false, 'set_alpha_to_one': false, 'steps_offset': 1}";

    private TinyPipeline() {}

    static ObjectNode json(String text) { return (ObjectNode) Json.read("test", text.replace('\'', '"')); }

    private static ObjectNode with(String base, String more) {
        ObjectNode config = json(base);
        config.setAll(json("{" + more + "}"));
        return config;
    }

    /** Stable Diffusion that paints 32x32 pixels from 4x4 latents; the same seed gives the same weights. */
    public static Path write(Path folder, long seed) throws IOException {
        index(folder, "StableDiffusionPipeline", "text_encoder");
        config(folder.resolve("scheduler/scheduler_config.json"), json(SCHEDULER));
        nets(folder, "'sample_size': 4, 'block_out_channels': [8, 8], 'cross_attention_dim': 8", VAE_OF_8, seed);
        text(folder, "text_encoder", "'hidden_size': 8, 'intermediate_size': 16, 'num_hidden_layers': 1, 'vocab_size': 54,"
            + "'eos_token_id': 53", 'a', 'z');
        return folder;
    }

    /**
     * Stable Diffusion that paints 16x16 pixels from 8x8 latents.
     *
     * @param scheduler keys that are other than usual, as {@code 'prediction_type': 'sample'}
     */
    public static Path write(Path folder, String scheduler, String unet) throws IOException {
        index(folder, "StableDiffusionPipeline", "text_encoder");
        config(folder.resolve("scheduler/scheduler_config.json"), with(SCHEDULER, scheduler));
        nets(folder, unet, "", 1);
        text(folder, "text_encoder", "", '!', '~');
        return folder;
    }

    /** SDXL in small: two text encoders, a pooled text and the picture's sizes. */
    public static Path writeXl(Path folder) throws IOException {
        index(folder, "StableDiffusionXLPipeline", "text_encoder", "text_encoder_2");
        config(folder.resolve("scheduler/scheduler_config.json"), with(SCHEDULER, "'prediction_type': 'v_prediction'"));
        nets(folder, "'cross_attention_dim': 32, 'addition_embed_type': 'text_time', 'addition_time_embed_dim': 4,"
            + "'projection_class_embeddings_input_dim': 36", "", 1);
        text(folder, "text_encoder", "", '!', '~');
        text(folder, "text_encoder_2", "'architectures': ['CLIPTextModelWithProjection'], 'projection_dim': 12", '!', '~');
        return folder;
    }

    /** SDXL's refiner in small, which goes on with latents of {@link #writeXl}: the second text encoder alone, two sizes and a score. */
    public static Path writeRefiner(Path folder) throws IOException {
        index(folder, "StableDiffusionXLImg2ImgPipeline", "text_encoder_2");
        Path index = folder.resolve("model_index.json");
        config(index, ((ObjectNode) Json.read(index)).put("requires_aesthetics_score", true));
        config(folder.resolve("scheduler/scheduler_config.json"), with(SCHEDULER, "'prediction_type': 'v_prediction'"));
        nets(folder, "'addition_embed_type': 'text_time', 'addition_time_embed_dim': 4, 'projection_class_embeddings_input_dim': 32",
            "", 5);
        text(folder, "text_encoder_2", "'architectures': ['CLIPTextModelWithProjection'], 'projection_dim': 12", '!', '~');
        return folder;
    }

    private static void nets(Path folder, String unet, String vae, long seed) throws IOException {
        UnetCondition2d.Config u = UnetCondition2d.Config.fromJson(with(UNET, unet));
        AutoencoderKl.Config v = AutoencoderKl.Config.fromJson(with(VAE, vae));
        try (Scope scope = new Scope()) {
            save(folder.resolve("unet"), u.toJson(), new UnetCondition2d(u, new Rng(seed)));
            AutoencoderKl net = new AutoencoderKl(v, new Rng(seed + 1));
            Tensor bias = Objects.requireNonNull(net.state().get("quant_conv.bias"));
            // log of the variance: a trained one is sure of itself
            bias.copyFrom(Torch.cat(0, bias.detach().rows(0, 4), Torch.full(-12, 4)));
            save(folder.resolve("vae"), v.toJson(), net);
        }
    }

    /** Its words are single letters. */
    private static void text(Path folder, String part, String more, char first, char last) throws IOException {
        ObjectNode config = with(TEXT, more);
        try (Scope scope = new Scope()) { save(folder.resolve(part), config, new ClipText(ClipText.Config.fromJson(config), new Rng(3))); }
        Path tokenizer = Files.createDirectories(folder.resolve(part.replace("text_encoder", "tokenizer")));
        ObjectNode vocabulary = JsonNodeFactory.instance.objectNode();
        for (char c = first; c <= last; c++) vocabulary.put(String.valueOf(c), vocabulary.size());
        for (char c = first; c <= last; c++) vocabulary.put(c + "</w>", vocabulary.size());
        int end = config.path("eos_token_id").asInt();
        vocabulary.put("<|startoftext|>", end - 1).put("<|endoftext|>", end);
        Json.write(tokenizer.resolve("vocab.json"), vocabulary);
        Files.writeString(tokenizer.resolve("merges.txt"), "#version: 0.2\n");
    }

    private static void index(Path folder, String pipeline, String... encoders) throws IOException {
        ObjectNode index = json("{'_class_name': '" + pipeline + "', 'scheduler': ['diffusers', 'DDIMScheduler'],"
            + "'unet': ['diffusers', 'UNet2DConditionModel'], 'vae': ['diffusers', 'AutoencoderKL']}");
        for (String e : encoders) {
            index.putArray(e).add("transformers").add(e.endsWith("2") ? "CLIPTextModelWithProjection" : "CLIPTextModel");
            index.putArray(e.replace("text_encoder", "tokenizer")).add("transformers").add("CLIPTokenizer");
        }
        config(folder.resolve("model_index.json"), index);
    }

    private static void config(Path file, JsonNode json) throws IOException {
        Files.createDirectories(file.getParent());
        Json.write(file, json);
    }

    private static void save(Path folder, JsonNode config, Module net) throws IOException {
        config(folder.resolve("config.json"), config);
        String file = net instanceof ClipText ? "model.safetensors" : "diffusion_pytorch_model.safetensors";
        Safetensors.write(folder.resolve(file), net.state(), Map.of("format", "pt"));
        net.close();
    }
}
