package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.FewPictures;
import io.palitra.data.VectorDataset;
import io.palitra.data.VectorSpec;
import io.palitra.model.Family;
import io.palitra.model.Watcher;
import io.palitra.train.RunConfig;
import io.palitra.train.Trainer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Sets of one, two, three and ten items, and batches larger than they: every family trains on them. */
class SmallSetsTest {
    private static final Path STAGE = TinyFirstStage.lasting(1);

    record Case(String family, boolean points, List<String> overrides) {
        @Override public String toString() { return family + (points ? " of points " : " ") + overrides; }
    }

    static List<Case> cases() {
        return List.of(new Case("ae", false, List.of("latent=2", "net.hidden=8")),
            new Case("vae", false, List.of("latent=2", "net.hidden=8", "conditional=true")),
            new Case("vae", true, List.of("latent=2", "net.hidden=8", "decoder=gaussian")),
            new Case("vqvae", false, List.of("net.channels=4,4", "net.groups=2", "net.codes=11", "net.width=3", "codesFrom=2")),
            new Case("vqgan", false, List.of("net.channels=4,4", "net.groups=2", "net.codes=11", "net.width=3", "codesFrom=2",
                "adversary.width=8", "adversary.from=1", "adversary.generatorFrom=2", "adversary.ramp=4")),
            new Case("gan", false, List.of("width=8")), new Case("gan", false, List.of("width=8", "minibatchStddev=true", "r1=1")),
            new Case("gan", true, List.of("width=8")),
            new Case("diffusion", false, List.of("channels=8,8", "attention=1", "groups=4")),
            new Case("pixelcnn", false, List.of("net.width=4", "net.dilations=1")),
            new Case("realnvp", true, List.of("width=16")), new Case("realnvp", false, List.of("width=8", "between=batchnorm")),
            new Case("ebm", false, List.of("width=4", "steps=3", "buffer=32")), new Case("ebm", true, List.of("width=8", "steps=3",
                "buffer=16")),
            new Case("tokens", false, List.of("stage=" + STAGE, "net.width=16", "net.layers=1", "net.heads=2", "condition=label")),
            new Case("dalle", false, List.of("stage=" + STAGE, "net.width=16", "net.layers=1", "net.heads=2", "text=8", "pairs=4")),
            new Case("classifier", false, List.of("width=4")), new Case("classifier", true, List.of()),
            new Case("clip", false, List.of("points=4", "patch=8", "picture.width=16", "picture.layers=1", "text.width=8",
                "text.layers=1", "pairs=4")));
    }

    private record Points(int size) implements VectorDataset {
        @Override public String name() { return "points"; }

        @Override public VectorSpec spec() { return new VectorSpec(2, 2); }

        @Override public int label(int i) { return i % 2; }

        @Override public List<String> classNames() { return List.of("left", "right"); }

        @Override public void values(int i, float[] out, int offset) {
            out[offset] = i % 2 == 0 ? -0.5f : 0.5f;
            out[offset + 1] = i / 10f;
        }
    }

    @Test void everyFamilyOfTheCatalogueIsHere() {
        assertThat(Families.all().stream().map(Family::name).filter(f -> !f.equals("lora")))
            .containsExactlyInAnyOrderElementsOf(cases().stream().map(Case::family).collect(Collectors.toSet()));
    }

    private static List<String> train(Path folder, RunConfig config, Dataset data) throws Exception {
        List<String> notes = new ArrayList<>();
        assertThat(Trainer.start(folder, config, data, data, new Watcher() {
            @Override public void note(String message) { notes.add(message); }
        })).isTrue();
        return notes;
    }

    @ParameterizedTest @MethodSource("cases")
    void aFamilyTrainsOnOneItemAndOnTwoThreeAndTen(Case c, @TempDir Path root) throws Exception {
        for (int n : new int[] {1, 2, 3, 10}) {
            Dataset data = c.points ? new Points(n) : new FewPictures(1, 16, n);
            List<String> set = new ArrayList<>(c.overrides);
            set.addAll(List.of("train.steps=5", "train.batch=8"));
            RunConfig config = RunConfig.of(c.family, "few", data, DataOptions.DEFAULT, 1, set).on("cpu", RunConfig.Precision.FP32, 1);
            List<String> notes = train(root.resolve(String.valueOf(n)), config, data);
            boolean watched = c.family.equals("gan") || c.family.equals("ebm");
            String alarm = "samples are not watched for collapse: that takes 64 training items, there are " + n;
            if (watched) assertThat(notes).as(c + " on " + n).containsExactly(alarm);
        }
    }
}
