package io.palitra.app;

import static io.palitra.app.Typed.palitra;
import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.data.Picture;
import io.palitra.report.Png;
import io.palitra.train.RunConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs that go on, as a user types it. */
class ResumeCommandTest {
    @TempDir static Path root;
    private static Path pictures, run;

    @BeforeAll static void aRun() throws IOException {
        pictures = pictures(root.resolve("pictures"));
        run = train(root.resolve("run"));
    }

    private static Path pictures(Path folder) throws IOException {
        Files.createDirectories(folder);
        for (int i = 0; i < 12; i++) {
            byte[] p = new byte[64];
            Arrays.fill(p, 0, 32, (byte) (10 * i));
            Png.write(folder.resolve(String.format("%02d.png", i)), new Picture(1, 8, 8, p), Map.of());
        }
        return folder;
    }

    private static Path train(Path out) {
        Typed r = palitra("train", "ae", pictures, "--set", "latent=2", "--set", "net.hidden=8", "--set", "train.schedule=cosine", "--set",
            "train.optimizer=adam", "--set", "train.optimizer.lr=0.01", "--steps", 8, "--batch", 4, "--out", out, "--quiet", "--threads",
            1);
        assertThat(r.code()).as(r.err()).isZero();
        return out;
    }

    private static RunConfig.Settings kept(Path run) throws IOException { return RunConfig.read(run.resolve("config.json")).settings(); }

    private static Typed again(Path run, Object... more) {
        List<Object> words = new ArrayList<>(List.of("train", "ae"));
        words.addAll(List.of(more));
        words.addAll(List.of("--resume", "--out", run, "--quiet"));
        return palitra(words.toArray());
    }

    @Test void whatWasTypedAndDiffersIsNamedWithBothValuesInOneLine() throws Exception {
        byte[] before = Files.readAllBytes(run.resolve("config.json"));
        Typed r = again(run, pictures, "--seed", 5, "--batch", 6, "--precision", "bf16", "--set", "latent=3", "--set", "data.size=16",
            "--set", "train.optimizer=sgd");
        assertThat(r.code()).isEqualTo(2);
        assertThat(r.err()).hasLineCount(1).contains("the run has seed=0, --seed 5 was asked; the run has precision=fp32, --precision bf16 "
            + "was asked", "the run has latent=2, --set latent=3 was asked", "the run has data.size=0, --set data.size=16 was asked",
            "the run has train.batch=4, --batch 6 was asked", "the run has train.optimizer=adam, --set train.optimizer=sgd was asked");
        Typed other = palitra("train", "vae", "--resume", "--out", run);
        assertThat(other.code()).isEqualTo(2);
        assertThat(other.err()).contains("the run has family=ae, vae was asked");
        assertThat(again(run, "--set", "latnt=3").err()).contains("latent");
        assertThat(Files.readAllBytes(run.resolve("config.json"))).isEqualTo(before);
    }

    @Test void whatWasNotTypedIsNotComparedAndTheSameCommandGoesOn() {
        assertThat(again(run).code()).isZero();
        assertThat(again(run, pictures, "--seed", 0, "--batch", 4, "--precision", "fp32", "--threads", 1, "--steps", 8, "--save-every", 0,
            "--set", "latent=2", "--set", "train.optimizer=adam").err())
            .contains("is finished: step 8 of 8; a larger train.steps (--steps) trains on");
        assertThat(palitra("resume", run, "--quiet").code()).isZero();
    }

    @Test void moreStepsTrainOnAndFewerThanDoneAreAnError() throws Exception {
        Path own = train(root.resolve("longer"));
        Typed r = palitra("resume", own, "--steps", 16, "--quiet", "--save-every", 5);
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.err())
            .contains("the run ends at step 16 now, it ended at 8: its cosine schedule spans 16 steps, lr at step 8 is 0.005",
            "train.steps is 16, was 8", "saveEvery is 5, was 0");
        assertThat(kept(own).train().steps()).isEqualTo(16);
        Typed fewer = again(own, "--steps", 9);
        assertThat(fewer.code()).isEqualTo(2);
        assertThat(fewer.err()).contains("palitra: --steps 9: the run has done 16 steps; at least as many can be asked for")
            .doesNotContain("epochs");
        assertThat(palitra("resume", own, "--epochs", 1).err()).contains("palitra: --epochs 1: the run has done 16 steps, and that is ")
            .doesNotContain("train.");
        assertThat(again(own, "--set", "train.steps=9").err()).contains("palitra: --set train.steps=9: the run has done 16 steps");
        assertThat(again(own, "--epochs", 20).code()).isZero();
        assertThat(kept(own).train()).matches(t -> t.epochs() == 20 && t.steps() == 0);
    }

    @Test void dataThatMovedIsTakenWhereItLiesAndChangedDataWhenAskedAlone() throws Exception {
        Path own = train(root.resolve("moving"));
        Path there = pictures(root.resolve("there")), elsewhere = pictures(root.resolve("elsewhere"));
        assertThat(palitra("resume", own, "--data", there, "--quiet").code()).isZero();
        assertThat(kept(own).data()).isEqualTo(there.toString());
        assertThat(again(own, elsewhere).code()).isZero();
        assertThat(kept(own).data()).isEqualTo(elsewhere.toString());
        Files.delete(elsewhere.resolve("00.png"));
        Typed refused = palitra("resume", own, "--steps", 12, "--quiet");
        assertThat(refused.code()).isEqualTo(2);
        assertThat(refused.err()).contains("items, now ").contains("--changed-data goes on with it");
        assertThat(kept(own).train().steps()).isEqualTo(8);
        Typed on = palitra("resume", own, "--steps", 12, "--quiet", "--changed-data");
        assertThat(on.code()).as(on.err()).isZero();
        assertThat(on.err()).contains("is not the data that the run was trained on");
        Typed set = again(own, "strokes", "--steps", 20);
        assertThat(set.code()).isEqualTo(2);
        assertThat(set.err()).contains("the run was made for");
    }

    @Test void aRunWantsAFolderOfItsOwn() throws Exception {
        Path letters = Files.createDirectories(root.resolve("letters"));
        Files.writeString(letters.resolve("letter.txt"), "dear");
        Typed r = palitra("train", "ae", pictures, "--steps", 1, "--out", letters);
        assertThat(r.code()).isEqualTo(2);
        assertThat(r.err()).contains("holds other things than a run: letter.txt");
        assertThat(palitra("train", "ae", pictures, "--steps", 1, "--out", "").code()).isEqualTo(2);
        assertThat(palitra("train", "ae", "--resume", "--out", "").err()).contains("--out", "an empty name");
        assertThat(palitra("resume", "").err()).contains("RUN", "an empty name");
        assertThat(palitra("train", "ae", "--changed-data", "--out", root.resolve("new")).code()).isEqualTo(2);
    }
}
