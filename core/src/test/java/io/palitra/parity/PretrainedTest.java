package io.palitra.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.palitra.config.Json;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import io.palitra.hub.TorchFile;
import io.palitra.metric.Psnr;
import io.palitra.net.AutoencoderTiny;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

/** With trained public weights, from the files their authors publish, our networks make of photographs what the reference makes of them. */
class PretrainedTest {
    private static final double TOLERANCE = 2e-4;   // of the largest value
    private static final double[] DECIBELS = {40.70, 35.98, 36.95, 36.12};

    @Test void taef2KeepsPhotographsAsTheReferenceDoes() {
        Path folder = Path.of(Optional.ofNullable(System.getenv("PALITRA_PRETRAINED")).orElse("../shared/pretrained"), "taef2");
        assumeTrue(Files.isDirectory(folder), "no weights at " + folder + "; PALITRA_PRETRAINED names the folder above");
        AutoencoderTiny.Config config = AutoencoderTiny.Config.fromJson(
            Json.read("taef2", "{\"latent_channels\": 32, \"use_midblock_gn\": true}"));
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); AutoencoderTiny net = new AutoencoderTiny(config, new Rng(0))) {
            net.load(AutoencoderTiny.named(TorchFile.read(folder.resolve("taef2_encoder.pth")),
                TorchFile.read(folder.resolve("taef2_decoder.pth"))));
            net.training(false);
            Map<String, Tensor> io = Safetensors.read(folder.resolve("io.safetensors")).tensors();
            assertThat(io).hasSize(3);
            Tensor x = get(io, "images_u8").permute(0, 3, 1, 2).to(DType.F32).div(255);   // [B,H,W,C] to [B,C,H,W] in [0,1]
            Tensor z = net.encode(x.mul(2).sub(1));
            same("latents", z, get(io, "latents"));
            Tensor y = net.decode(z).add(1).div(2).clamp(0, 1);
            same("pictures", y, get(io, "decoded"));
            double[] got = Psnr.decibels(x, y, 1).doubles();
            assertThat(got).containsExactly(DECIBELS, Offset.offset(0.006));
        }
    }

    private static Tensor get(Map<String, Tensor> io, String name) { return Objects.requireNonNull(io.get(name), name); }

    private static void same(String what, Tensor got, Tensor wanted) {
        assertThat(got.shape()).isEqualTo(wanted.shape());
        double worst = got.sub(wanted).abs().max().item() / wanted.abs().max().item();
        assertThat(worst).as("largest difference of " + what + ", of the largest value").isLessThanOrEqualTo(TOLERANCE);
    }
}
