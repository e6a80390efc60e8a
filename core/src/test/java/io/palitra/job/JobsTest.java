package io.palitra.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.data.DataOptions;
import io.palitra.data.Picture;
import io.palitra.data.Split;
import io.palitra.model.Measure;
import io.palitra.model.Watcher;
import io.palitra.report.Png;
import io.palitra.stage.TinyClip;
import io.palitra.train.RunLock;
import io.palitra.train.TinyRuns;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Requests that a Java program makes, without a terminal. */
@Timeout(300)
class JobsTest {
    @TempDir static Path root;
    private static Path run, pictures;
    private static Trained begun;

    /** Keeps what it is given. */
    private static final class Log implements Watcher {
        private final List<String> notes = new ArrayList<>(), begins = new ArrayList<>(), ticks = new ArrayList<>();
        private final List<Path> wrote = new ArrayList<>();

        @Override public void tick(String what, long done, long of, Map<String, Double> figures, Supplier<Optional<Picture>> preview) {
            ticks.add(what + " " + done + "/" + of);
        }

        @Override public void begins(String line) { begins.add(line); }

        @Override public void note(String line) { notes.add(line); }

        @Override public void wrote(Path file) { wrote.add(file); }
    }

    private static TrainRequest training(String family, Path out, String... set) {
        List<String> keys = new ArrayList<>(List.of("train.batch=4", "latent=2", "net.hidden=8"));
        keys.addAll(List.of(set));
        return new TrainRequest(family, pictures.toString(), "", keys, 3, out.toString(), "cpu", TrainRequest.Precision.FP32, 1, 0);
    }

    @BeforeAll static void aRunThatWasStopped() throws Exception {
        pictures = Files.createDirectories(root.resolve("pictures"));
        for (int i = 0; i < 24; i++) {
            byte[] p = new byte[64];
            Arrays.fill(p, 0, 32, (byte) (10 * i));
            Png.write(pictures.resolve(String.format("%02d.png", i)), new Picture(1, 8, 8, p), Map.of());
        }
        run = root.resolve("run");
        int[] asked = {0};
        begun = training("vae", run, "train.steps=8").run(TinyRuns.until(() -> asked[0]++ > 4));
    }

    @Test void aRunIsTrainedStoppedResumedSampledAndEvaluated() throws Exception {
        assertThat(begun.finished()).isFalse();
        assertThat(begun.run()).isEqualTo(run);
        Log log = new Log();
        Trained done = new ResumeRequest(run.toString()).run(log);
        assertThat(done.finished()).isTrue();
        assertThat(done.last()).containsKeys("elbo", "lr");
        assertThat(done.page()).isNotEmptyFile();
        assertThat(log.ticks).contains("vae on pictures 8/8");
        assertThat(new ResumeRequest(run.toString(), List.of("train.steps=10"), "vae", List.of("seed=3", "precision=fp32"), "", false, "",
            -1, -1).run(Watcher.SILENT).finished()).isTrue();

        Log drawing = new Log();
        SampleRequest request = Config.with(new SampleRequest(run.toString()), "n=5", "seed=7", "device=cpu");
        SampleRequest.Result drawn = request.run(drawing);
        assertThat(drawn.shown()).isEqualTo(run.resolve("seed-7.png")).isNotEmptyFile();
        assertThat(drawn.files()).isEqualTo(drawing.wrote).containsExactly(drawn.shown());
        assertThat(drawn.toJson().path("count").asInt()).isEqualTo(5);
        byte[] first = Files.readAllBytes(drawn.shown());
        assertThatThrownBy(() -> request.run(Watcher.SILENT)).isInstanceOf(ConfigException.class)
            .hasMessage("'" + drawn.shown() + "' exists; choose another out=, or force=true");
        Config.with(request, "force=true").run(Watcher.SILENT);
        assertThat(drawn.shown()).hasBinaryContent(first);

        EvaluateRequest.Result measured = new EvaluateRequest(run.toString()).run(Watcher.SILENT);
        assertThat(measured.runs()).singleElement().satisfies(m -> {
            assertThat(m.data()).isEqualTo("pictures");
            assertThat(m.measures()).extracting(Measure::name).contains("-ELBO");
            assertThat(m.command()).isEqualTo("palitra evaluate " + run);
        });
        assertThat(run.resolve("evaluation.json")).isNotEmptyFile();
        assertThat(measured.toJson().path("measures")).isNotEmpty();
    }

    @Test void aFaultNamesItsKeyAndIsFoundBeforeTheWork() {
        assertThatThrownBy(() -> Config.with(new SampleRequest(run.toString()), "n=0")).isInstanceOf(ConfigException.class)
            .hasMessageContaining("illegal n: 0, must be between 1 and 100000").extracting(e -> ((ConfigException) e).key()).isEqualTo("n");
        assertThatThrownBy(() -> new SampleRequest(run.toString(), 0, 0, "", "", "", 0, "", List.of(), "", false, 0, "", false, "cpu", 0)
            .run(Watcher.SILENT)).hasMessage("illegal n: 0, must be between 1 and 100000");
        assertThatThrownBy(() -> Config.with(new SampleRequest(run.toString()), "size=8")).hasMessageContaining("must be WIDTHxHEIGHT");
        assertThatThrownBy(() -> Config.with(new EvaluateRequest(run.toString()), "statistics=x.npz"))
            .hasMessageContaining("statistics= wants inception=FILE");
        assertThatThrownBy(() -> new ResumeRequest(run.toString(), List.of("latent=3"), "", List.of("seed=4"), "", false, "", -1, -1)
            .run(Watcher.SILENT)).isInstanceOf(ConfigException.class)
            .hasMessageContaining("the run has seed=3, seed=4 was asked; the run has latent=2, latent=3 was asked");
        assertThatThrownBy(() -> new TrainRequest("ae", "", "somewhere", List.of(), 0, root.resolve("no").toString(), "cpu",
            TrainRequest.Precision.FP32, 0, 0).run(Watcher.SILENT)).hasMessage("model= is of lora; 'ae' changes no other model");
        assertThat(Config.with(new TrainRequest("vae"), "data=strokes", "set=latent=16,train.epochs=2").set())
            .containsExactly("latent=16", "train.epochs=2");
        assertThat(Config.fromJson(SampleRequest.class, Config.toJson(new SampleRequest("a")))).isEqualTo(new SampleRequest("a"));
    }

    @Test void whatDoesNotFitARunIsRefusedBeforeAnythingIsMeasured() throws Exception {
        String clip = TinyClip.write(root.resolve("clip")).toString();
        for (String key : List.of("clip=" + clip, "sampling=temprature=1", "inception=" + root.resolve("none.pth"))) {
            for (List<String> runs : List.of(List.of(run.toString()), List.of(run.toString(), run.toString()))) {
                Log log = new Log();
                EvaluateRequest request = Config.with(new EvaluateRequest(runs.toArray(String[]::new)), key);
                assertThatThrownBy(() -> request.run(log)).as(key).isInstanceOf(RuntimeException.class);
                assertThat(log.ticks).as(key).isEmpty();
            }
        }
    }

    @Test void aTrainingSaysWhereItGoesAndOneThatIsRefusedOrStoppedBeforeItBeginsLeavesNothing() throws Exception {
        Log log = new Log();
        Path out = root.resolve("told");
        training("vae", out, "train.steps=1").run(log);
        assertThat(log.begins).containsExactly("training into " + out);
        Path never = root.resolve("never");
        assertThatThrownBy(() -> training("vae", never, "train.steps=1").run(TinyRuns.until(() -> true)))
            .isInstanceOf(CancellationException.class);
        assertThat(never).doesNotExist();
        assertThatThrownBy(() -> training("clip", never).run(Watcher.SILENT)).isInstanceOf(RuntimeException.class);
        assertThat(never).doesNotExist();
        assertThatThrownBy(() -> training("vae", run).run(Watcher.SILENT)).isInstanceOf(ConfigException.class)
            .hasMessageContaining("already holds a run");
        RunLock.take(run).close();   // free
    }

    @Test void whatIsChosenForTheDataIsToldInALineAndLargePicturesAreSaidToBeLarge() throws Exception {
        Path colour = Files.createDirectories(root.resolve("colour")), large = Files.createDirectories(root.resolve("large"));
        for (int i = 0; i < 4; i++) {
            byte[] p = new byte[3 * 8 * 8];
            Arrays.fill(p, 0, 64, (byte) (60 * i));
            Png.write(colour.resolve(i + ".png"), new Picture(3, 8, 8, p), Map.of());
            Png.write(large.resolve(i + ".png"), new Picture(3, 300, 300, new byte[3 * 300 * 300]), Map.of());
        }
        Log log = new Log();
        List<String> keys = List.of("train.batch=2", "train.steps=1", "latent=2", "net.hidden=8");
        TrainRequest request = new TrainRequest("vae", colour.toString(), "", keys, 3, root.resolve("in-colour").toString(), "cpu",
            TrainRequest.Precision.FP32, 1, 0);
        request.run(log);
        assertThat(log.begins).hasSize(2).last().isEqualTo("vae on pictures of 3x8x8 without classes has decoder=gaussian unless other"
            + " values are asked for");
        assertThat(log.notes).noneMatch(n -> n.contains("data.size"));
        assertThat(Inputs.config(root.resolve("in-colour").toString()).flat()).containsEntry("decoder.kind", "gaussian");
        Log asked = new Log();
        new TrainRequest("vae", colour.toString(), "", List.of("train.batch=2", "train.steps=1", "latent=2", "net.hidden=8",
            "decoder=bernoulli"), 3, root.resolve("asked").toString(), "cpu", TrainRequest.Precision.FP32, 1, 0).run(asked);
        assertThat(asked.begins).hasSize(1);
        Log huge = new Log();
        assertThatThrownBy(() -> new TrainRequest("gan", large.toString(), "", List.of("width=7", "data.dir=none", "conditional=true"), 3,
            root.resolve("huge").toString(), "cpu", TrainRequest.Precision.FP32, 1, 0).run(huge)).isInstanceOf(RuntimeException.class);
        assertThat(huge.notes).containsOnlyOnce("pictures of 3x300x300 without classes: of this size most families learn slowly and want"
            + " much memory; --set data.size=64 makes them small");
    }

    @Test void aNameThatIsNearlyThatOfARunBesideItNamesThat() {
        String wrong = run.resolveSibling("rnu").toString();
        assertThatThrownBy(() -> Inputs.config(wrong)).isInstanceOf(IllegalArgumentException.class)
            .hasMessage("'" + wrong + "' is not a run folder: it has no config.json; did you mean " + run + "?");
        assertThatThrownBy(() -> new SampleRequest(wrong).run(Watcher.SILENT)).hasMessageEndingWith("; did you mean " + run + "?");
        String far = run.resolveSibling("something").toString();
        assertThatThrownBy(() -> Inputs.config(far)).hasMessageEndingWith("it has no config.json");
    }

    @Test void loraLearnsFromAllOfAFolderThatHasNoTestPartOfItsOwn() throws Exception {
        Path folder = Files.createDirectories(root.resolve("captioned"));
        for (int i = 0; i < 60; i++) {
            Files.copy(pictures.resolve(String.format("%02d.png", i % 24)), folder.resolve(i + ".png"));
            Files.writeString(folder.resolve(i + ".txt"), "number " + i);
        }
        DataOptions read = Config.with(DataOptions.DEFAULT, "captions=true", "size=8");
        int train = Inputs.of("clip", folder.toString(), Split.TRAIN, read).size();
        assertThat(Inputs.of("lora", folder.toString(), Split.TRAIN, read).size()).isEqualTo(60);
        assertThat(train).isBetween(45, 59);
        assertThat(Inputs.of("clip", folder.toString(), Split.TEST, read).size()).isEqualTo(60 - train);
    }

    @Test void aPictureAFileAndTheCatalogueAreInspected() throws Exception {
        try (Stream<Path> all = Files.list(run)) {
            assertThat(all.filter(f -> f.getFileName().toString().equals("config.json"))).hasSize(1);
        }
        assertThat(new InspectRequest(run.toString()).run(Watcher.SILENT).facts().path("family").asText()).isEqualTo("vae");
        FamiliesRequest.Result all = new FamiliesRequest("").run(Watcher.SILENT);
        assertThat(all.families()).extracting(FamiliesRequest.Entry::name).contains("vae", "diffusion");
        assertThat(all.toJson()).hasSize(all.families().size());
    }
}
