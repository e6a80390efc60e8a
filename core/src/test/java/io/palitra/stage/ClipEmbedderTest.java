package io.palitra.stage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Json;
import io.palitra.data.FormatException;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import io.palitra.parity.References;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Laws of a public CLIP in a folder. */
class ClipEmbedderTest {
    private static final double[] MEAN = {0.48145466, 0.4578275, 0.40821073}, DEVIATION = {0.26862954, 0.26130258, 0.27577711};
    @TempDir Path root;
    private Path folder;

    @BeforeEach void write() throws IOException { folder = TinyClip.write(root.resolve("tiny-clip")); }

    private static Tensor unit(Tensor x) { return x.div(x.square().sum(true, 1).sqrt()); }

    private static double far(Tensor a, Tensor b) { return a.sub(b).abs().max().item(); }

    @Test void aPublicFolderGivesThePublicPoints() throws IOException {
        Path parity = References.find("models/clip");
        Path public_ = Files.createDirectories(root.resolve("public"));
        for (String file : List.of("config.json", "model.safetensors")) Files.copy(parity.resolve(file), public_.resolve(file));
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Map<String, Tensor> io = Safetensors.read(parity.resolve("io.safetensors")).tensors();
            Tensor ids = io.get("input_ids"), pixels = io.get("pixel_values");
            ObjectNode vocabulary = JsonNodeFactory.instance.objectNode().put("<|startoftext|>", 0).put("<|endoftext|>", 199);
            StringBuilder letters = new StringBuilder();
            List<StringBuilder> texts = List.of(new StringBuilder(), new StringBuilder(), new StringBuilder());
            for (int i = 0; i < 3; i++) {
                for (long id : ids.select(0, i).longs()) {   // a word of one letter for each token
                    if (id == 0 || id == 199) continue;
                    int known = letters.indexOf(String.valueOf((char) (0x4e00 + id)));
                    if (known < 0) known = letters.append((char) (0x4e00 + id)).length() - 1;
                    vocabulary.put((char) ('a' + known) + "</w>", id);
                    texts.get(i).append((char) ('a' + known)).append(' ');
                }
            }
            Json.write(public_.resolve("vocab.json"), vocabulary);
            Files.writeString(public_.resolve("merges.txt"), "");
            Tensor x = pixels.mul(perChannel(DEVIATION)).add(perChannel(MEAN)).mul(2).sub(1);
            try (ClipEmbedder clip = ClipEmbedder.open(public_.toString())) {
                assertThat(clip.side()).isEqualTo(32);
                Tensor text = clip.embedText(texts.stream().map(StringBuilder::toString).toList()), image = clip.embedImage(x);
                assertThat(far(text, unit(io.get("text_embeds")))).isLessThan(2e-6);
                assertThat(far(image, unit(io.get("image_embeds")))).isLessThan(2e-5);   // pixels beyond black and white, there and back
                assertThat(far(image.matmul(text.t()).mul(clip.scale()), io.get("logits_per_image"))).isLessThan(2e-4);
            }
        }
    }

    private static Tensor perChannel(double[] v) { return Torch.of(new float[] {(float) v[0], (float) v[1], (float) v[2]}, 1, 3, 1, 1); }

    @Test void aPictureIsResizedAndCutAsFilesOfItAreAndTheGradientPasses() {
        try (Scope scope = new Scope(); ClipEmbedder clip = ClipEmbedder.open(folder.toString())) {
            byte[] bytes = new byte[3 * 48 * 64];
            for (int i = 0; i < bytes.length; i++) bytes[i] = (byte) (i * 37 % 256 > 128 ? 255 : i / 48 % 256);
            Tensor x = picture(new Picture(3, 48, 64, bytes)).requiresGrad(true);
            Tensor cut = picture(Pictures.fit(new Picture(3, 48, 64, bytes), 16, 16));
            PictureInput input = PictureInput.fromJson(JsonNodeFactory.instance.objectNode(), 16);
            assertThat(far(input.of(x).detach(), input.of(cut))).isLessThan(1.01 / 255 / 0.26);   // bytes between there, none here
            Tensor a = clip.embedImage(x);
            assertThat(a.detach().square().sum(false, 1).item()).isCloseTo(1, within(1e-5));
            a.sum().backward();
            assertThat(x.grad().narrow(3, 8, 48).abs().max().item()).isPositive();
            assertThat(x.grad().narrow(3, 0, 2).abs().max().item()).isZero();   // cut off
        }
    }

    private static Tensor picture(Picture p) {
        return Torch.of(p.pixels(), 1, p.channels(), p.height(), p.width()).to(io.palitra.engine.DType.F32).div(127.5).sub(1);
    }

    @Test void whiteCanDarkenAlsoWhereResizingGoesBeyondWhite() {
        PictureInput input = PictureInput.plain(8, 3);
        try (Scope scope = new Scope()) {
            Tensor x = Torch.ones(1, 3, 20, 20).requiresGrad(true);
            Tensor y = input.of(x);
            assertThat(y.detach().max().item()).isLessThanOrEqualTo(1);
            y.sum().backward();
            assertThat(x.grad().sum().item()).isCloseTo(3 * 8 * 8, within(1e-2));
        }
    }

    @Test void aPictureOfOtherSidesIsBroughtToASquareWhereTheFileSaysSo() {
        PictureInput squashed = PictureInput.fromJson(Json.read("p", "{\"size\": {\"height\": 8, \"width\": 8}}"), 8);
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Tensor x = new Rng(1).uniform(1, 3, 5, 30);
            assertThat(squashed.of(x).shape()).containsExactly(1, 3, 8, 8);
            assertThat(far(squashed.of(x), PictureInput.fromJson(Json.read("p", "{}"), 8).of(x))).isGreaterThan(0.1);
            assertThat(far(squashed.of(x.narrow(1, 0, 1)), squashed.of(x.narrow(1, 0, 1).expand(1, 3, 5, 30)))).isLessThan(1e-5);
        }
        PictureInput again = PictureInput.fromJson(PictureInput.plain(8, 3).toJson(), 8);
        assertThat(again).isEqualTo(PictureInput.plain(8, 3));
    }

    @Test void aTextIsThePointThatItIsAloneInAnyOrder() {
        try (Scope scope = new Scope(); ClipEmbedder clip = ClipEmbedder.open(folder.toString()); Guard g = Torch.noGrad()) {
            List<String> texts = List.of("a cat", "a dog, big", "", "a cat");
            Tensor all = clip.embedText(texts), turned = clip.embedText(List.of("a dog, big", "a cat"));
            assertThat(all.shape()).containsExactly(4, 8);
            assertThat(all.square().sum(false, 1).floats()).containsExactly(new float[] {1, 1, 1, 1}, within(1e-5f));
            assertThat(far(all.rows(0, 1), turned.rows(1, 1))).isLessThan(1e-6);
            assertThat(far(all.rows(1, 1), clip.embedText(List.of("a dog, big")))).isLessThan(1e-6);
            assertThat(far(all.rows(0, 1), all.rows(3, 1))).isLessThan(1e-6);
            assertThat(far(all.rows(0, 1), all.rows(1, 1))).isGreaterThan(1e-3);
            assertThat(clip.scale()).isCloseTo(Math.exp(2), within(1e-5));
            assertThat(clip.name()).matches("tiny-clip-[0-9a-f]{8}");
        }
    }

    @Test void textsThatCannotBeReadAreRefusedInALine() {
        try (Scope scope = new Scope(); ClipEmbedder clip = ClipEmbedder.open(folder.toString())) {
            assertThatThrownBy(() -> clip.embedText(List.of())).hasMessage("CLIP wants a text at least, got none");
            assertThatThrownBy(() -> clip.embedText(List.of("a", "word ".repeat(10_000)))).hasMessage("a text of 40000 tokens is too long, "
                + "this CLIP reads 14 at most: 'word word word word word word word word ...'");
            assertThatThrownBy(() -> clip.embedImage(Torch.zeros(1, 2, 4, 4)))
                .hasMessage("CLIP wants pictures [B,1 or 3,H,W], got 1×2×4×4");
        }
    }

    @Test void whatIsNoClipIsRefusedByItsFile() throws IOException {
        assertThatThrownBy(() -> ClipEmbedder.open("nobody/nothing-here")).isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("palitra pull nobody/nothing-here");
        refused("preprocessor_config.json", "{\"resample\": 2}", "illegal resample: 2, must be 3, which is bicubic");
        refused("preprocessor_config.json", "{\"crop_size\": 8}", "illegal crop_size: 8, must be the network's 16");
        refused("preprocessor_config.json", "{\"image_std\": [0, 1, 1]}", "illegal image_std: [0.0, 1.0, 1.0], must be above 0, as many as "
            + "image_mean");
        String config = Files.readString(folder.resolve("config.json"));
        refused("config.json", config.replace("\"eos_token_id\": 513", "\"eos_token_id\": 7"), "ends a text with token 513, the network, "
            + "which has 514, wants 7");
        refused("config.json", config.replace("\"hidden_size\": 16", "\"hidden_size\": 32"), "weights do not fit the network");
        refused("config.json", "{\"model_type\": \"bert\"}", "is no CLIP: its config.json names neither model_type clip nor architectures "
            + "CLIPModel");
        refused("config.json", "[", "is no JSON");
        Files.writeString(folder.resolve("config.json"), "{\"family\": \"vae\"}");
        assertThatThrownBy(() -> ClipEmbedder.open(folder.toString()))
            .hasMessage("'" + folder + "' is a run of vae without clip/; wanted is "
            + "a run of clip, or a folder of transformers' CLIP");
        Files.writeString(folder.resolve("config.json"), config);
        Files.delete(folder.resolve("model.safetensors"));
        assertThatThrownBy(() -> ClipEmbedder.open(folder.toString())).isInstanceOf(FormatException.class)
            .hasMessageContaining("holds no weights");
    }

    private void refused(String file, String text, String message) throws IOException {
        Path path = folder.resolve(file);
        String before = Files.exists(path) ? Files.readString(path) : "";
        Files.writeString(path, text);
        assertThatThrownBy(() -> ClipEmbedder.open(folder.toString())).isInstanceOf(FormatException.class)
            .hasMessageStartingWith(folder.toString()).hasMessageContaining(message);
        if (before.isEmpty()) Files.delete(path);
        else Files.writeString(path, before);
    }
}
