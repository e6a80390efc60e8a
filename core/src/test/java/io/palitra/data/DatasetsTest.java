package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DatasetsTest {
    private static DataOptions real(String set) {
        String dir = System.getenv().getOrDefault("PALITRA_DATA", "../shared/data");
        Assumptions.assumeTrue(Files.isDirectory(Path.of(dir, set)), "no " + set + " in " + dir);
        return new DataOptions(dir, 0, 0, true);
    }

    private static double mean(ImageDataset set) {
        byte[] out = new byte[(int) set.spec().dims()];
        double sum = 0;
        for (int i = 0; i < set.size(); i++) {
            set.pixels(i, out, 0);
            for (byte b : out) sum += b & 0xff;
        }
        return sum / 255 / set.size() / out.length;
    }

    private static int[] histogram(Dataset set) {
        int[] n = new int[set.classNames().size()];
        for (int i = 0; i < set.size(); i++) n[set.label(i)]++;
        return n;
    }

    @Test void theRealMnistHasItsPublishedMean() {
        ImageDataset train = (ImageDataset) Datasets.open("mnist", Split.TRAIN, real("mnist"));
        assertThat(train.size()).isEqualTo(60_000);
        assertThat(train.spec()).isEqualTo(new ImageSpec(1, 28, 28, 10));
        assertThat(mean(train)).isBetween(0.1306, 0.1308);
        assertThat(histogram(train)).containsExactly(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949);
        assertThat(Datasets.open("mnist", Split.TEST, real("mnist")).size()).isEqualTo(10_000);
    }

    @Test void theRealCifarOfZipsHasAsManyPicturesOfEachClass() {
        ImageDataset test = (ImageDataset) Datasets.open("cifar10", Split.TEST, real("cifar10"));
        assertThat(test.spec()).isEqualTo(new ImageSpec(3, 32, 32, 10));
        assertThat(test.classNames()).isEqualTo(Cifar10.CLASSES);
        assertThat(histogram(test)).containsOnly(1000);
        // the mean over all channels that others publish is 0.473 (0.491, 0.482, 0.447)
        assertThat(mean(test)).isBetween(0.470, 0.480);
    }

    @Test void aSizeAskedForIsGiven() {
        DataOptions at = real("mnist");
        ImageDataset set = (ImageDataset) Datasets.open("mnist", Split.TEST, new DataOptions(at.dir(), 32, 3, true));
        assertThat(set.spec()).isEqualTo(new ImageSpec(3, 32, 32, 10));
        byte[] out = new byte[3 * 32 * 32];
        set.pixels(0, out, 0);
        Picture small = Pictures.resize(new Picture(3, 32, 32, out), 28, 28);
        byte[] original = new byte[28 * 28];
        ((ImageDataset) Datasets.open("mnist", Split.TEST, at)).pixels(0, original, 0);
        double apart = 0;
        for (int i = 0; i < original.length; i++) apart += Math.abs((original[i] & 0xff) - (small.pixels()[i] & 0xff));
        assertThat(apart / original.length).isLessThan(3);
    }

    @Test void anUnknownNameIsToldTheKnownOnes() {
        assertThatThrownBy(() -> Datasets.open("minst", Split.TRAIN, DataOptions.DEFAULT)).isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("no data set 'minst'").hasMessageContaining("mnist, fashion-mnist, kmnist, cifar10; did you mean mnist?");
        assertThatThrownBy(() -> Datasets.open("a\0b", Split.TRAIN, DataOptions.DEFAULT)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Datasets.open("", Split.TRAIN, DataOptions.DEFAULT)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test void drawnSetsNeedNoFiles() {
        for (CatalogueEntry source : Datasets.catalogue()) {
            if (source.kind() != CatalogueEntry.Kind.DRAWN) continue;
            for (Split split : Split.values()) {
                Dataset set = Datasets.open(source.name(), split, DataOptions.DEFAULT);
                assertThat(set.name()).isEqualTo(source.name());
                assertThat(set.size()).isEqualTo(split == Split.TRAIN ? source.train() : source.test());
            }
        }
        DataOptions sized = new DataOptions("", 20, 3, false);
        assertThat(Datasets.open("strokes", Split.TEST, sized).spec()).isEqualTo(new ImageSpec(3, 20, 20, 10));
        assertThatThrownBy(() -> Datasets.open("toy", Split.TEST, sized)).isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("toy-gaussians has points, not pictures");
    }

    @Test void zipsOfOtherClassesAreNotTakenForCifar(@TempDir Path dir) throws IOException {
        Path folder = Files.createDirectories(dir.resolve("cifar10"));
        for (String zip : new String[] {"train.zip", "test.zip"}) Files.write(folder.resolve(zip), Seeds.zip(Seeds.classes()));
        assertThatThrownBy(() -> Datasets.open("cifar10", Split.TRAIN, new DataOptions(dir.toString(), 0, 0, false)))
            .isInstanceOf(FormatException.class).hasMessageContaining("the classes a, b");
    }

    @Test void missingFilesSayWhereTheyWereSoughtAndHowToGetThem(@TempDir Path dir) {
        DataOptions at = new DataOptions(dir.toString(), 0, 0, false);
        assertThatThrownBy(() -> Datasets.open("kmnist", Split.TRAIN, at)).isInstanceOf(FormatException.class)
            .hasMessageContaining(dir.resolve("kmnist").toString()).hasMessageContaining(dir.resolve("KMNIST/raw").toString())
            .hasMessageContaining("palitra data get kmnist");
    }

    @Test void theFoldersOfTorchvisionAreKnown(@TempDir Path dir) throws IOException {
        Path raw = Files.createDirectories(dir.resolve("FashionMNIST/raw"));
        Files.write(raw.resolve("t10k-images-idx3-ubyte"), Seeds.idx(new int[] {1, 2, 2}, new byte[] {1, 2, 3, 4}));
        Files.write(raw.resolve("t10k-labels-idx1-ubyte"), Seeds.idx(new int[] {1}, new byte[] {9}));
        Dataset set = Datasets.open("fashion-mnist", Split.TEST, new DataOptions(dir.toString(), 0, 0, false));
        assertThat(set.classNames().get(set.label(0))).isEqualTo("Ankle boot");
    }

    @Test void theSearchGoesFromTheOptionsToTheEnvironmentToTheUsualPlaces() {
        DataOptions none = DataOptions.DEFAULT;
        Map<String, String> both = Map.of("PALITRA_DATA", "p", "XDG_DATA_HOME", "/x");
        assertThat(Datasets.folders(new DataOptions("d", 0, 0, false), both)).containsExactly(Path.of("d"));
        assertThat(Datasets.folders(none, both)).containsExactly(Path.of("p"));
        assertThat(Datasets.folders(none, Map.of("XDG_DATA_HOME", "/x")))
            .containsExactly(Path.of("data"), Path.of("../shared/data"), Path.of("/x").resolve("palitra"));
        assertThat(Datasets.target(none, Map.of("XDG_DATA_HOME", "relative")))
            .isEqualTo(Path.of(System.getProperty("user.home"), ".local", "share", "palitra"));
    }

    @Test void nonsenseOptionsAreRefused() {
        assertThatThrownBy(() -> new DataOptions("", -1, 0, false)).hasMessage("illegal size: -1, must be 0 (native) to 2048");
        assertThatThrownBy(() -> new DataOptions("", 0, 2, false)).hasMessageContaining("illegal channels: 2");
    }

    @Test void everyFileOfTheCatalogueHasItsSizeAndChecksum() {
        for (CatalogueEntry source : Datasets.catalogue()) {
            for (CatalogueEntry.Remote remote : source.files()) {
                assertThat(remote.size()).isPositive();
                assertThat(remote.md5()).matches("[0-9a-f]{32}");
                assertThat(remote.file()).endsWith(".gz");
            }
        }
    }
}
