package io.palitra.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.Json;
import io.palitra.data.Batch;
import io.palitra.data.DataLoader;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Split;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.FolderDraft;
import io.palitra.hub.ModelFolder;
import io.palitra.hub.Safetensors;
import io.palitra.model.Watcher;
import io.palitra.net.AutoencoderKl;
import io.palitra.net.Unet2d;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExportTest {
    @TempDir Path root;

    private Run trained(String family, String... overrides) throws IOException {
        Dataset train = TinyRuns.data(Split.TRAIN);
        RunConfig config = RunConfig.of(family, "strokes", train, DataOptions.DEFAULT, 3, List.of(overrides)).on("cpu",
            RunConfig.Precision.FP32, 1);
        Trainer.start(root.resolve(family), config, train, TinyRuns.data(Split.TEST), Watcher.SILENT);
        return Run.open(root.resolve(family), "cpu", note -> {});
    }

    private Path exported(Run run, boolean data) {
        Path made = root.resolve("made");
        try (FolderDraft draft = new FolderDraft(made)) {
            String python = run.export(draft, "made", () -> {
                assertThat(data).as("wants data").isTrue();
                return TinyRuns.data(Split.TRAIN);
            }, Watcher.SILENT);
            assertThat(python).contains("from_pretrained(\"made\")");
            draft.publish();
        }
        return made;
    }

    @Test void theUnetOfARunIsReadBackWithTheWeightsItSamplesWith() throws IOException {
        try (Run run = trained("diffusion", "net.channels=4,4", "net.groups=2", "net.attention=1", "condition=label", "train.steps=3",
                "train.batch=4"); Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Path made = exported(run, false);
            ModelFolder folder = ModelFolder.open(made);
            assertThat(folder.pipeline()).isEqualTo("DDPMPipeline");
            try (Unet2d read = new Unet2d(Unet2d.Config.fromJson(folder.config("unet")), Rng.silent())) {
                read.load(folder.weights("unet"));
                Unet2d own = (Unet2d) run.model().net();
                assertThat(read.config()).isEqualTo(own.config());
                int classes = run.config().settings().spec().classes();
                Tensor x = new Rng(1).normal(2, 1, 28, 28), t = Torch.of(new long[] {0, 999}, 2), labels = Torch.of(new long[] {1,
                    classes}, 2);
                assertThat(read.forward(x, t, labels).floats()).isEqualTo(own.forward(x, t, labels).floats());
            }
            assertThat(Files.readString(made.resolve("README.md"))).contains("null = torch.full_like(labels, 10)", "on `strokes`");
        }
    }

    @Test void theAutoencoderOfAVaeIsScaledSoThatItsCodesHaveDeviationOne() throws IOException {
        try (Run run = trained("vae", "net=kl", "net.channels=4,4", "net.groups=2", "decoder=gaussian", "latent=2", "beta=0.01",
                "train.steps=20", "train.batch=8"); Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Path made = exported(run, true);
            AutoencoderKl.Config config = AutoencoderKl.Config.fromJson(Json.read(made.resolve("config.json")));
            try (AutoencoderKl read = new AutoencoderKl(config, Rng.silent())) {
                read.load(Safetensors.read(made.resolve("diffusion_pytorch_model.safetensors")).tensors());
                Batch batch = DataLoader.inOrder(TinyRuns.data(Split.TRAIN), 200, 200, Device.named("cpu")).iterator().next();
                Tensor z = read.scaled(read.encode(batch.x()).sample(new Rng(1)));
                assertThat(Math.sqrt(z.sub(z.mean()).square().mean().item())).isCloseTo(1, within(0.02));
                assertThat(config.coder().scalingFactor()).isNotCloseTo(1, within(0.02));
            }
        }
    }

    @Test void whatDiffusersDoesNotHaveIsRefusedAndLeavesNothing() throws IOException {
        for (String family : new String[] {"ae", "vae"}) {
            try (Run run = trained(family, "net.hidden=4", "latent=2", "train.steps=1", "train.batch=4")) {
                assertThatThrownBy(() -> exported(run, false)).isInstanceOf(IllegalArgumentException.class).hasMessageContaining("net=kl");
            }
        }
        assertThat(root.toFile().list()).containsExactlyInAnyOrder("ae", "vae");
    }
}
