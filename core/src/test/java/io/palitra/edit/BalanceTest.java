package io.palitra.edit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.data.DataOptions;
import io.palitra.data.Datasets;
import io.palitra.data.ImageDataset;
import io.palitra.data.ImageSpec;
import io.palitra.data.Split;
import io.palitra.engine.Device;
import io.palitra.model.Watcher;
import io.palitra.stage.TinyFirstStage;
import io.palitra.train.Run;
import io.palitra.train.RunConfig;
import io.palitra.train.Trainer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BalanceTest {
    /** Drawn digits of 16x16, many of the even classes and few of the odd. */
    private static Balance.Drawn digits(Split split, int many, int few) {
        ImageDataset all = (ImageDataset) Datasets.open("strokes", split, new DataOptions("", 16, 0, false));
        int[] counts = new int[10];
        List<Integer> items = new ArrayList<>();
        for (int i = 0; i < all.size() && items.size() < 5 * (many + few); i++) {
            int c = all.label(i);
            if (counts[c] < (c % 2 == 0 ? many : few)) {
                counts[c]++;
                items.add(i);
            }
        }
        ImageSpec spec = all.spec();
        byte[] bytes = new byte[(int) (items.size() * spec.dims())];
        for (int i = 0; i < items.size(); i++) all.pixels(items.get(i), bytes, (int) (i * spec.dims()));
        return new Balance.Drawn(spec, all.classNames(), bytes, items.stream().mapToInt(all::label).toArray());
    }

    @Test void smallClassesAreFilledUpAndTheClassifierIsScoredThreeWays(@TempDir Path root) throws Exception {
        Balance.Drawn train = digits(Split.TRAIN, 40, 8), test = digits(Split.TEST, 10, 10);
        RunConfig config = RunConfig.of("vae", "drawn", train, DataOptions.DEFAULT, 0, List.of("conditional=true", "latent=4",
            "net.hidden=64", "train.steps=200", "train.batch=40"));
        Trainer.start(root.resolve("vae"), config, train, null, Watcher.SILENT);
        try (Run run = Run.open(root.resolve("vae"), "cpu", s -> {})) {
            Balance.Drawn drawn = Balance.missing(run, train, 3, Watcher.SILENT);
            assertThat(Balance.counts(train)).containsExactly(40, 8, 40, 8, 40, 8, 40, 8, 40, 8);
            assertThat(Balance.counts(drawn)).containsExactly(0, 32, 0, 32, 0, 32, 0, 32, 0, 32);
            assertThat(Balance.missing(run, train, 3, Watcher.SILENT).stored()).isEqualTo(drawn.stored());
            List<Balance.Outcome> outcomes = Balance.compare(train, drawn, test, root.resolve("out"), Device.CPU, 1, Watcher.SILENT);
            assertThat(outcomes).extracting(Balance.Outcome::way).containsExactly("as it is", "class weights", "drawn items");
            for (Balance.Outcome o : outcomes) assertThat(o.f1().value()).as(o.way()).isBetween(0.3, 1.0);   // chance is 0.1
            assertThat(outcomes.stream().map(o -> Arrays.toString(o.f1().each())).distinct().count()).isEqualTo(3);
        }
    }

    @Test void aModelOfCodesThatIsToldTheClassFillsThemToo(@TempDir Path root) throws Exception {
        Balance.Drawn train = digits(Split.TRAIN, 4, 2);
        String stage = TinyFirstStage.save(root.resolve("stage"), 1, 1).toString();
        RunConfig config = RunConfig.of("tokens", "drawn", train, DataOptions.DEFAULT, 0, List.of("stage=" + stage, "net.width=16",
            "net.layers=1", "net.heads=2", "condition=label", "train.steps=2", "train.batch=4"));
        Trainer.start(root.resolve("tokens"), config, train, null, Watcher.SILENT);
        try (Run run = Run.open(root.resolve("tokens"), "cpu", s -> {})) {
            assertThat(Balance.counts(Balance.missing(run, train, 3, Watcher.SILENT))).containsExactly(0, 2, 0, 2, 0, 2, 0, 2, 0, 2);
        }
    }

    @Test void aModelThatKnowsNoClassesIsRefused(@TempDir Path root) throws Exception {
        Balance.Drawn train = digits(Split.TRAIN, 6, 2);
        RunConfig config = RunConfig.of("vae", "drawn", train, DataOptions.DEFAULT, 0, List.of("net.hidden=8", "train.steps=1",
            "train.batch=4"));
        Trainer.start(root.resolve("vae"), config, train, null, Watcher.SILENT);
        try (Run run = Run.open(root.resolve("vae"), "cpu", s -> {})) {
            assertThatThrownBy(() -> Balance.missing(run, train, 0, Watcher.SILENT))
                .hasMessageContaining("train one with --set conditional=true");
        }
    }
}
