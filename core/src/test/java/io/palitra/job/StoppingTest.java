package io.palitra.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.Config;
import io.palitra.data.Picture;
import io.palitra.model.Watcher;
import io.palitra.train.TinyRuns;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every request shows how far it is, and ends where its watcher wants that. */
class StoppingTest {
    @TempDir private static Path root;
    private static Path runs;

    @BeforeAll static void runs() throws Exception {
        runs = root.resolve("runs");
        TinyRuns.main(new String[] {Files.createDirectories(root.resolve("stages")).toString(), runs.toString(), "dalle", "vae",
            "diffusion", "pixelcnn"});
    }

    /** Counts ticks, and ends the work at the tick of that number. */
    private static final class Stopper implements Watcher {
        final List<String> ticks = new ArrayList<>();
        private final int at;

        Stopper(int at) { this.at = at; }

        @Override public void tick(String what, long done, long of, Map<String, Double> figures, Supplier<Optional<Picture>> preview) {
            ticks.add(what);
            preview.get();
        }

        @Override public boolean stop() { return ticks.size() >= at; }
    }

    private static void ends(Request<?> request, String what, int more) throws Exception {
        Stopper free = new Stopper(Integer.MAX_VALUE), stopped = new Stopper(2);
        request.run(free);
        assertThat(free.ticks).as(request.getClass().getSimpleName()).anyMatch(t -> t.startsWith(what)).hasSizeGreaterThan(more);
        assertThatThrownBy(() -> request.run(stopped)).as(request.getClass().getSimpleName()).isInstanceOf(CancellationException.class);
        assertThat(stopped.ticks).as(request.getClass().getSimpleName()).hasSizeLessThan(free.ticks.size());
    }

    private static String out(String name) { return "out=" + root.resolve(name); }

    private static String run(String name) { return runs.resolve(name).toString(); }

    @Test void whatDrawsStepByStepEndsBetweenTwoSteps() throws Exception {
        ends(Config.with(new DrawRequest("two"), "model=" + run("dalle"), "clip=", out("d.png"), "force=true"), "step", 2);
        ends(Config.with(new SampleRequest(run("diffusion")), "n=2", out("s.png"), "force=true"), "step", 2);
        ends(Config.with(new CompleteRequest(run("pixelcnn"), 4), "n=2", out("c.png"), "force=true"), "step", 2);
    }

    @Test void whatDrawsInOneEndsBetweenTwoBatches() {
        Watcher never = new Watcher() {
            @Override public boolean stop() { return true; }
        };
        SampleRequest many = Config.with(new SampleRequest(run("vae")), "n=300", out("many.png"), "force=true");
        assertThatThrownBy(() -> many.run(never)).isInstanceOf(CancellationException.class);
        assertThat(root.resolve("many.png")).doesNotExist();
    }

    @Test void whatLooksAtManyItemsEndsBetweenTwoBatches() throws Exception {
        String toy = run("vae");
        ends(Config.with(new AnomaliesRequest(toy, "strokes"), out("a"), "force=true"), "scoring ", 3);
        ends(Config.with(new MapRequest(toy), "n=300", out("m.png"), "force=true"), "codes of 300 items", 2);
        ends(Config.with(new WalkRequest(toy), "seeds=1,2", "between=70", "directions=0", out("w"), "force=true"), "pictures", 2);
        ends(Config.with(new ReconstructRequest(toy), "n=300", out("r.png"), "force=true"), "items", 3);
        Request<?> path = Config.with(new InterpolateRequest(toy), "grid=true", "steps=12", out("i.png"), "force=true");
        assertThatThrownBy(() -> path.run(new Stopper(1))).isInstanceOf(CancellationException.class);
    }
}
