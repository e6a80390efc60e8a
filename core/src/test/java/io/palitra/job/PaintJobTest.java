package io.palitra.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.data.FormatException;
import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.edit.TinyVq;
import io.palitra.engine.LivePointers;
import io.palitra.engine.Scope;
import io.palitra.model.Watcher;
import io.palitra.paint.TinyPipeline;
import io.palitra.report.Png;
import io.palitra.stage.TinyClip;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Painting and dreaming into files, as a program that embeds them asks for it. */
class PaintJobTest {
    @TempDir private static Path root;
    private static Path model;

    @BeforeAll static void models() throws IOException { model = TinyPipeline.write(root.resolve("tiny"), 1); }

    /** Remembers all that it gets. */
    private static class Seen implements Watcher {
        final List<String> ticks = new ArrayList<>(), notes = new ArrayList<>();
        final List<Path> files = new ArrayList<>();
        final List<Picture> pictures = new ArrayList<>();

        @Override public void tick(String what, long done, long of, Map<String, Double> figures, Supplier<Optional<Picture>> preview) {
            ticks.add(what + " " + done + "/" + of);
        }

        @Override public void finished(int i, Picture picture) {
            assertThat(i).isEqualTo(pictures.size());
            pictures.add(picture);
        }

        @Override public void note(String line) { notes.add(line); }

        @Override public void wrote(Path file) {
            assertThat(file).isNotEmptyFile();
            files.add(file);
        }
    }

    private static PaintJob job(int n, Path out) {
        return with(new PaintJob("a castle", model.toString()), n, out);
    }

    private static PaintJob with(PaintJob job, int n, Path out) {
        return Config.with(job, "how.n=" + n, "how.steps=3", "how.seed=5", "out=" + out, "device=cpu");
    }

    private static byte[] pixels(Path png) throws IOException {
        return Pictures.read(Files.readAllBytes(png), png.toString(), Limits.DEFAULT).pixels();
    }

    @Test void aWatcherSeesEveryStepPictureAndFile() throws IOException {
        Seen seen = new Seen();
        PaintJob.Result result = job(2, root.resolve("two")).run(seen);
        assertThat(result.files()).containsExactly(root.resolve("two/paint-5.png"), root.resolve("two/paint-6.png"));
        assertThat(result.stopped()).isFalse();
        assertThat(result.seed()).isEqualTo(5);
        assertThat(seen.files).isEqualTo(result.files());
        assertThat(seen.ticks).containsExactly("step 1/6", "step 2/6", "step 3/6", "step 4/6", "step 5/6", "step 6/6");
        for (int i = 0; i < 2; i++) assertThat(seen.pictures.get(i).pixels()).isEqualTo(pixels(result.files().get(i)));
        assertThat(seen.notes).singleElement().asString().contains("its weights take");
    }

    @Test void aPictureIsPaintedAgainFromItself() throws IOException {
        Path first = root.resolve("first.png"), again = root.resolve("again.png");
        job(1, first).run(Watcher.SILENT);
        PaintJob like = PaintJob.like(first);
        assertThat(like.prompt()).isEqualTo("a castle");
        assertThat(like.model()).as("found by its name and hash").isEmpty();
        Config.with(like, "out=" + again, "device=cpu").run(Watcher.SILENT);
        assertThat(pixels(again)).isEqualTo(pixels(first));
        assertThatThrownBy(() -> PaintJob.like(model.resolve("model_index.json"))).isInstanceOf(FormatException.class);
        PictureSettings told = PictureSettings.of(Png.text(first)).orElseThrow();
        assertThat(told.kind()).isEqualTo("paint");
        assertThat(told.not()).isEmpty();
        assertThat(told.request().path("model").asText()).as("its last name").isEqualTo("tiny");
        Path third = root.resolve("third.png");
        PaintJob request = (PaintJob) Requests.of(told.kind(), told.request().put("model", model.toString()));
        Config.with(request, "out=" + third, "device=cpu").run(Watcher.SILENT);
        assertThat(pixels(third)).isEqualTo(pixels(first));
    }

    @Test void whatWasFinishedWhenItIsStoppedIsWritten() throws IOException {
        Seen stops = new Seen() {
            @Override public boolean stop() { return ticks.size() == 5; }
        };
        PaintJob.Result result = job(3, root.resolve("stopped")).run(stops);
        assertThat(result.stopped()).isTrue();
        assertThat(result.files()).singleElement().isEqualTo(root.resolve("stopped/paint-5.png"));
        assertThat(stops.notes).last().isEqualTo("stopped at step 5 of 9, 1 of 3 pictures are painted");
    }

    @Test void whatIsRefusedNamesItsKeyAndFreesTheModel() throws IOException {
        Path there = Files.writeString(root.resolve("there.png"), "mine");
        long live = LivePointers.settled();
        assertThatThrownBy(() -> job(1, there).run(Watcher.SILENT)).isInstanceOfSatisfying(ConfigException.class, e -> {
            assertThat(e.key()).isEqualTo("out");
            assertThat(e).hasMessage("'" + there + "' exists; choose another out=, or force=true");
        });
        PaintJob odd = Config.with(job(1, root.resolve("odd.png")), "how.width=33", "how.height=32");
        assertThatThrownBy(() -> odd.run(Watcher.SILENT)).isInstanceOf(ConfigException.class).hasMessageContaining("divisible by 8");
        assertThat(Scope.livePointers()).isLessThanOrEqualTo(live);
        assertThat(there).hasContent("mine");
    }

    @Test void aDreamIsDreamtAgainFromItself() throws IOException {
        Path vqgan = TinyVq.write(root.resolve("vqgan"), ""), clip = TinyClip.write(root.resolve("clip"));
        Path first = root.resolve("dream-1"), again = root.resolve("dream-2"), target = root.resolve("target.png");
        Png.write(target, new Picture(3, 16, 16, new byte[3 * 16 * 16]), Map.of());
        Seen seen = new Seen();
        DreamJob job = Config.with(new DreamJob("a castle", vqgan.toString(), clip.toString()), "how.iterations=3", "how.cutouts=4",
            "targets=" + target + ":0.5", "device=cpu", "out=" + first);
        DreamJob.Result result = job.run(seen);
        assertThat(result.files()).containsExactlyElementsOf(seen.files).startsWith(first.resolve("dream.png"), first.resolve("dream.gif"));
        assertThat(result.cosines()).hasSize(1);
        assertThat(seen.ticks).containsExactly("iterations 0/3", "iterations 1/3", "iterations 2/3", "iterations 3/3");
        assertThat(seen.notes).contains("dream: 'a castle' by 1");
        DreamJob like = Config.with(DreamJob.like(first.resolve("dream.png")), "out=" + again, "device=cpu");
        assertThat(like.targets()).as("by name").contains("target.png").contains(":0.5");
        like.run(Watcher.SILENT);
        PictureSettings told = PictureSettings.of(Png.text(first.resolve("dream.png"))).orElseThrow();
        DreamJob named = (DreamJob) Requests.of(told.kind(), told.request());
        assertThat(named.how()).isEqualTo(job.how());
        assertThat(List.of(named.vqgan(), named.clip(), named.targets())).containsExactly("vqgan", "clip", "target.png :0.5");
        assertThat(pixels(again.resolve("dream.png"))).isEqualTo(pixels(first.resolve("dream.png")));
        assertThatThrownBy(() -> like.run(Watcher.SILENT)).isInstanceOfSatisfying(ConfigException.class, e -> {
            assertThat(e.key()).isEqualTo("out");
            assertThat(e).hasMessageContaining("choose another out=, or force=true");
        });
    }
}
