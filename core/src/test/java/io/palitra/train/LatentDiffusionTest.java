package io.palitra.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
import io.palitra.model.Codec;
import io.palitra.model.Likelihood;
import io.palitra.model.ModelRef;
import io.palitra.model.Watcher;
import io.palitra.stage.Builds;
import io.palitra.stage.Latents;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Diffusion of latents, upon runs of vae and vqvae. */
class LatentDiffusionTest {
    private static final String[] KL = {"net=kl", "net.channels=4,4", "net.groups=2", "decoder=gaussian", "latent=2", "train.steps=2",
        "train.batch=8"};
    @TempDir Path root;

    private Path trained(String name, String family, int seed, Watcher watcher, String... overrides) throws IOException {
        Dataset train = TinyRuns.data(Split.TRAIN);
        RunConfig config = RunConfig.of(family, "strokes", train, DataOptions.DEFAULT, seed, List.of(overrides)).on("cpu",
            RunConfig.Precision.FP32, 1).saving(1, 4);
        Trainer.start(root.resolve(name), config, train, TinyRuns.data(Split.TEST), watcher);
        return root.resolve(name);
    }

    private Path drawn(String name, Path stage, Watcher watcher) throws IOException {
        return trained(name, "diffusion", 3, watcher, "stage=" + stage, "net.channels=4,4", "net.groups=2", "net.attention=1",
            "condition=label", "train.steps=6", "train.batch=8");
    }

    @Test void latentsOnDiskAreThoseThatAreComputed() throws IOException {
        Path vae = trained("vae", "vae", 3, Watcher.SILENT, KL), run = drawn("run", vae, Watcher.SILENT);
        assertThat(run.resolve(Latents.FILE)).exists();
        Dataset data = TinyRuns.data(Split.TRAIN);
        try (RunModels models = Builds.models(); Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Latents kept = new Latents(vae.toString(), new io.palitra.model.Build(data.spec(), Rng.silent(), models));
            assertThat(kept.spec().shape()).containsExactly(2, 14, 14);
            Batch batch = DataLoader.of(data, new int[] {5, 900, 3}, Device.CPU);
            float[] computed = kept.of(batch).floats();
            Path folder = Files.createDirectory(root.resolve("kept"));
            kept.keep(data, folder);
            assertThat(kept.of(batch).floats()).isEqualTo(computed);                              // computed, and written
            Batch noPictures = new Batch(Torch.zeros(3, 1, 28, 28), batch.given(), batch.items());
            assertThat(kept.of(noPictures).floats()).isEqualTo(computed);                         // read
            kept.keep(data, folder);
            assertThat(kept.of(noPictures).floats()).isEqualTo(computed);                         // by the next process, too
            try (java.io.RandomAccessFile file = new java.io.RandomAccessFile(folder.resolve(Latents.FILE).toFile(), "rw")) {
                file.seek(128 + 5L * (4 + 4 * 392) + 100);
                file.write(77);                                                                   // a damaged row is computed again
            }
            assertThat(kept.of(batch).floats()).isEqualTo(computed);
            assertThat(kept.of(noPictures).floats()).isEqualTo(computed);
            kept.release();
        }
        try (Run opened = Run.open(run, "cpu", line -> { }); Scope scope = new Scope()) {
            double factor = Safetensors.read(run.resolve(Run.MODEL)).tensors().get("latents.scale").item();
            Codec codec = vaeCodec(vae);
            Tensor z = codec.encode(DataLoader.of(data, java.util.stream.IntStream.range(0, 200).toArray(), Device.CPU).x()).mul(factor);
            assertThat(z.sub(z.mean()).square().mean().item()).isBetween(0.8, 1.2);
            assertThat(opened.model().as(Likelihood.class)).isEmpty();
            assertThat(opened.sample(2, 1, List.of("label=3", "guidance=2", "sampler.steps=2")).shape()).containsExactly(2, 1, 28, 28);
            assertThatThrownBy(() -> opened.sample(2, 1, List.of("clip=true"))).hasMessageContaining("they have no range");
        }
    }

    private static Codec vaeCodec(Path vae) { return Builds.models().open(new ModelRef(vae.toString()), Codec.class); }

    @Test void stoppedAndResumedTheRunEndsBitIdentical() throws Exception {
        Path vq = trained("vq", "vqvae", 3, Watcher.SILENT, "net.channels=4,4", "net.groups=2", "train.steps=2", "train.batch=8");
        Map<String, String> whole = TinyRuns.hashes(drawn("whole", vq, Watcher.SILENT));
        int[] asked = {0};
        Path parts = drawn("parts", vq, TinyRuns.until(() -> asked[0]++ >= 3));
        Trainer.resume(parts, TinyRuns.data(Split.TRAIN), TinyRuns.data(Split.TEST), Watcher.SILENT);
        assertThat(TinyRuns.hashes(parts)).isEqualTo(whole);
    }

    @Test void aStageWhoseWeightsChangedIsRefused() throws IOException {
        Path vae = trained("vae", "vae", 3, Watcher.SILENT, KL), other = trained("other", "vae", 4, Watcher.SILENT, KL);
        Path run = drawn("run", vae, Watcher.SILENT);
        Files.copy(other.resolve(Run.MODEL), vae.resolve(Run.MODEL), StandardCopyOption.REPLACE_EXISTING);
        assertThatThrownBy(() -> Run.open(run, "cpu", line -> { })).hasMessageContaining("what the run is built upon was replaced: stage=");
    }

    @Test void aRunOfAnAutoencoderIsExportedAsAPipelineOfLatents() throws IOException {
        Path vae = trained("vae", "vae", 3, Watcher.SILENT, KL), made = root.resolve("made");
        try (Run run = Run.open(trained("run", "diffusion", 3, Watcher.SILENT, "stage=" + vae, "net.channels=4,4", "net.groups=2",
                "net.attention=1", "train.steps=2", "train.batch=8"), "cpu", line -> { }); FolderDraft draft = new FolderDraft(made)) {
            String python = run.export(draft, "made", () -> TinyRuns.data(Split.TRAIN), Watcher.SILENT);
            draft.publish();
            assertThat(python).contains("LDMPipeline.from_pretrained(\"made\")");
            ModelFolder folder = ModelFolder.open(made);
            assertThat(folder.classes()).containsEntry("vqvae", "AutoencoderKL").containsEntry("unet", "UNet2DModel");
            assertThat(folder.config("vqvae").path("scaling_factor").asDouble()).isPositive().isNotEqualTo(1);
        }
        Path public1 = made.resolve("vqvae");   // which then is a public folder for another run
        assertThat(drawn("upon", public1, Watcher.SILENT).resolve(Run.MODEL)).exists();
    }

    @Test void whatHasNoLatentsIsRefused() throws IOException {
        Path mlp = trained("mlp", "vae", 3, Watcher.SILENT, "net.hidden=8", "latent=2", "train.steps=1", "train.batch=4");
        assertThatThrownBy(() -> drawn("run", mlp, Watcher.SILENT)).hasMessageContaining("vae with net=kl, vqgan and vqvae have some");
        assertThatThrownBy(() -> drawn("run", root.resolve("none"), Watcher.SILENT)).isInstanceOf(IllegalArgumentException.class);
        Files.createDirectory(root.resolve("empty"));
        assertThatThrownBy(() -> drawn("run", root.resolve("empty"), Watcher.SILENT)).hasMessageContaining("no autoencoder of pictures");
    }
}
