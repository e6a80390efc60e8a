package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.data.DataOptions;
import io.palitra.data.DataSpec;
import io.palitra.data.Dataset;
import io.palitra.data.FewPictures;
import io.palitra.data.ImageSpec;
import io.palitra.data.VectorDataset;
import io.palitra.data.VectorSpec;
import io.palitra.model.Family;
import io.palitra.model.Watcher;
import io.palitra.train.RunConfig;
import io.palitra.train.TinyRuns;
import io.palitra.train.Trainer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Sets of one, two, three and ten items, and batches larger than they: every family trains on them. */
class SmallSetsTest {
    private static final DataSpec SMALL = new ImageSpec(1, 16, 16, 2), POINTS = new VectorSpec(2, 2);
    @TempDir static Path root;

    record Case(String family, DataSpec data, List<String> overrides) {}

    /** Every family by its own smallest configuration, and more. */
    static List<Case> cases() throws IOException {
        List<Case> all = new ArrayList<>();
        for (Family<?> f : Families.all()) {
            FamilyContract.Case tiny = TinyRuns.tiny(f, root);
            if (tiny.data() instanceof ImageSpec s) all.add(new Case(f.name(), s, tiny.overrides()));
        }
        all.addAll(List.of(new Case("vae", SMALL, List.of("latent=2", "net.hidden=8", "conditional=true")),
            new Case("vae", POINTS, List.of("latent=2", "net.hidden=8", "decoder=gaussian")),
            new Case("gan", SMALL, List.of("width=8", "minibatchStddev=true", "r1=1")), new Case("gan", POINTS, List.of("width=8")),
            new Case("realnvp", POINTS, List.of("width=16")), new Case("realnvp", SMALL, List.of("width=8", "between=batchnorm")),
            new Case("ebm", POINTS, List.of("width=8", "steps=3", "buffer=16")), new Case("classifier", POINTS, List.of())));
        return all;
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

    private static List<String> train(Path folder, RunConfig config, Dataset data) throws Exception {
        List<String> notes = new ArrayList<>();
        assertThat(Trainer.start(folder, config, data, data, new Watcher() {
            @Override public void note(String message) { notes.add(message); }
        })).isTrue();
        return notes;
    }

    @ParameterizedTest @MethodSource("cases")
    void aFamilyTrainsOnOneItemAndOnTwoThreeAndTen(Case c, @TempDir Path folder) throws Exception {
        for (int n : new int[] {1, 2, 3, 10}) {
            Dataset data = c.data instanceof ImageSpec s ? new FewPictures(s.channels(), s.height(), n) : new Points(n);
            List<String> set = new ArrayList<>(c.overrides);
            // a set so small is an epoch a step, and each epoch draws samples: three steps pass the last switch of any case
            set.addAll(List.of("train.steps=3", "train.batch=8"));
            RunConfig config = RunConfig.of(c.family, "few", data, DataOptions.DEFAULT, 1, set).on("cpu", RunConfig.Precision.FP32, 1);
            List<String> notes = train(folder.resolve(String.valueOf(n)), config, data);
            boolean watched = c.family.equals("gan") || c.family.equals("ebm");
            String alarm = "samples are not watched for collapse: that takes 64 training items, there are " + n;
            if (watched) assertThat(notes).as(c + " on " + n).containsExactly(alarm);
        }
    }
}
