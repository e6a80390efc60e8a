package io.palitra.stage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.data.Condition;
import io.palitra.data.ImageSpec;
import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.family.Diffusion;
import io.palitra.hub.Safetensors;
import io.palitra.model.Build;
import io.palitra.model.Drawing;
import io.palitra.model.GenerativeModel;
import io.palitra.net.T5Encoder;
import io.palitra.train.RunModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Texts that frozen encoders read, as diffusion is given them. */
class FrozenTextsTest {
    private static final String CONFIG = "{'model_type': 't5', 'architectures': ['T5EncoderModel'], 'vocab_size': 14, 'd_model': 16, "
        + "'d_kv': 4, 'd_ff': 24, 'num_layers': 2, 'num_heads': 4, 'feed_forward_proj': 'gated-gelu'}";
    private static final String WORDS = "{'added_tokens': [{'id': 1, 'content': '</s>'}], 'normalizer': null, 'pre_tokenizer': "
        + "{'type': 'Sequence', 'pretokenizers': [{'type': 'WhitespaceSplit'}, {'type': 'Metaspace', 'replacement': '▁', "
        + "'add_prefix_space': true}]}, 'post_processor': {'type': 'TemplateProcessing', 'single': [{'Sequence': {'id': 'A'}}, "
        + "{'SpecialToken': {'id': '</s>'}}], 'special_tokens': {'</s>': {'ids': [1]}}}, 'model': {'type': 'Unigram', 'unk_id': 2, "
        + "'vocab': [['<pad>',0],['</s>',0],['<unk>',0],['▁',-2],['▁red',-5],['▁circle',-6],['▁blue',-4],['s',-7]]}}";
    @TempDir private Path root;

    /** As transformers saves it, or within a pipeline of diffusers. */
    private Path t5(String name, boolean pipeline) throws IOException {
        Path place = root.resolve(name), encoder = pipeline ? place.resolve("text_encoder") : place;
        Path words = pipeline ? place.resolve("tokenizer") : place;
        Files.createDirectories(encoder);
        Files.createDirectories(words);
        String json = CONFIG.replace('\'', '"');
        Files.writeString(encoder.resolve("config.json"), json);
        Files.writeString(words.resolve("tokenizer.json"), WORDS.replace('\'', '"'));
        try (Scope scope = new Scope(); T5Encoder net = new T5Encoder(T5Encoder.Config.fromJson(new ObjectMapper().readTree(json)),
            new Rng(4))) {
            Safetensors.write(encoder.resolve("model.safetensors"), net.state(), Map.of());
        }
        return place;
    }

    private static Diffusion diffusion(RunModels models, String... text) {
        List<String> keys = new ArrayList<>(List.of("condition=text", "net.channels=8,8", "net.attention=1", "net.groups=4"));
        keys.addAll(List.of(text));
        return (Diffusion) Diffusion.FAMILY.build(Config.with(Diffusion.FAMILY.defaults(), keys), new Build(new ImageSpec(1, 8, 8, 0),
            new Rng(1), models));
    }

    private static Conditioning conditioning(Diffusion model) { return model.as(DenoisingModel.class).orElseThrow().conditioning(); }

    @Test void aT5GivesEachTokenAVector() throws IOException {
        for (boolean pipeline : new boolean[] {false, true}) {
            Path place = t5("t5-" + pipeline, pipeline);
            try (Scope scope = new Scope(); RunModels models = new RunModels(Device.CPU, note -> { });
                    Diffusion model = diffusion(models, "text=t5", "text.run=" + place)) {
                assertThat(conditioning(model).textWidth()).isEqualTo(16);
                assertThat(models.underneath(Config.with(Diffusion.FAMILY.defaults(), "condition=text", "text=t5", "text.run=" + place)))
                    .containsOnlyKeys("text.run");
                List<String> unknown = conditioning(model).notes("красный круг");
                assertThat(unknown).hasSize(1).allMatch(n -> n.contains("are unknown to 't5-"));
                assertThat(conditioning(model).notes("red circles")).isEmpty();
                assertThat(conditioning(model).notes("red ".repeat(80))).first().asString().contains("reads the first 76 of the 80");
                Tensor one = conditioning(model).of(Condition.ofTexts(List.of("red circle")), Device.CPU).text();
                Tensor two = conditioning(model).of(Condition.ofTexts(List.of("blue", "red circle")), Device.CPU)
                    .text();
                assertThat(two.rows(1, 1).narrow(1, 0, 3).sub(one.narrow(1, 0, 3)).abs().max().item()).isLessThan(1e-5);
                float[] drawn = drawn(model, "prompt=red circle");
                assertThat(drawn).hasSize(64);
            }
        }
    }

    @Test void aClipGivesEachTokenAVector() throws IOException {
        Path place = TinyClip.write(root.resolve("clip"));
        try (Scope scope = new Scope(); RunModels models = new RunModels(Device.CPU, note -> { });
                Diffusion model = diffusion(models, "text=clip", "text.run=" + place)) {
            assertThat(conditioning(model).textWidth()).isPositive();
            model.net().parameters().values().forEach(p -> p.copyFrom(p.add(new Rng(5).normalLike(p).mul(0.1))));
            assertThat(drawn(model, "prompt=a red circle")).isNotEqualTo(drawn(model, "prompt=a blue square"));
        }
    }

    @Test void anEncoderOfAnotherKindIsNamed() throws IOException {
        Path place = t5("t5", false), other = Files.createDirectories(root.resolve("other"));
        Files.writeString(other.resolve("config.json"), "{\"model_type\": \"bert\"}");
        try (RunModels models = new RunModels(Device.CPU, note -> { })) {
            refused(models, "which T5?", "text=t5");
            refused(models, "is no T5", "text=t5", "text.run=" + other);
            refused(models, "is a T5: text=t5 reads it", "text=clip", "text.run=" + place);
            Files.delete(place.resolve("tokenizer.json"));
            assertThatThrownBy(() -> diffusion(models, "text=t5", "text.run=" + place)).hasMessageContaining("tokenizer.json");
        }
    }

    private static void refused(RunModels models, String message, String... text) {
        assertThatThrownBy(() -> diffusion(models, text)).hasMessageContaining(message).isInstanceOfSatisfying(ConfigException.class,
            e -> assertThat(e.key()).isEqualTo("text.run"));
    }

    private static float[] drawn(GenerativeModel<?> model, String prompt) {
        model.net().training(false);
        return Drawing.of(model, List.of("sampler.steps=2", prompt)).sample(1, new Rng(3)).floats();
    }
}
