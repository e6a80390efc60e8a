package io.palitra.paint;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.Json;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.hub.Safetensors;
import io.palitra.net.AutoencoderKl;
import io.palitra.net.ClipText;
import io.palitra.net.UnetCondition2d;
import io.palitra.nn.Module;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** A Stable Diffusion of random weights that paints 32x32 pixels from 4x4 latents, as diffusers would save it. */
public final class TinyPipeline {
    private static final String INDEX = """
        {"_class_name": "StableDiffusionPipeline", "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]}""";
    private static final String SCHEDULER = """
        {"_class_name": "DDIMScheduler", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085,
        "clip_sample": false, "set_alpha_to_one": false, "steps_offset": 1}""";
    private static final String UNET = """
        {"_class_name": "UNet2DConditionModel", "sample_size": 4, "block_out_channels": [8, 8], "attention_head_dim": 2,
        "cross_attention_dim": 8, "layers_per_block": 1, "norm_num_groups": 4,
        "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"], "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"]}""";
    private static final String VAE = """
        {"_class_name": "AutoencoderKL", "block_out_channels": [4, 4, 4, 4], "layers_per_block": 1, "norm_num_groups": 2,
        "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
        "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"]}""";
    private static final String TEXT = """
        {"architectures": ["CLIPTextModel"], "vocab_size": 54, "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1,
        "num_attention_heads": 2, "eos_token_id": 53}""";

    private TinyPipeline() {}

    /** The folder, made; the same seed gives the same weights. */
    public static Path write(Path folder, long seed) throws IOException {
        file(folder, "model_index.json", INDEX);
        file(folder, "scheduler/scheduler_config.json", SCHEDULER);
        StringBuilder words = new StringBuilder("{");
        for (char c = 'a'; c <= 'z'; c++) words.append("\"%c\": %d, \"%c</w>\": %d, ".formatted(c, c - 'a', c, c - 'a' + 26));
        file(folder, "tokenizer/vocab.json", words.append("\"<|startoftext|>\": 52, \"<|endoftext|>\": 53}").toString());
        file(folder, "tokenizer/merges.txt", "#version: 0.2\n");
        try (Scope scope = new Scope()) {
            Rng rng = new Rng(seed);
            part(folder, "unet", UNET, new UnetCondition2d(UnetCondition2d.Config.fromJson(json(UNET)), rng));
            part(folder, "vae", VAE, new AutoencoderKl(AutoencoderKl.Config.fromJson(json(VAE)), rng));
            part(folder, "text_encoder", TEXT, new ClipText(ClipText.Config.fromJson(json(TEXT)), rng));
        }
        return folder;
    }

    private static JsonNode json(String text) { return Json.read("tiny", text); }

    private static void file(Path folder, String name, String text) throws IOException {
        Files.createDirectories(folder.resolve(name).resolveSibling(""));
        Files.writeString(folder.resolve(name), text);
    }

    private static void part(Path folder, String name, String config, Module net) throws IOException {
        file(folder, name + "/config.json", config);
        String weights = name.equals("text_encoder") ? "model.safetensors" : "diffusion_pytorch_model.safetensors";
        try (net) { Safetensors.write(folder.resolve(name).resolve(weights), net.state(), Map.of()); }
    }
}
