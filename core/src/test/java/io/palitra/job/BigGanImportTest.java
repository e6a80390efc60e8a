package io.palitra.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.data.FormatException;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import io.palitra.model.Watcher;
import io.palitra.net.BigGanDeep;
import io.palitra.train.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The folder of a public BigGAN becomes a run that is drawn from. */
class BigGanImportTest {
    private static final String SMALL = """
        {"z_dim": 4, "class_embed_dim": 4, "channel_width": 3, "num_classes": 3, "output_dim": 16, "eps": 1e-4, "n_stats": 3,
        "attention_layer_position": 1, "layers": [[true, 16, 8], [true, 8, 4], [false, 4, 2], [false, 2, 1]]}""";

    @TempDir static Path root;
    private static Path folder;
    private static Path run;

    @BeforeAll static void importIt() throws IOException {
        folder = Files.createDirectory(root.resolve("public"));
        Files.writeString(folder.resolve("config.json"), SMALL);
        try (Scope scope = new Scope(); BigGanDeep net = new BigGanDeep(BigGanDeep.Config.fromJson(new ObjectMapper().readTree(SMALL),
                note -> { }), new Rng(1))) {
            Map<String, Tensor> state = new LinkedHashMap<>(net.state());
            state.put("generator.layers.1.gamma", Torch.full(0.5, 1));
            Safetensors.write(folder.resolve("model.safetensors"), state, Map.of("format", "pt"));
        }
        run = root.resolve("run");
        new ImportRequest(folder.toString(), run.toString()).run(Watcher.SILENT);
    }

    @Test void itsSamplesAreThoseOfTheNetworkAndFollowClassAndTruncation() throws IOException {
        try (Run opened = Run.open(run, "cpu", note -> { }); Scope scope = new Scope(); Guard g = Torch.noGrad();
                BigGanDeep net = new BigGanDeep(BigGanDeep.Config.fromJson(Json.read(folder.resolve("config.json")), note -> { }),
                    Rng.silent())) {
            net.loadPublic(Safetensors.read(folder.resolve("model.safetensors")).tensors(), note -> { });
            assertThat(opened.config().settings().classes()).containsExactly("0", "1", "2");
            Tensor drawn = opened.sample(2, 5, List.of("label=2", "truncation=0.5"));
            assertThat(drawn.shape()).containsExactly(2, 3, 16, 16);
            assertThat(drawn.floats()).isNotEqualTo(opened.sample(2, 5, List.of("label=1", "truncation=0.5")).floats());
            assertThat(drawn.floats()).isNotEqualTo(opened.sample(2, 5, List.of("label=2")).floats());
            assertThat(opened.sample(2, 5, List.of("label=2")).floats()).isEqualTo(opened.sample(2, 5, List.of("label=2", "truncation=1"))
                .floats());
            Tensor noise = io.palitra.stage.GanNet.truncated(2, 2, 4, new Rng(5)).mul(0.5);
            Tensor wanted = net.forward(noise, Torch.oneHot(Torch.of(new long[] {2, 2}, 2), 3), 0.5);
            assertThat(drawn.sub(wanted).abs().max().item()).isLessThan(1e-6);
        }
    }

    @Test void theJobsOfOtherRunsWorkOnIt() throws IOException {
        Path png = root.resolve("samples.png"), walk = root.resolve("walk.png");
        Config.with(new SampleRequest(run.toString()), "n=4", "label=1", "out=" + png, "device=cpu").run(Watcher.SILENT);
        Config.with(new InterpolateRequest(run.toString()), "rows=1", "steps=3", "out=" + walk, "device=cpu").run(Watcher.SILENT);
        assertThat(png).isNotEmptyFile();
        assertThat(root.resolve("walk.gif")).isNotEmptyFile();
    }

    @Test void aTruncationThatItHasNoStatisticsOfAndTrainingAreRefused() throws IOException {
        try (Run opened = Run.open(run, "cpu", note -> { })) {
            assertThatThrownBy(() -> opened.sample(1, 0, List.of("truncation=1.5"))).isInstanceOf(ConfigException.class)
                .hasMessage("illegal truncation: 1.5, must be above 0 and at most 1, or 0, for 1, of a public BigGAN");
            assertThatThrownBy(() -> opened.model().updates()).hasMessage("net=deep is a public BigGAN's generator without a "
                + "discriminator: it is drawn from, not trained; net=plain and net=biggan are");
        }
    }

    @Test void optionsOfOtherFilesAndDamagedFoldersAreRefusedAndNothingIsMade() throws IOException {
        Path out = root.resolve("none");
        assertThatThrownBy(() -> Config.with(new ImportRequest(folder.toString(), out.toString()), "ema=true").run(Watcher.SILENT))
            .hasMessage("'" + folder + "' is a folder of a BigGAN, so it takes no ema=");
        Path other = Files.createDirectory(root.resolve("other"));
        Files.copy(folder.resolve("model.safetensors"), other.resolve("model.safetensors"));
        Files.writeString(other.resolve("config.json"), SMALL.replace("\"num_classes\": 3", "\"num_classes\": 4"));
        assertThatThrownBy(() -> new ImportRequest(other.toString(), out.toString()).run(Watcher.SILENT))
            .isInstanceOf(FormatException.class)
            .hasMessageContaining("weights do not fit the network: 'embeddings.weight' has the shape");
        Files.writeString(other.resolve("config.json"), SMALL.replace("\"n_stats\": 3", "\"n_stats\": 1"));
        assertThatThrownBy(() -> new ImportRequest(other.toString(), out.toString()).run(Watcher.SILENT))
            .isInstanceOf(FormatException.class)
            .hasMessageContaining("illegal n_stats: 1, must be 2 to 65536");
        assertThat(out).doesNotExist();
    }

    @Test void keysThatAreNoneAreNamedOnce() throws IOException {
        Path other = Files.createDirectory(root.resolve("more"));
        Files.copy(folder.resolve("model.safetensors"), other.resolve("model.safetensors"));
        Files.writeString(other.resolve("config.json"), SMALL.replace("\"n_stats\": 3", "\"n_stats\": 3, \"colour\": 1"));
        List<String> notes = new ArrayList<>();
        new ImportRequest(other.toString(), root.resolve("more-run").toString()).run(new Watcher() {
            @Override public void note(String line) { notes.add(line); }
        });
        assertThat(notes).containsExactly("passed over, BigGANConfig has no such keys: colour",
            other + ": a BigGAN-deep of 16x16 pixels and 3 classes, as a run of gan");
    }
}
