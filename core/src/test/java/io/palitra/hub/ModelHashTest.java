package io.palitra.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.data.FormatException;
import io.palitra.paint.TinyPipeline;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelHashTest {
    private static String sha(Path... files) throws Exception {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        for (Path f : files) digest.update(Files.readAllBytes(f));
        return HexFormat.of().formatHex(digest.digest());
    }

    @Test void ofAFileItIsThatOfItsBytesAsModelSitesHaveIt(@TempDir Path root) throws Exception {
        Path file = Files.writeString(root.resolve("a.safetensors"), "abc");
        assertThat(ModelHash.of(file)).isEqualTo("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assertThatThrownBy(() -> ModelHash.of(root)).isInstanceOf(FormatException.class).hasMessageContaining("holds no weights");
    }

    @Test void ofAPipelineItIsThatOfItsWeightsAndOfNothingElse(@TempDir Path root) throws Exception {
        Path model = TinyPipeline.write(root.resolve("m"), 1);
        String before = ModelHash.of(model);
        assertThat(before).isEqualTo(sha(model.resolve("text_encoder/model.safetensors"),
            model.resolve("unet/diffusion_pytorch_model.safetensors"), model.resolve("vae/diffusion_pytorch_model.safetensors")));
        assertThat(ModelHash.of(TinyPipeline.write(root.resolve("same"), 1))).isEqualTo(before);
        assertThat(ModelHash.of(TinyPipeline.write(root.resolve("other"), 2))).isNotEqualTo(before);
        Path shards = Files.createDirectories(root.resolve("shards"));
        Path index = Files.writeString(shards.resolve("model.safetensors.index.json"), "{}");
        for (String name : List.of("model-2.safetensors", "model-1.safetensors")) Files.writeString(shards.resolve(name), name);
        assertThat(ModelHash.of(shards)).isEqualTo(sha(index, shards.resolve("model-1.safetensors"),
            shards.resolve("model-2.safetensors")));
    }
}
