package io.palitra.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.model.Watcher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TogetherTest {
    @TempDir private static Path root;
    private static String run;

    @BeforeAll static void train() throws IOException {
        run = root.resolve("tiny").toString();
        Config.replace(Config.with(new TrainRequest("diffusion"), "data=strokes", "out=" + run), "set", List.of("net.channels=8,8,8",
            "net.groups=4", "net.layers=1", "train.steps=2")).run(Watcher.SILENT);
    }

    private static SampleRequest samples(long seed, int n, String out) {
        return Config.with(new SampleRequest(run), "n=" + n, "seed=" + seed, "sampling=sampler.steps=3", "each=true",
            "out=" + root.resolve(out));
    }

    private static Together.Part part(SampleRequest request, Watcher watcher, List<Object> ends) {
        return new Together.Part(request, watcher, ends::add, ends::add);
    }

    @Test void picturesAreThoseThatEachRequestMakesAlone() throws IOException {
        List<Object> ends = new ArrayList<>();
        List<Together.Part> parts = new ArrayList<>();
        for (int seed = 0; seed < 4; seed++) {
            parts.add(part(samples(seed, 1 + seed, "together-" + seed), Watcher.SILENT, ends));
            assertThat(Together.alike(parts.get(0).request(), parts.get(seed).request())).isTrue();
        }
        Together.run(parts);
        assertThat(ends).hasSize(4).allMatch(e -> e instanceof SampleRequest.Result);
        for (int seed = 0; seed < 4; seed++) {
            SampleRequest.Result alone = samples(seed, 1 + seed, "alone-" + seed).run(Watcher.SILENT);
            for (Path file : alone.files()) {
                Picture a = read(file), b = read(root.resolve("together-" + seed).resolve(file.getFileName()));
                for (int i = 0; i < a.pixels().length; i++) assertThat(Math.abs(a.pixels()[i] - b.pixels()[i])).isLessThanOrEqualTo(1);
            }
        }
    }

    private static Picture read(Path file) throws IOException {
        return Pictures.read(Files.readAllBytes(file), file.toString(), Limits.DEFAULT);
    }

    @Test void oneThatIsStoppedEndsAlone() {
        List<Object> ends = new ArrayList<>();
        Watcher stops = new Watcher() {
            @Override public boolean stop() { return true; }
        };
        Together.run(List.of(part(samples(1, 1, "one"), Watcher.SILENT, ends), part(samples(2, 1, "two"), stops, ends)));
        assertThat(ends).hasSize(2);
        assertThat(ends.get(0)).isInstanceOf(CancellationException.class);
        assertThat(ends.get(1)).isInstanceOf(SampleRequest.Result.class);
        assertThat(root.resolve("two")).isEmptyDirectory();
    }

    @Test void oneThatCannotBeIsRefusedAlone() {
        List<Object> ends = new ArrayList<>();
        SampleRequest wrong = Config.with(samples(2, 1, "wrong"), "label=x");
        assertThat(Together.alike(samples(1, 1, "right"), wrong)).isFalse();
        Together.run(List.of(part(wrong, Watcher.SILENT, ends)));
        assertThat(ends).singleElement().isInstanceOf(ArgumentException.class);
    }

    @Test void whatIsAskedOtherwiseIsNotDrawnTogether() {
        SampleRequest one = samples(1, 1, "a");
        assertThat(Together.alike(one, Config.with(one, "sampling=sampler.steps=4"))).isFalse();
        assertThat(Together.alike(one, Config.with(one, "animation=a.gif"))).isFalse();
        assertThat(Together.alike(one, new DrawRequest("a circle"))).isFalse();
        assertThat(Together.alike(one, Config.with(one, "seed=9", "n=3", "each=false"))).isTrue();
    }

    @Test void modelsStayOpenWithinTheirBudget() throws IOException {
        try (OpenModels models = new OpenModels(1 << 20)) {
            try (var here = models.here()) {
                samples(5, 1, "first").run(Watcher.SILENT);
                samples(6, 1, "second").run(Watcher.SILENT);
            }
            assertThat(models.loaded()).singleElement().satisfies(m -> {
                assertThat(m.name()).isEqualTo("tiny");
                assertThat(m.bytes()).isBetween(1000L, Files.size(root.resolve("tiny/model.safetensors")) * 2);
            });
        }
        try (OpenModels small = new OpenModels(100); var here = small.here()) {
            assertThatThrownBy(() -> samples(7, 1, "third").run(Watcher.SILENT)).isInstanceOf(ArgumentException.class)
                .hasMessageContaining("'tiny' takes").hasMessageContaining("left for models");
        }
    }
}
