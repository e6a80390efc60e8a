package io.palitra.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.Picture;
import io.palitra.data.Split;
import io.palitra.family.Families;
import io.palitra.family.Unclip;
import io.palitra.model.Watcher;
import io.palitra.report.Png;
import io.palitra.train.Run;
import io.palitra.train.RunConfig;
import io.palitra.train.TinyRuns;
import io.palitra.train.Trainer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VaryRequestTest {
    @TempDir private static Path root;
    private static List<String> pictures = List.of();

    private static final DataOptions OPTIONS = Config.with(DataOptions.DEFAULT, List.of("size=20", "captions=true"));

    private static Dataset data(Split split) { return Datasets.open("strokes", split, OPTIONS); }

    private static RunConfig config(String family, List<String> overrides) {
        List<String> all = new ArrayList<>(overrides);
        all.addAll(List.of("train.steps=2", "train.batch=8"));
        return RunConfig.of(family, "strokes", data(Split.TRAIN), OPTIONS, 3, all).on("cpu", RunConfig.Precision.FP32, 1);
    }

    private static Path run(String name, String family, List<String> overrides) throws IOException {
        Path folder = root.resolve(name);
        Trainer.start(folder, config(family, overrides), data(Split.TRAIN), data(Split.TEST), Watcher.SILENT);
        return folder;
    }

    @BeforeAll static void aRunOfUnclip() throws IOException {
        run("unclip", "unclip", TinyRuns.tiny(Families.named("unclip"), root).overrides());
        List<String> files = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            byte[] grey = new byte[30 * 30];
            for (int k = 0; k < grey.length; k++) grey[k] = (byte) (i == 0 ? k : 3 * k);
            Path file = root.resolve("picture" + i + ".png");
            Png.write(file, new Picture(1, 30, 30, grey), Map.of());
            files.add(file.toString());
        }
        pictures = files;
    }

    private static VaryRequest vary(List<String> of, String from, String to, boolean keep) {
        return new VaryRequest(root.resolve("unclip").toString(), of, 3, from, to, 0.5, keep, 1, List.of("sampler.steps=2"), "", true,
            "cpu",
            1);
    }

    @Test void ofOnePictureThereAreVariationsOfTwoAWalkAndOfWordsAChange() throws IOException {
        assertThat(vary(pictures.subList(0, 1), "", "", false).run(Watcher.SILENT).file()).isNotEmptyFile();
        assertThat(vary(pictures.subList(0, 1), "", "", true).run(Watcher.SILENT).file()).isNotEmptyFile();
        assertThat(vary(pictures, "", "", true).run(Watcher.SILENT).file()).isNotEmptyFile();
        assertThat(vary(pictures.subList(0, 1), "a circle", "a square", false).run(Watcher.SILENT).file()).isNotEmptyFile();
    }

    @Test void whatCannotBeVariedIsRefusedByKey() {
        assertThatThrownBy(() -> vary(List.of(), "", "", false).run(Watcher.SILENT)).isInstanceOf(ConfigException.class)
            .hasMessage("vary takes one picture, or two to walk between, got 0");
        assertThatThrownBy(() -> vary(pictures.subList(0, 1), "a circle", "", false).run(Watcher.SILENT))
            .hasMessage("a direction wants two texts, 'from' and 'to'; got one");
        assertThatThrownBy(() -> vary(pictures, "a circle", "a square", false).run(Watcher.SILENT))
            .hasMessage("a direction of texts is for one picture, got two");
        assertThatThrownBy(() -> new VaryRequest(root.resolve("upon/clip").toString(), pictures).run(Watcher.SILENT))
            .hasMessage("'clip' varies nothing; unclip does");
    }

    @Test void wordsAreDrawnByThePriorAndItsAbsenceIsNoted() throws IOException {
        try (Run run = Run.open(root.resolve("unclip"), "cpu", line -> {})) {
            assertThat(run.sample(2, 0, List.of("prompt=a circle", "sampler.steps=2")).shape()).containsExactly(2, 1, 20, 20);
        }
        List<String> alone = TinyRuns.tiny(Families.named("unclip"), root).overrides().stream().filter(o -> !o.startsWith("prior="))
            .toList();
        Path folder = run("alone", "unclip", alone);
        List<String> notes = new ArrayList<>();
        Watcher watcher = new Watcher() {
            @Override public void note(String line) { notes.add(line); }
        };
        try (Run run = new Inputs(watcher).open(folder.toString(), "cpu", 1)) {
            assertThat(((Unclip) run.model()).notes(run.drawing(List.of("prompt=a circle")).asked()))
                .anyMatch(n -> n.startsWith("this decoder has no prior: the text's own vector stands in"));
        }
    }

    @Test void aPriorForAnotherClipIsRefusedInALine() throws IOException {
        Path other = run("other-clip", "clip", Families.named("clip").tiny().overrides().stream().filter(o -> !o.startsWith("data."))
            .map(o -> o.startsWith("points=") ? "points=12" : o).toList());
        List<String> upon = TinyRuns.tiny(Families.named("unclip"), root).overrides().stream()
            .map(o -> o.startsWith("clip=") ? "clip=" + other : o).toList();
        assertThatThrownBy(() -> run("mixed", "unclip", upon)).hasMessageContaining("is of vectors of 8 numbers, the CLIP '" + other
            + "' gives 12");
        Path twin = run("twin-clip", "clip", Families.named("clip").tiny().overrides().stream().filter(o -> !o.startsWith("data."))
            .toList());
        List<String> twins = upon.stream().map(o -> o.startsWith("clip=") ? "clip=" + twin : o).toList();
        assertThatThrownBy(() -> run("twins", "unclip", twins)).hasMessageContaining("was trained upon another CLIP than '" + twin + "'");
        assertThatThrownBy(() -> run("nothing", "prior", List.of())).hasMessageStartingWith("which CLIP? clip=W names a run of clip");
        assertThatThrownBy(() -> run("tokens", "prior", List.of("clip=" + other, "heads=2", "width=8")))
            .hasMessageContaining("has points of 12 numbers and texts of 8, tokens=true wants them equal");
    }
}
