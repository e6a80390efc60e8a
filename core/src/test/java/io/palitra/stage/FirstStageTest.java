package io.palitra.stage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Json;
import io.palitra.data.FormatException;
import io.palitra.data.ImageSpec;
import io.palitra.data.VectorSpec;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.FolderDraft;
import io.palitra.hub.Safetensors;
import io.palitra.net.VqModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FirstStageTest {
    private static final String CONFIG = "{'_class_name': 'VQModel', 'block_out_channels': [8, 8], 'norm_num_groups': 4,"
        + "'num_vq_embeddings': 11, 'down_block_types': ['DownEncoderBlock2D', 'DownEncoderBlock2D'],"
        + "'up_block_types': ['UpDecoderBlock2D', 'UpDecoderBlock2D']}";

    @TempDir private Path root;
    private Path folder = Path.of("");

    @BeforeEach void save() { folder = save(root.resolve("vq"), ""); }

    /** A network of fresh weights as diffusers saves it, alone or as a part of a folder. */
    private static Path save(Path folder, String part) {
        ObjectNode json = (ObjectNode) Json.read("test", CONFIG.replace('\'', '"'));
        try (Scope scope = new Scope(); VqModel vq = new VqModel(VqModel.Config.fromJson(json), new Rng(1));
                FolderDraft draft = new FolderDraft(folder); Guard g = Torch.noGrad()) {
            vq.codebook().copyFrom(new Rng(2).normal(11, 3));
            draft.network(part, json, vq.state());
            if (!part.isEmpty()) draft.json("config.json", Json.read("test", "{\"family\": \"vqgan\"}"));
            draft.publish();
        }
        return folder;
    }

    @Test void aFolderOfDiffusersAndARunWithOneAreTheSameNetwork() {
        Path run = save(root.resolve("run"), FirstStage.FOLDER);
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); FirstStage a = FirstStage.open(folder.toString());
                FirstStage b = FirstStage.open(run.toString())) {
            assertThat(b.sha256()).isEqualTo(a.sha256()).hasSize(64);
            assertThat(a.channels()).isEqualTo(3);
            assertThat(a.factor()).isEqualTo(2);
            assertThat(a.codes()).isEqualTo(11);
            Tensor x = new Rng(3).normal(2, 3, 8, 12).tanh();
            Tensor codes = a.encode(x);
            assertThat(codes.shape()).containsExactly(2, 4, 6);
            assertThat(b.encode(x).longs()).isEqualTo(codes.longs());
            Tensor back = a.decode(codes);
            assertThat(back.shape()).isEqualTo(x.shape());
            assertThat(back.abs().max().item()).isLessThanOrEqualTo(1);
            assertThat(a.net().decode(a.net().encode(x)).clamp(-1, 1).sub(back).abs().max().item()).isLessThan(1e-5);
        }
    }

    @Test void otherWeightsHaveAnotherHash() {
        try (FirstStage a = FirstStage.open(folder.toString())) {
            String before = a.sha256();
            try (Scope scope = new Scope()) { a.net().codebook().select(0, 10).fill(0.5); }
            assertThat(a.sha256()).isNotEqualTo(before);
        }
    }

    @Test void itSaysWhichPicturesItTakes() {
        try (FirstStage a = FirstStage.open(folder.toString())) {
            assertThat(a.grid(new ImageSpec(3, 8, 12, 0))).containsExactly(4, 6);
            assertThatThrownBy(() -> a.grid(new ImageSpec(1, 8, 8, 0))).hasMessageContaining("takes pictures of 3 channels");
            assertThatThrownBy(() -> a.grid(new VectorSpec(2, 0))).hasMessageContaining("takes pictures of 3 channels");
            assertThatThrownBy(() -> a.grid(new ImageSpec(3, 8, 7, 0)))
                .hasMessageContaining("2x2 pixels and wants sides that are multiples of 2, got pictures of 3x8x7 without classes; "
                    + "data.size=6 or data.size=8 fits");
        }
    }

    @Test void whatIsNoFirstStageIsRefusedInOneLine() throws IOException {
        refused(root.resolve("nothing"), "no model");
        refused(root, "has no config.json; wanted is a run of vqvae or vqgan, a folder of diffusers' VQModel, or a .ckpt");
        Path other = Files.createDirectory(root.resolve("other"));
        Files.writeString(other.resolve("config.json"), "{\"family\": \"vae\"}");
        refused(other, "is a run of vae without vqmodel/; wanted is a run of vqvae or vqgan");
        Files.writeString(other.resolve("config.json"), "{\"family\": \"vqgan\"}");
        refused(other, "is a run of vqgan without vqmodel/: it has not been saved yet");
        Files.writeString(other.resolve("config.json"), "{\"_class_name\": \"AutoencoderKL\"}");
        refused(other, "illegal _class_name: \"AutoencoderKL\", must be VQModel");
        Files.writeString(other.resolve("config.json"), "{broken");
        refused(other, "is no JSON");
        Files.delete(folder.resolve("diffusion_pytorch_model.safetensors"));
        refused(folder, "holds no weights");
        Files.writeString(other.resolve("model_index.json"), "{\"_class_name\": \"P\", \"vae\": [\"diffusers\", \"AutoencoderKL\"]}");
        refused(other, "is a pipeline of AutoencoderKL, in which none is a VQModel");
        try (Scope scope = new Scope()) {
            Safetensors.write(folder.resolve("diffusion_pytorch_model.safetensors"), Map.of("a", Torch.zeros(2)), Map.of());
        }
        assertThatThrownBy(() -> FirstStage.open(folder.toString())).isInstanceOf(FormatException.class)
            .hasMessageContaining("weights do not fit the network: missing encoder.conv_in.weight");
    }

    private static void refused(Path where, String why) {
        assertThatThrownBy(() -> FirstStage.open(where.toString())).hasMessageContaining(why).message().doesNotContain("\n");
    }
}
