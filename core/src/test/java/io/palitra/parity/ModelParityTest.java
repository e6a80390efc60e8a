package io.palitra.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.Json;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import io.palitra.net.Unet2d;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** With the weights of public libraries our networks compute what theirs compute: every folder of reference numbers is a case. */
class ModelParityTest {
    private static final double TOLERANCE = 2e-4;   // of the largest output

    private static final Path FOLDER =
        Path.of(Optional.ofNullable(System.getenv("PALITRA_PARITY")).orElse("../shared/parity"), "models");

    @TestFactory
    Stream<DynamicTest> aPublicNetworkComputesWhatItsOwnLibraryComputes() throws IOException {
        if (!Files.isDirectory(FOLDER)) {
            String why = "no reference numbers at " + FOLDER + "; PALITRA_PARITY names their folder";
            return Stream.of(dynamicTest("models", () -> abort(why)));
        }
        List<Path> cases;
        try (Stream<Path> folders = Files.list(FOLDER)) {
            cases = folders.filter(f -> Files.isRegularFile(f.resolve("config.json"))).sorted().toList();
        }
        assertThat(cases).as("cases under " + FOLDER).isNotEmpty();
        return cases.stream().map(folder -> dynamicTest(folder.getFileName().toString(), () -> compare(folder)));
    }

    private static void compare(Path folder) throws IOException {
        JsonNode config = Json.read(folder.resolve("config.json"));
        String kind = config.path("_class_name").asText(config.path("architectures").path(0).asText());
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            switch (kind) {
                case "UNet2DModel" -> unet2d(folder, config);
                default -> abort("no network for '" + kind + "' of " + folder.getFileName());
            }
        }
    }

    private static void unet2d(Path folder, JsonNode config) {
        Map<String, Tensor> io = Safetensors.read(folder.resolve("io.safetensors")).tensors();
        assertThat(io.keySet()).contains("sample", "timestep", "output").isSubsetOf(Set.of("sample", "timestep", "class_labels", "output"));
        try (Unet2d unet = new Unet2d(Unet2d.Config.fromJson(config), new Rng(0))) {
            unet.load(Safetensors.read(folder.resolve("diffusion_pytorch_model.safetensors")).tensors());
            unet.training(false);
            same(unet.forward(get(io, "sample"), get(io, "timestep"), io.get("class_labels")), get(io, "output"));
        }
    }

    private static Tensor get(Map<String, Tensor> io, String name) { return Objects.requireNonNull(io.get(name), name); }

    private static void same(Tensor got, Tensor wanted) {
        assertThat(got.shape()).isEqualTo(wanted.shape());
        double worst = got.sub(wanted).abs().max().item() / wanted.abs().max().item();
        assertThat(worst).as("largest difference, of the largest output").isLessThanOrEqualTo(TOLERANCE);
    }
}
