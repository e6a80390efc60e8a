package io.palitra.stage;

import io.palitra.config.Json;
import io.palitra.data.ByteLettersFixture;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.hub.Safetensors;
import io.palitra.net.ClipNet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** A CLIP of random weights in a folder as transformers saves it: pictures of 16x16, texts of 14 tokens, one for each byte. */
public final class TinyClip {
    private static final String CONFIG = """
        {"architectures": ["CLIPModel"], "model_type": "clip", "projection_dim": 8, "logit_scale_init_value": 2.0,
         "text_config": {"vocab_size": 514, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
           "max_position_embeddings": 16, "bos_token_id": 512, "eos_token_id": 513, "projection_dim": 8},
         "vision_config": {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 16,
           "patch_size": 4, "projection_dim": 8}}
        """;

    private TinyClip() {}

    public static Path write(Path folder) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("config.json"), CONFIG);
        ByteLettersFixture.tokenizer(folder);
        try (Scope scope = new Scope(); ClipNet net = new ClipNet(ClipNet.Config.fromJson(Json.read("config", CONFIG)), new Rng(3))) {
            Safetensors.write(folder.resolve("model.safetensors"), net.state(), Map.of("format", "pt"));
        }
        return folder;
    }
}
