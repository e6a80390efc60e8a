package io.palitra.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.Json;
import io.palitra.data.Picture;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.hub.ModelFolder;
import io.palitra.hub.Safetensors;
import io.palitra.paint.PaintRequest;
import io.palitra.paint.Painter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Whole pipelines compute what diffusers computes: every run that {@code NAME-io.json} describes on a folder {@code NAME-tiny}. */
class PipelineParityTest {
    private static final double TOLERANCE = 1e-3;   // of the largest latent

    @TestFactory
    Stream<DynamicTest> aPublicPipelineDrawsWhatItsOwnLibraryDraws() throws Exception {
        List<DynamicTest> tests = new ArrayList<>();
        for (Path folder : References.all("pipelines")) {
            List<Path> cases;
            try (Stream<Path> files = Files.list(folder)) {
                cases = files.filter(f -> f.getFileName().toString().endsWith("-io.json")).sorted().toList();
            }
            assertThat(cases).as("cases under " + folder).isNotEmpty();
            for (Path file : cases) {
                String stem = file.getFileName().toString().replace("-io.json", "");
                for (Map.Entry<String, JsonNode> run : Json.read(file).properties()) {
                    tests.add(dynamicTest(stem + " " + run.getKey(), () -> compare(folder, stem, run.getKey(), Json.read(file))));
                }
            }
        }
        return tests.isEmpty() ? Stream.of(dynamicTest("pipelines", () -> abort(References.none("pipelines")))) : tests.stream();
    }

    private static void compare(Path folder, String stem, String name, JsonNode runs) {
        JsonNode run = runs.get(name), like = run.has("like") ? runs.get(run.get("like").asText()) : run;
        PaintRequest request = PaintRequest.of(like.get("prompt").asText()).awayFrom(like.get("negative_prompt").asText())
            .with("steps=" + like.get("steps"), "guidance=" + like.get("guidance_scale"),
                "guidanceRescale=" + like.path("guidance_rescale").asDouble(0), "eta=" + like.path("eta").asDouble(0));
        if (run.has("file")) {
            request = request.with(new PaintRequest.Lora(folder.resolve(run.get("file").asText()), run.get("scale").asDouble()));
        }
        try (Scope scope = new Scope(); Painter painter = Painter.open(ModelFolder.open(folder.resolve(stem + "-tiny")),
                Painter.Options.DEFAULT)) {
            Map<String, Tensor> io = Safetensors.read(folder.resolve(stem + "-io.safetensors")).tensors();
            List<String> inputs = texts(like.get("inputs")), outputs = texts(run.get("outputs"));
            if (like.has("strength")) {
                Picture grey = new Picture(1, 8, 8, new byte[64]);   // the latents of a picture are given
                request = request.with(new PaintRequest.Edit(grey, like.get("strength").asDouble(), null, 0, PaintRequest.Margin.NONE));
            }
            Tensor noise = get(io, inputs.get(inputs.size() - 1)), known = like.has("strength") ? get(io, inputs.get(0)) : null;
            Tensor z = painter.latents(request, noise, known, x -> { throw new AssertionError("this run adds no noise"); });
            same(z, get(io, outputs.get(0)));
            if (like == run && !like.has("strength")) {
                same(painter.context(request.prompt()), get(io, "prompt_embeds"));
                same(painter.context(request.negative()), get(io, "negative_prompt_embeds"));
            }
            if (outputs.size() > 1) pictures(painter, z, get(io, outputs.get(1)));
        }
    }

    /** wanted [B,H,W,3] in 0 to 1 */
    private static void pictures(Painter painter, Tensor z, Tensor wanted) {
        for (int i = 0; i < z.size(0); i++) {
            byte[] got = painter.decode(z.rows(i, 1)).pixels();
            float[] want = wanted.select(0, i).permute(2, 0, 1).contiguous().floats();
            assertThat(got).hasSize(want.length);
            for (int k = 0; k < got.length; k++) assertThat((got[k] & 0xff) - 255 * want[k]).isBetween(-0.8f, 0.8f);
        }
    }

    private static List<String> texts(JsonNode oneOrMany) {
        if (oneOrMany.isTextual()) return List.of(oneOrMany.asText());
        List<String> all = new ArrayList<>();
        oneOrMany.forEach(n -> all.add(n.asText()));
        return all;
    }

    private static Tensor get(Map<String, Tensor> io, String name) { return Objects.requireNonNull(io.get(name), name); }

    private static void same(Tensor got, Tensor wanted) {
        assertThat(got.shape()).isEqualTo(wanted.shape());
        double worst = got.sub(wanted).abs().max().item() / wanted.abs().max().item();
        assertThat(worst).as("largest difference, of the largest number").isLessThanOrEqualTo(TOLERANCE);
    }
}
