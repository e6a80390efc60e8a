package io.palitra.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.data.DataOptions;
import io.palitra.data.DataSpec;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.FormatException;
import io.palitra.data.Midi;
import io.palitra.data.Score;
import io.palitra.data.ScoreSpec;
import io.palitra.data.Split;
import io.palitra.engine.Rng;
import io.palitra.family.MusicTransformer;
import io.palitra.model.Trainable;
import io.palitra.model.Watcher;
import io.palitra.train.RunConfig;
import io.palitra.train.Trainer;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** By a run of three steps: what is kept is kept, whatever the rest is. */
class HarmoniseRequestTest {
    @TempDir static Path root;
    private static Path run = Path.of("");
    private static Score tune = new Score(new int[1][1]);

    @BeforeAll static void trained() throws Exception {
        run = root.resolve("run");
        run("musictransformer", run, "width=16", "layers=1", "knownLayers=1", "heads=2", "reach=8");
        int[][] p = new int[72][4];   // longer than two items, and no whole bars
        for (int t = 0; t < p.length; t++) p[t] = new int[] {72 + t / 4 % 4, 67 - t / 8 % 2, 60, t < 4 ? Score.REST : 48 + t / 16};
        tune = new Score(p);
        Files.write(root.resolve("tune.mid"), Midi.bytes(tune, 80));
    }

    private static void run(String family, Path to, String... model) throws Exception {
        DataOptions options = Config.with(DataOptions.DEFAULT, "steps=32");
        Dataset train = Datasets.open("parts", Split.TRAIN, options), test = Datasets.open("parts", Split.TEST, options);
        List<String> overrides = new ArrayList<>(List.of(model));
        overrides.addAll(List.of("train.steps=3", "train.batch=4"));
        Trainer.start(to, RunConfig.of(family, "parts", train, options, 3, overrides).on("cpu", RunConfig.Precision.FP32, 1), train, test,
            Watcher.SILENT);
    }

    private static List<Score> drawn(HarmoniseRequest request, String out) throws Exception {
        HarmoniseRequest.Result result = Config.with(request, "out=" + root.resolve(out), "n=2", "device=cpu").run(Watcher.SILENT);
        assertThat(result.files()).hasSize(6).allMatch(Files::isRegularFile);
        List<Score> scores = new ArrayList<>();
        for (Path f : result.files()) if (f.toString().endsWith(".mid")) scores.add(padded(Midi.read(f, 4)));
        assertThat(scores).hasSize(2);
        return scores;
    }

    /** A file ends with its last note. */
    private static Score padded(Score s) {
        int[][] p = new int[72][4];
        for (int t = 0; t < 72; t++) p[t] = t < s.steps() ? s.pitches()[t] : new int[] {-1, -1, -1, -1};
        return new Score(p);
    }

    @Test void aVoiceIsKeptAndTheOthersAreDrawn() throws Exception {
        HarmoniseRequest asked = new HarmoniseRequest(run.toString(), root.resolve("tune.mid").toString(), "bass");
        List<Score> scores = voicesBySound(asked, "bass");
        assertThat(scores.get(0)).isNotEqualTo(scores.get(1));
    }

    /** Voices of an untrained model cross: the names of the tracks say which is which. */
    private static List<Score> voicesBySound(HarmoniseRequest asked, String out) throws Exception {
        List<Score> scores = drawn(asked, out);
        for (Score s : scores) {
            assertThat(s.notes(3)).isEqualTo(tune.notes(3));
        }
        return scores;
    }

    @Test void aFileOfTheVoiceAloneWillDo() throws Exception {
        int[][] bass = new int[72][1];
        for (int t = 0; t < 72; t++) bass[t][0] = tune.pitches()[t][3];
        Files.write(root.resolve("bass.mid"), Midi.bytes(new Score(bass), 80));
        voicesBySound(new HarmoniseRequest(run.toString(), root.resolve("bass.mid").toString(), "4"), "alone");
        assertThatThrownBy(() -> Config.with(new HarmoniseRequest(run.toString(), root.resolve("bass.mid").toString(), ""), "keep=1",
            "device=cpu").run(Watcher.SILENT)).isInstanceOf(FormatException.class).hasMessageContaining("has 1 voice");
    }

    @Test void theTempoOfTheScoreIsKept() throws Exception {
        Files.write(root.resolve("slow.mid"), Midi.bytes(tune, 50));
        Path out = root.resolve("slow");
        Config.with(new HarmoniseRequest(run.toString(), root.resolve("slow.mid").toString(), "bass"), "out=" + out, "n=1", "device=cpu")
            .run(Watcher.SILENT);
        assertThat(Midi.whole(out.resolve("00000.mid"), 4).tempo()).hasValue(50);
        assertThat(Files.size(out.resolve("00000.wav"))).isGreaterThan(72 * 15 / 50 * 22_050 * 2);
    }

    @Test void allButSomeBarsAreKept() throws Exception {
        HarmoniseRequest asked = Config.with(new HarmoniseRequest(run.toString(), root.resolve("tune.mid").toString(), ""), "bars=2:3");
        for (Score s : drawn(asked, "bars")) {
            for (int t = 0; t < 72; t++) {
                if (t / 16 == 1 || t / 16 == 2) continue;
                int[] a = s.pitches()[t].clone(), b = tune.pitches()[t].clone();
                java.util.Arrays.sort(a);
                java.util.Arrays.sort(b);
                assertThat(a).as("step " + t).isEqualTo(b);
            }
        }
    }

    @Test void theSameSeedDrawsTheSameAndABeginningIsContinued() throws Exception {
        HarmoniseRequest asked = Config.with(new HarmoniseRequest(run.toString(), root.resolve("tune.mid").toString(), ""), "keep=2");
        assertThat(drawn(asked, "a")).isEqualTo(drawn(asked, "b"));
        assertThatThrownBy(() -> Config.with(asked, "keep=9", "device=cpu", "out=" + root.resolve("c")).run(Watcher.SILENT))
            .hasMessageContaining("nothing is left to draw");
        assertThatThrownBy(() -> Config.with(asked, "bars=4:9", "device=cpu", "out=" + root.resolve("d")).run(Watcher.SILENT))
            .hasMessageContaining("at most 5, the bars of the score");
        assertThatThrownBy(() -> Config.with(asked, "voice=cello", "device=cpu", "out=" + root.resolve("e")).run(Watcher.SILENT))
            .hasMessageContaining("must be soprano, alto, tenor, bass or a number from 1 to 4");
    }

    @Test void samplesAreAFolderOfRollsNotesAndSounds() throws Exception {
        SampleRequest asked = Config.with(new SampleRequest(run.toString()), "n=2", "device=cpu", "out=" + root.resolve("four"));
        assertThat(asked.run(Watcher.SILENT).files().stream().map(f -> f.getFileName().toString())).containsExactly("00000.png",
            "00000.mid", "00000.wav", "00001.png", "00001.mid", "00001.wav");
        assertThat(Files.readString(run.resolve("report.html"))).contains("<audio controls");
        assertThat(run.resolve("samples-1.mid")).exists();
    }

    @Test void aFolderIsNotNamedAsAFile() {
        SampleRequest asked = Config.with(new SampleRequest(run.toString()), "n=1", "device=cpu");
        assertThatThrownBy(() -> Config.with(asked, "out=" + root.resolve("x.mid")).run(Watcher.SILENT)).isInstanceOf(ConfigException.class)
            .hasMessageContaining("x.mid', this run draws scores: a FILE.png or a folder is allowed");
        assertThatThrownBy(() -> Config.with(asked, "each=true", "out=" + root.resolve("a.png")).run(Watcher.SILENT))
            .isInstanceOf(ConfigException.class).hasMessageContaining("each= writes a file for each item: a folder is allowed");
        assertThatThrownBy(() -> Config.with(asked, "scale=3", "out=" + root.resolve("scaled")).run(Watcher.SILENT))
            .isInstanceOf(ConfigException.class).hasMessageContaining("scale= enlarges a sheet");
        assertThatThrownBy(() -> Config.with(new HarmoniseRequest(run.toString(), root.resolve("tune.mid").toString(), "bass"),
            "out=" + root.resolve("foo.png")).run(Watcher.SILENT)).isInstanceOf(ConfigException.class).hasMessageContaining("a folder is "
            + "allowed");
        for (String name : List.of("x.mid", "a.png", "scaled", "foo.png")) assertThat(root.resolve(name)).doesNotExist();
    }

    @Test void rowsOfARunOfScoresAreRefusedWithTheOptionsOfScores() {
        assertThatThrownBy(() -> new CompleteRequest(run.toString(), 3).run(Watcher.SILENT))
            .hasMessageContaining("is a run of scores: --score FILE.mid names the one of which");
    }

    @Test void aMidiFileIsInspected() throws Exception {
        ObjectNode facts = new InspectRequest(root.resolve("tune.mid").toString()).run(Watcher.SILENT).facts();
        assertThat(facts.path("voice 1").asText()).isEqualTo("'soprano', notes: 18, at once: 1, pitches: 72 to 75");
        assertThat(facts.path("bars").asText()).isEqualTo("5 of 16 sixteenths");
        assertThat(facts.path("tempo").asText()).isEqualTo("80.0 quarters a minute");
    }

    @Test void aTrainingIsStoppedWithinItsFirstTestPassAndGoesOnAsIfItNeverWas() throws Exception {
        DataOptions options = Config.with(DataOptions.DEFAULT, "steps=32");
        Dataset train = Datasets.open("parts", Split.TRAIN, options), test = Datasets.open("parts", Split.TEST, options);
        RunConfig config = RunConfig.of("musictransformer", "parts", train, options, 3, List.of("width=16", "layers=1", "knownLayers=1",
            "heads=2", "reach=8", "train.steps=2", "train.batch=4")).on("cpu", RunConfig.Precision.FP32, 1);
        Path whole = root.resolve("whole"), parted = root.resolve("parted");
        assertThat(Trainer.start(whole, config, train, test, Watcher.SILENT)).isTrue();
        Dataset slow = new Dataset() {
            @Override public String name() { return test.name(); }

            @Override public DataSpec spec() { return test.spec(); }

            @Override public int size() { return test.size(); }

            @Override public void read(int i, ByteBuffer into) {
                LockSupport.parkNanos(300_000_000);
                test.read(i, into);
            }
        };
        assertThat(Trainer.start(parted, config, train, slow, new Watcher() {
            @Override public boolean stop() { return true; }
        })).isFalse();
        assertThat(Files.readString(parted.resolve("metrics.jsonl"))).doesNotContain("test/");
        assertThat(Trainer.resume(parted, train, test, Watcher.SILENT)).isTrue();
        assertThat(Files.readString(parted.resolve("metrics.jsonl"))).contains("test/")
            .isEqualTo(Files.readString(whole.resolve("metrics.jsonl")));
    }

    @Test void attentionThatFillsTheMachineIsRefusedBeforeTheFirstBatch() throws Exception {
        try (Trainable model = MusicTransformer.FAMILY.build(MusicTransformer.FAMILY.defaults(), new ScoreSpec(4096), new Rng(1))) {
            assertThatThrownBy(() -> model.refuseTooMany(1000)).isInstanceOf(ArgumentException.class)
                .hasMessageContaining("attention over the 4096 sixteenths of 1000 items at once takes about ")
                .hasMessageContaining("data.steps makes items shorter");
            model.refuseTooMany(1);
        }
    }

    @Test void aRunThatFillsNothingIsRefused() throws Exception {
        Path gan = root.resolve("gan");
        run("musegan", gan, "width=8", "latent=4");
        assertThatThrownBy(() -> new HarmoniseRequest(gan.toString(), root.resolve("tune.mid").toString(), "alto").run(Watcher.SILENT))
            .hasMessageContaining("completes no scores; musictransformer does");
    }

    @Test void theSpecOfARunIsKeptInItsConfig() throws Exception {
        assertThat(RunConfig.read(run.resolve("config.json")).settings().spec()).isEqualTo(new ScoreSpec(32));
    }
}
