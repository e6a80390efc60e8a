package io.palitra.paint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.data.FormatException;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.ModelParts;
import io.palitra.hub.Safetensors;
import io.palitra.model.Watcher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Folders of others that hold more than is wanted, or in another form: they paint, and one line tells of what is passed over. */
class PainterNotesTest {
    @TempDir private Path folder;
    private final List<String> notes = new ArrayList<>();

    @BeforeEach void model() throws IOException { TinyPipeline.write(folder, 1); }

    private Painter open() { return Painter.open(ModelParts.open(folder, notes::add), Painter.Options.DEFAULT); }

    private byte[] painted(String prompt) {
        try (Painter painter = open()) {
            return painter.paint(PaintRequest.of(prompt).with("steps=2", "seed=1"), Watcher.SILENT).pictures().get(0).pixels();
        }
    }

    private void config(String file, Consumer<ObjectNode> change) throws IOException {
        ObjectNode json = (ObjectNode) Json.read(folder.resolve(file));
        change.accept(json);
        Files.delete(folder.resolve(file));
        Json.write(folder.resolve(file), json);
    }

    private void weights(String part, Consumer<Map<String, Tensor>> change) {
        Path file = folder.resolve(part).resolve(part.startsWith("text") ? "model.safetensors" : "diffusion_pytorch_model.safetensors");
        try (Scope scope = new Scope()) {
            Map<String, Tensor> all = new LinkedHashMap<>(Safetensors.read(file).tensors());
            change.accept(all);
            Safetensors.write(file, all, Map.of());
        }
    }

    @Test void aSoundFolderHasNoNotes() {
        assertThat(painted("a b")).isNotEmpty();
        assertThat(notes).isEmpty();
    }

    @Test void keysOfAveragingAreToldAndPassedOver() throws IOException {
        byte[] before = painted("a");
        config("unet/config.json", c -> c.put("decay", 0.9999).put("inv_gamma", 1.0).put("optimization_step", 1000).put("power", 0.75));
        config("vae/config.json", c -> c.put("decay", 0.9999));
        assertThat(painted("a")).isEqualTo(before);
        assertThat(notes).hasSize(2);
        assertThat(notes.get(0)).contains("unet").endsWith("passed over, UNet2DConditionModel has no such keys: decay, inv_gamma, "
            + "optimization_step, power");
        config("unet/config.json", c -> c.put("dual_cross_attention", true));
        assertThatThrownBy(this::open).as("a key with a meaning").isInstanceOf(FormatException.class);
    }

    @Test void layersBehindTheLastOfATextEncoderAreToldAndPassedOver() {
        byte[] before = painted("a");
        weights("text_encoder", all -> {
            for (String key : List.copyOf(all.keySet())) {
                if (!key.contains("layers.0.")) continue;
                Tensor t = Objects.requireNonNull(all.get(key));
                for (int i = 1; i < 12; i++) all.put(key.replace("layers.0.", "layers." + i + "."), t);
            }
        });
        assertThat(painted("a")).isEqualTo(before);
        assertThat(notes).hasSize(1);
        assertThat(notes.get(0)).contains("text_encoder").contains("has no such tensors: text_model.encoder.layers.").endsWith(" more");
        weights("text_encoder", all -> all.remove("text_model.final_layer_norm.bias"));
        assertThatThrownBy(() -> painted("a")).isInstanceOf(FormatException.class)
            .hasMessageContaining("missing text_model.final_layer_norm");
    }

    @Test void anOptionOfASchedulerWithoutEffectIsToldAndPassedOver() throws IOException {
        config("scheduler/scheduler_config.json", c -> {
            c.removeAll();
            c.put("_class_name", "DPMSolverMultistepScheduler");
        });
        byte[] before = painted("a");
        config("scheduler/scheduler_config.json", c -> c.put("variance_type", "fixed_small"));
        assertThat(painted("a")).isEqualTo(before);
        assertThat(notes).hasSize(1);
        assertThat(notes.get(0)).contains("scheduler").contains("does nothing with variance_type=fixed_small");
        config("scheduler/scheduler_config.json", c -> c.put("variance_type", "learned_range"));
        assertThatThrownBy(this::open).isInstanceOf(FormatException.class).hasMessageContaining("variance_type");
    }

    @Test void aSizeOfHeightAndWidthIsThatOfThePicture() throws IOException {
        config("unet/config.json", c -> c.putArray("sample_size").add(4).add(6));
        try (Painter painter = open()) {
            assertThat(painter.height()).isEqualTo(32);
            assertThat(painter.width()).isEqualTo(48);
            assertThat(painter.side()).isEqualTo(32);
            var picture = painter.paint(PaintRequest.of("a").with("steps=1"), Watcher.SILENT).pictures().get(0);
            assertThat(List.of(picture.height(), picture.width())).containsExactly(32, 48);
        }
        config("unet/config.json", c -> c.putArray("sample_size").add(4).add(0));
        assertThatThrownBy(this::open).hasMessageContaining("sample_size: [4, 0], must be one number or two, at least 1");
    }

    /** Textual inversion: a row for each learned word. */
    @Test void aLearnedWordLeadsToItsOwnRow() throws IOException {
        byte[] split = painted("a <z>");
        weights("text_encoder", all -> all.compute("text_model.embeddings.token_embedding.weight",
            (k, t) -> Torch.cat(0, Objects.requireNonNull(t), new Rng(9).normal(1, 8))));
        config("text_encoder/config.json", c -> c.put("vocab_size", 55));
        assertThat(painted("a <z>")).isEqualTo(split);
        assertThat(notes).hasSize(1);
        assertThat(notes.get(0)).contains("text_encoder").contains("has 55 rows of tokens, its tokenizer knows 54");
        notes.clear();
        Files.writeString(folder.resolve("tokenizer/added_tokens.json"), "{\"<z>\": 54}");
        assertThat(painted("a <z>")).isNotEqualTo(split);
        assertThat(notes).isEmpty();
        Files.writeString(folder.resolve("tokenizer/added_tokens.json"), "{\"<z>\": 55}");
        assertThatThrownBy(() -> painted("a <z>")).isInstanceOf(ConfigException.class).hasMessageContaining("gives token 55")
            .hasMessageContaining("has 55 tokens");
    }
}
