package io.palitra.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.Config;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.model.Watcher;
import io.palitra.stage.ClipEmbedder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SmallRunTest {
    @TempDir Path root;

    private Run trained(String family) throws Exception {
        RunConfig config = TinyRuns.config(family, root);
        Path folder = root.resolve("runs").resolve(family);
        Trainer.start(folder, config, TinyRuns.train(config), null, Watcher.SILENT);
        return Run.open(folder, "cpu", line -> { });
    }

    private void noPlaceOfThisMachine(Path folder) throws Exception {
        assertThat(Files.readString(folder.resolve(Run.CONFIG))).doesNotContain(root.toString());
    }

    @Test void itDrawsWhatTheRunDrawsInHalfTheBytes() throws Exception {
        Path small = root.resolve("small");
        try (Run run = trained("vae"); Scope scope = new Scope()) {
            SmallRun.write(run, small, Map.of(), line -> { });
            noPlaceOfThisMachine(small);
            assertThat(small.toFile().list()).containsExactlyInAnyOrder(Run.CONFIG, Run.MODEL);
            assertThat(Files.size(small.resolve(Run.MODEL))).isLessThan(Files.size(run.folder().resolve(Run.MODEL)) * 6 / 10);
            List<String> notes = new ArrayList<>();
            try (Run again = Run.open(small, "cpu", notes::add)) {
                Tensor one = run.sample(8, 1, List.of()), other = again.sample(8, 1, List.of());
                assertThat(one.sub(other).abs().max().item()).isBetween(1e-9, 0.05);
            }
            assertThat(notes).isEmpty();
            assertThatThrownBy(() -> SmallRun.write(run, small, Map.of(), line -> { })).hasMessageContaining("exists");
            assertThatThrownBy(() -> SmallRun.write(run, root.resolve("x"), Map.of("stage", small), line -> { }))
                .hasMessage("'stage' names no model of the run");
        }
    }

    @Test void whatItIsBuiltUponIsNamedAndPinned() throws Exception {
        try (Run run = trained("tokens"); Scope scope = new Scope()) {
            Path stage = Path.of(Config.paths(run.config().model()).get("stage")), small = root.resolve("tiny-stage");
            try (Run first = Run.open(stage, "cpu", line -> { })) { SmallRun.write(first, small, Map.of(), line -> { }); }
            Path second = root.resolve("tiny-tokens");
            SmallRun.write(run, second, Map.of("stage", small), line -> { });
            noPlaceOfThisMachine(second);
            RunConfig config = RunConfig.read(second.resolve(Run.CONFIG));
            assertThat(Config.paths(config.model())).containsEntry("stage", "tiny-stage");
            new RunConfig(config.settings(), Config.with(config.model(), "stage=" + small)).write(second.resolve(Run.CONFIG));
            try (Run again = Run.open(second, "cpu", line -> { })) {
                assertThat(again.sample(2, 1, List.of()).isFinite().all().item()).isOne();
            }
            new RunConfig(config.settings(), Config.with(config.model(), "stage=" + stage)).write(second.resolve(Run.CONFIG));
            assertThatThrownBy(() -> Run.open(second, "cpu", line -> { })).as("the first stage in full is another")
                .hasMessageContaining("what the run is built upon was replaced");
        }
    }

    @Test void aClipRanksStill() throws Exception {
        Path small = root.resolve("small");
        try (Run run = trained("clip"); Scope scope = new Scope()) {
            SmallRun.write(run, small, Map.of(), line -> { });
            try (ClipEmbedder one = ClipEmbedder.open(run.folder().toString()); ClipEmbedder other = ClipEmbedder.open(small.toString())) {
                Tensor a = one.embedText(List.of("a red circle")), b = other.embedText(List.of("a red circle"));
                assertThat(a.mul(b).sum().item()).isBetween(0.99, 1.001);
            }
        }
    }
}
