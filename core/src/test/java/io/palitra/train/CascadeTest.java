package io.palitra.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.Config;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.Split;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.family.Families;
import io.palitra.model.LatentModel;
import io.palitra.model.Likelihood;
import io.palitra.model.Watcher;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Stages of diffusion above each other, and runs of few steps taught by others. */
class CascadeTest {
    @TempDir Path root;

    private Path trained(String name, String family, int side, String... overrides) throws IOException {
        DataOptions options = Config.with(DataOptions.DEFAULT, "size=" + side);
        Dataset train = Datasets.open("strokes", Split.TRAIN, options);
        List<String> all = new ArrayList<>(List.of("train.batch=4"));
        if (family.equals("diffusion")) all.addAll(List.of("net=dit", "net.patch=8", "net.width=8", "net.layers=1", "net.heads=2"));
        all.addAll(List.of(overrides));
        if (all.stream().noneMatch(o -> o.startsWith("train.steps="))) all.add("train.steps=2");
        RunConfig config = RunConfig.of(family, "strokes", train, options, 3, all).on("cpu", RunConfig.Precision.FP32, 1).saving(1, 4);
        Trainer.start(root.resolve(name), config, train, Datasets.open("strokes", Split.TEST, options), Watcher.SILENT);
        return root.resolve(name);
    }

    @Test void theLastOfThreeStagesDrawsThroughAllOfThem() throws IOException {
        Path first = trained("first", "diffusion", 16, "condition=label"), second = trained("second", "diffusion", 32, "condition=label",
            "above=" + first), third = trained("third", "diffusion", 64, "above=" + second);
        try (Run run = Run.open(third, "cpu", line -> { }); Scope scope = new Scope()) {
            List<String> how = List.of("sampler.steps=2", "below=sampler.steps=2,guidance=2");
            Tensor x = run.sample(2, 1, how);
            assertThat(x.shape()).containsExactly(2, 1, 64, 64);
            assertThat(x.abs().max().item()).isLessThanOrEqualTo(1);
            assertThat(run.sample(2, 1, how).floats()).isEqualTo(x.floats());
            Tensor dim = run.sample(2, 1, List.of("sampler.steps=2", "below=sampler.steps=2,guidance=2", "augment=0.9"));
            assertThat(dim.sub(x).abs().max().item()).isPositive();
            Tensor held = run.sample(2, 1, List.of("sampler.steps=2", "below=sampler.steps=2,guidance=2", "threshold=0.9"));
            assertThat(held.abs().max().item()).isLessThanOrEqualTo(1);
            assertThat(run.model().as(Likelihood.class)).isEmpty();
            assertThat(run.model().as(LatentModel.class)).isEmpty();
            assertThatThrownBy(() -> run.sample(1, 1, List.of("below=noise=2"))).hasMessageContaining("noise");
        }
        try (Run run = Run.open(second, "cpu", line -> { }); Scope scope = new Scope()) {
            Tensor one = run.sample(2, 1, List.of("label=1", "sampler.steps=2", "below=sampler.steps=2"));
            assertThat(one.sub(run.sample(2, 1, List.of("label=2", "sampler.steps=2", "below=sampler.steps=2"))).abs().max().item())
                .isPositive();
        }
        try (Run run = Run.open(first, "cpu", line -> { }); Scope scope = new Scope()) {
            assertThatThrownBy(() -> run.sample(1, 1, List.of("below=guidance=2"))).hasMessageContaining("stands above no other");
            assertThatThrownBy(() -> run.sample(1, 1, List.of("clip=false", "threshold=0.9"))).hasMessageContaining("clip=true");
        }
    }

    @Test void stagesOfWrongSizesAreRefusedInOneLine() throws IOException {
        Path first = trained("first", "diffusion", 16);
        assertThatThrownBy(() -> trained("same", "diffusion", 16, "above=" + first)).hasMessage("a stage above '" + first
            + "', which draws pictures of 1x16x16, 10 classes, wants pictures of as many channels and a whole number of times its sides, "
            + "at least 2, got pictures of 1x16x16, 10 classes; data.size=32 fits");
        assertThatThrownBy(() -> trained("odd", "diffusion", 24, "above=" + first)).hasMessageContaining("a whole number of times");
        assertThatThrownBy(() -> trained("both", "diffusion", 32, "above=" + first, "stage=" + first))
            .hasMessageContaining("one of both is to be empty");
    }

    @Test void aRunIsTaughtToDrawInFourSteps() throws IOException {
        Path teacher = trained("teacher", "diffusion", 16, "condition=label"), flow = trained("flow", "diffusion", 16, "objective=flow");
        for (Path of : List.of(teacher, flow)) {
            Path student = trained("student-of-" + of.getFileName(), "consistency", 16, "teacher=" + of,
                "guidance=" + (of == teacher ? 2 : 1));
            try (Run run = Run.open(student, "cpu", line -> { }); Scope scope = new Scope()) {
                assertThat(run.sample(3, 1, List.of()).shape()).containsExactly(3, 1, 16, 16);
                assertThat(Families.named("consistency").sampling()).isNotNull();
                assertThat(run.generative().classes()).isEqualTo(of == teacher ? 10 : 0);
            }
        }
        assertThatThrownBy(() -> trained("guided", "consistency", 16, "teacher=" + flow, "guidance=2"))
            .hasMessageContaining("illegal guidance: 2.0");
        assertThatThrownBy(() -> trained("large", "consistency", 32, "teacher=" + teacher)).hasMessageContaining("its student learns");
        assertThatThrownBy(() -> trained("none", "consistency", 16)).hasMessageContaining("which run? teacher=RUN");
        Path gan = trained("gan", "gan", 28, "width=4", "latent=4");
        assertThatThrownBy(() -> trained("upon", "consistency", 28, "teacher=" + gan)).hasMessageContaining("is a run of family gan");
    }

    @Test void aStudentBeginsAsItsTeacher() throws IOException {
        Path teacher = trained("teacher", "diffusion", 16);
        Path student = trained("student", "consistency", 16, "teacher=" + teacher, "train.steps=1", "train.optimizer.lr=1e-12",
            "train.ema=0");
        try (Run a = Run.open(teacher, "cpu", line -> { }); Run b = Run.open(student, "cpu", line -> { })) {
            a.model().net().state().forEach((name, t) -> assertThat(b.model().net().state().get(name).sub(t).abs().max().item())
                .as(name).isLessThan(1e-6));
        }
    }
}
