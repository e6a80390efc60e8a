package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.data.Batch;
import io.palitra.data.DataLoader;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.ImageSpec;
import io.palitra.data.Picture;
import io.palitra.data.Split;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.LoraFile;
import io.palitra.hub.ModelParts;
import io.palitra.hub.Safetensors;
import io.palitra.model.Step;
import io.palitra.model.Watcher;
import io.palitra.paint.PaintRequest;
import io.palitra.paint.Painter;
import io.palitra.paint.TinyPipeline;
import io.palitra.report.Png;
import io.palitra.train.Run;
import io.palitra.train.RunConfig;
import io.palitra.train.TinyRuns;
import io.palitra.train.Trainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Laws of a learned low-rank change, on tiny models of random weights. */
class LoraTuningTest {
    private static final ImageSpec SPEC = new ImageSpec(3, 16, 16, 0);
    private static final PaintRequest REQUEST = PaintRequest.of("a square").with("steps=4", "guidance=1", "width=16", "height=16");
    @TempDir static Path root;
    private static Path model;
    private static Path folder;

    @BeforeAll static void write() throws IOException {
        model = TinyPipeline.write(root.resolve("model"), "'prediction_type': 'sample'", "");
        folder = pictures(root.resolve("pictures"), 1);
    }

    /** Pictures of a bright square, each with its caption. */
    private static Path pictures(Path in, int n) throws IOException {
        Files.createDirectories(in);
        for (int i = 0; i < n; i++) {
            byte[] p = new byte[3 * 256];
            for (int k = 0; k < p.length; k++) p[k] = (byte) (k % 16 > 3 + i && k % 256 / 16 > 5 ? 250 : 20 + 60 * (k / 256));
            Png.write(in.resolve(i + ".png"), new Picture(3, 16, 16, p), Map.of());
            Files.writeString(in.resolve(i + ".txt"), i == 0 ? "a square" : "another square " + i);
        }
        return in;
    }

    private static Dataset data(Path in) { return Datasets.open(in.toString(), Split.TRAIN, options()); }

    private static DataOptions options() { return Config.with(DataOptions.DEFAULT, "captions=true", "channels=3", "size=16"); }

    private static LoraTuning tuning(Path of, ImageSpec spec, String... overrides) {
        List<String> all = new ArrayList<>(List.of(overrides));
        all.add("model=" + of);
        return (LoraTuning) LoraTuning.FAMILY.build(Config.with(LoraTuning.FAMILY.defaults(), all), spec, new Rng(1));
    }

    private static RunConfig config(Path of, Path in, String... overrides) {
        List<String> all = new ArrayList<>(List.of(overrides));
        all.add("model=" + of);
        return RunConfig.of("lora", in.toString(), data(in), options(), 3, all).on("cpu", RunConfig.Precision.FP32, 1).saving(5, 0);
    }

    private static Picture paint(Painter painter, Path... loras) {
        PaintRequest request = REQUEST;
        for (Path file : loras) request = request.with(new PaintRequest.Lora(file, 1));
        return painter.paint(request, Watcher.SILENT).pictures().get(0);
    }

    private static float[] latents(Painter painter) {
        try (Scope scope = new Scope()) {
            Tensor noise = new Rng(2).normal(1, 4, 8, 8);
            return painter.latents(REQUEST, noise, null, x -> { throw new AssertionError("DDIM adds none"); }).floats();
        }
    }

    /** Mean squared error of pixels. */
    private static double error(Picture a, Picture b) {
        double sum = 0;
        for (int i = 0; i < a.pixels().length; i++) sum += Math.pow((a.pixels()[i] & 0xff) - (b.pixels()[i] & 0xff), 2);
        return sum / a.pixels().length;
    }

    @Test void atStepZeroThePipelinePaintsTheBitsOfItsBase() {
        try (Painter base = Painter.open(ModelParts.open(model), Painter.Options.DEFAULT);
                LoraTuning fresh = tuning(model, SPEC, "rank=8", "alpha=16", "textEncoder=true")) {
            assertThat(LoraTuning.side(model)).isEqualTo(16);
            assertThat(fresh.net().parameters().keySet()).anyMatch(k -> k.startsWith("text_encoder.")).anyMatch(k -> k.startsWith("unet."));
            assertThat(latents(fresh.painter())).isEqualTo(latents(base));
            assertThat(paint(fresh.painter()).pixels()).isEqualTo(paint(base).pixels());
            fresh.net().parameters().forEach((k, t) -> { if (k.endsWith("lora_B.weight")) t.fill(0.1); });
            assertThat(latents(fresh.painter())).isNotEqualTo(latents(base));
        }
    }

    @Test void aTinyModelLearnsOnePictureAndBothFilesPaintIt() throws IOException {
        Path run = root.resolve("learns");
        RunConfig config = config(model, folder, "rank=16", "train.steps=100", "train.optimizer.lr=5e-3");
        assertThat(Trainer.start(run, config, data(folder), null, Watcher.SILENT)).isTrue();
        double before, after;
        try (LoraTuning fresh = tuning(model, SPEC)) { before = loss(fresh); }
        Path diffusers = run.resolve(LoraTuning.DIFFUSERS), kohya = run.resolve(LoraTuning.KOHYA);
        try (Run trained = Run.open(run, "cpu", why -> { throw new AssertionError(why); });
                Painter base = Painter.open(ModelParts.open(model), Painter.Options.DEFAULT)) {
            LoraTuning tuned = (LoraTuning) trained.model();
            after = loss(tuned);
            Picture target = known(base), plain = paint(base), with = paint(base, diffusers);
            assertThat(after).isLessThan(0.4 * before);
            assertThat(error(with, target)).isLessThan(0.5 * error(plain, target));
            assertThat(paint(base, kohya).pixels()).isEqualTo(with.pixels());
            assertThat(error(paint(tuned.painter()), with)).isLessThan(1);   // live and merged differ in rounding
            assertThat(paint(base).pixels()).isEqualTo(plain.pixels());
        }
        try (Scope scope = new Scope()) {
            assertThat(LoraFile.read(kohya).metadata()).containsEntry("ss_network_dim", "16").containsEntry("modelspec.title", "learns");
            assertThat(LoraFile.read(diffusers).changes()).hasSameSizeAs(LoraFile.read(kohya).changes()).allMatch(c -> c.alpha() == 16);
        }
    }

    /** At noise and times that are always the same. */
    private static double loss(LoraTuning tuning) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Batch one = DataLoader.of(data(folder), new int[] {0, 0, 0, 0, 0, 0, 0, 0}, Device.CPU);
            return tuning.updates().get(0).objective().of(one, new Step(0, new Rng(7))).total().item();
        }
    }

    /** The picture as the autoencoder can show it. */
    private static Picture known(Painter painter) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Tensor x = DataLoader.of(data(folder), new int[] {0}, Device.CPU).x();
            return painter.decode(painter.coder().encode(x, new Rng(1)));
        }
    }

    @Test void stoppedAndResumedItEndsWithTheBitsOfTheRunNeverStopped() throws Exception {
        Path in = pictures(root.resolve("five"), 5), whole = root.resolve("whole"), parts = root.resolve("parts");
        String[] how = {"textEncoder=true", "train.steps=8", "train.batch=4", "train.accumulate=2", "train.ema=0.9"};
        assertThat(Trainer.start(whole, config(model, in, how), data(in), null, Watcher.SILENT)).isTrue();
        assertThat(Trainer.start(parts, config(model, in, how), data(in), null, TinyRuns.until(after(3)))).isFalse();
        assertThat(parts.resolve(LoraTuning.DIFFUSERS)).isNotEmptyFile();
        assertThat(Trainer.resume(parts, data(in), null, TinyRuns.until(after(3)))).isFalse();
        assertThat(Trainer.resume(parts, data(in), null, Watcher.SILENT)).isTrue();
        assertThat(TinyRuns.hashes(parts)).isEqualTo(TinyRuns.hashes(whole));
        try (Scope scope = new Scope()) {
            Map<String, float[]> a = values(whole), b = values(parts);
            assertThat(a.keySet()).anyMatch(k -> k.startsWith("TEXT_ENCODER"));
            a.forEach((k, v) -> assertThat(b.get(k)).as(k).isEqualTo(v));
        }
    }

    @Test void overAnotherBaseModelItDoesNotGoOn() throws Exception {
        Path base = TinyPipeline.write(root.resolve("base"), "", ""), run = root.resolve("over");
        assertThat(Trainer.start(run, config(base, folder, "train.steps=4"), data(folder), null, TinyRuns.until(after(2)))).isFalse();
        Path file = base.resolve("unet/diffusion_pytorch_model.safetensors");
        byte[] first = Files.readAllBytes(file);
        try (Scope scope = new Scope()) {
            Map<String, Tensor> weights = new TreeMap<>(Safetensors.read(file).tensors());
            weights.replaceAll((k, t) -> t.mul(1.5));
            Safetensors.write(file, weights, Map.of());
        }
        assertThatThrownBy(() -> Trainer.resume(run, data(folder), null, Watcher.SILENT)).isInstanceOf(ConfigException.class)
            .hasMessageContaining("replaced: model=" + base + ", unet: SHA-256 is ").hasMessageNotContaining("vae");
        Files.write(file, first);
        TinyPipeline.write(base, "'prediction_type': 'sample'", "");
        assertThatThrownBy(() -> Trainer.resume(run, data(folder), null, Watcher.SILENT))
            .hasMessageContaining("model=" + base + ", scheduler: ");
    }

    private static Map<String, float[]> values(Path run) {
        return LoraFile.read(run.resolve(LoraTuning.DIFFUSERS)).changes().stream()
            .collect(Collectors.toMap(c -> c.network() + " " + c.target(), c -> c.b().floats()));
    }

    private static BooleanSupplier after(int steps) {
        int[] asked = {0};
        return () -> asked[0]++ >= steps;
    }

    @Test void ofSdxlTheUnetAndBothTextEncodersLearn() throws IOException {
        Path xl = TinyPipeline.writeXl(root.resolve("xl")), run = root.resolve("xl-run");
        RunConfig config = config(xl, folder, "textEncoder=true", "train.steps=3", "train.optimizer.lr=1e-2");
        assertThat(Trainer.start(run, config, data(folder), null, Watcher.SILENT)).isTrue();
        try (Painter base = Painter.open(ModelParts.open(xl), Painter.Options.DEFAULT); Scope scope = new Scope()) {
            for (LoraFile.Network n : LoraFile.Network.values()) {
                assertThat(LoraFile.read(run.resolve(LoraTuning.DIFFUSERS)).changes()).filteredOn(c -> c.network() == n)
                    .anyMatch(c -> c.b().abs().max().item() > 0);
            }
            Picture with = paint(base, run.resolve(LoraTuning.DIFFUSERS));
            assertThat(with.pixels()).isEqualTo(paint(base, run.resolve(LoraTuning.KOHYA)).pixels());
            assertThat(error(with, paint(base))).isPositive();
        }
    }

    @Test void whatCannotBeTrainedIsRefusedInOneLine() throws IOException {
        assertThatThrownBy(() -> tuning(TinyPipeline.write(root.resolve("inpaint"), "", "'in_channels': 9"), SPEC))
            .isInstanceOf(ConfigException.class)
            .hasMessage("'inpaint' cannot be trained by lora: it is an inpainting model: its U-Net wants 9 channels");
        assertThatThrownBy(() -> tuning(TinyPipeline.write(root.resolve("lcm"), "", "'time_cond_proj_dim': 8"), SPEC))
            .isInstanceOf(ConfigException.class).hasMessageContaining("it is distilled");
        Path flow = TinyPipeline.write(root.resolve("flow"), "'_class_name': 'FlowMatchEulerDiscreteScheduler'", "");
        assertThatThrownBy(() -> tuning(flow, SPEC)).isInstanceOf(ConfigException.class).hasMessageContaining("flow matching");
        Files.writeString(flow.resolve("model_index.json"), "{\"_class_name\": \"FluxPipeline\"}");
        assertThatThrownBy(() -> LoraTuning.side(flow)).isInstanceOf(ConfigException.class)
            .hasMessageContaining("is a FluxPipeline; there are");
        assertThatThrownBy(() -> tuning(model, new ImageSpec(3, 17, 17, 0))).isInstanceOf(IllegalArgumentException.class)
            .hasMessage("'model' wants pictures whose sides 2 divides, got 17x17; near it is data.size=18");
        assertThatThrownBy(() -> tuning(model, new ImageSpec(1, 16, 16, 0))).isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("in colour");
        assertThatThrownBy(() -> LoraTuning.FAMILY.build(LoraTuning.FAMILY.defaults(), SPEC, new Rng(1)))
            .isInstanceOf(ConfigException.class).hasMessageContaining("which model?");
        try (LoraTuning tuning = tuning(model, SPEC); Scope scope = new Scope()) {
            Batch bare = new Batch(Torch.zeros(1, 3, 16, 16));
            assertThatThrownBy(() -> tuning.updates().get(0).objective().of(bare, new Step(0, new Rng(1))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("captions");
        }
    }
}
