package io.palitra.thirdkind;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.Config;
import io.palitra.config.Help;
import io.palitra.data.Condition;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.Split;
import io.palitra.data.VideoSpec;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.job.SampleRequest;
import io.palitra.model.Build;
import io.palitra.model.Family;
import io.palitra.model.FamilyProvider;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Losses;
import io.palitra.model.Recipe;
import io.palitra.model.Update;
import io.palitra.model.Watcher;
import io.palitra.nn.Module;
import io.palitra.train.Evaluation;
import io.palitra.train.Run;
import io.palitra.train.RunConfig;
import io.palitra.train.Trainer;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a run of films leaves to look at, whatever the family. */
class FilmsTest {
    /** Registered by its name. */
    public static final class Provider implements FamilyProvider {
        @Override public List<Family<?>> families() {
            return List.of(new Family<>("meanfilm", "films by their mean", "none", new Config1(1),
                Recipe.of(1, 8, new OptimizerSpec.Adam(0.1, 0.9, 0.999, 1e-8)), new Sampling(0.1), "moving", MeanFilm::new));
        }
    }

    public record Config1(@Help(value = "factor", min = 0.1, max = 10) double scale) {}

    public record Sampling(@Help(value = "deviation of the noise", min = 0, max = 10) double noise) {}

    private static final class MeanFilm extends Module implements GenerativeModel<Sampling> {
        private final VideoSpec data;
        private final Tensor mean;

        MeanFilm(Config1 config, Build with) {
            data = VideoSpec.of("meanfilm", with.data());
            mean = parameter("mean", io.palitra.engine.Torch.zeros(data.shape()));
        }

        @Override public Module net() { return this; }

        @Override public Sampling samplingDefaults() { return new Sampling(0.1); }

        @Override public List<Update> updates() {
            return List.of(new Update("mse", this, (batch, step) -> Losses.of(batch.x().sub(mean).square().mean())));
        }

        @Override public Tensor sample(Sampling how, Condition given, int count, Rng rng) {
            return mean.add(rng.normal(count, data.frames(), data.channels(), data.height(), data.width()).mul(how.noise)).clamp(-1, 1);
        }
    }

    @TempDir Path folder;
    private final ClassLoader before = Thread.currentThread().getContextClassLoader();

    @BeforeEach void register() throws Exception {
        Path services = Files.createDirectories(folder.resolve("jar/META-INF/services"));
        Files.writeString(services.resolve("io.palitra.model.FamilyProvider"), Provider.class.getName() + "\n");
        Thread.currentThread().setContextClassLoader(new URLClassLoader(new URL[] {folder.resolve("jar").toUri().toURL()}, before));
    }

    @AfterEach void forget() { Thread.currentThread().setContextClassLoader(before); }

    @Test void aRunOfFilmsIsSeenToMoveAndItsSamplesAreWrittenAsFilms() throws Exception {
        DataOptions options = Config.with(DataOptions.DEFAULT, "frames=4", "size=24");
        Dataset train = Datasets.open("moving", Split.TRAIN, options), test = Datasets.open("moving", Split.TEST, options);
        RunConfig config = RunConfig.of("meanfilm", "moving", train, options, 3, List.of("train.steps=10"));
        Path run = folder.resolve("run");
        assertThat(Trainer.start(run, config, train, test, Watcher.SILENT)).isTrue();
        assertThat(run.resolve("samples.png")).exists();
        assertThat(Files.readAllBytes(run.resolve("samples.gif"))).startsWith('G', 'I', 'F');
        assertThat(run.resolve("samples-1.gif")).doesNotExist();
        assertThat(run.resolve("report.html")).content().contains("Samples that move", "data:image/gif;base64");

        Path one = folder.resolve("one.gif"), sheet = folder.resolve("sheet.png"), films = folder.resolve("films");
        SampleRequest request = Config.with(new SampleRequest(run.toString()), "n=3", "device=cpu");
        assertThat(Config.with(request, "out=" + one).run(Watcher.SILENT).files()).containsExactly(one);
        assertThat(Files.readAllBytes(one)).startsWith('G', 'I', 'F');
        assertThat(Config.with(request, "out=" + sheet).run(Watcher.SILENT).files()).containsExactly(sheet);
        assertThat(Config.with(request, "out=" + films).run(Watcher.SILENT).files()).contains(films.resolve("00000.png"),
            films.resolve("00000.gif"), films.resolve("00002.gif"));
        assertThatThrownBy(() -> Config.with(request, "out=" + one).run(Watcher.SILENT)).hasMessageContaining("exists");

        try (Run opened = Run.open(run, "cpu", s -> {})) {
            assertThat(Evaluation.of(opened, new Evaluation.Asked(test, 10), Watcher.SILENT).measures()).extracting("name")
                .contains("straight ways", "one thing alone", "seen throughout");
        }
    }

    @Test void whatIsNoVideoIsRefusedInALine() {
        Dataset digits = Datasets.open("strokes", Split.TRAIN, DataOptions.DEFAULT);
        assertThatThrownBy(() -> VideoSpec.of("meanfilm", digits.spec())).hasMessage("meanfilm wants video, got pictures of 1x28x28, "
            + "10 classes; the set moving is, and so is a folder of .gif or of folders of frames");
    }
}
