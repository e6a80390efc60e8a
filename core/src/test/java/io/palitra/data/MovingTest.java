package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.Config;
import io.palitra.engine.Device;
import io.palitra.engine.Scope;
import io.palitra.report.Gif;
import io.palitra.report.Png;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The set moving, and folders of films. */
class MovingTest {
    @TempDir private Path dir;

    private static VideoDataset open(String name, Split split, String... options) {
        return (VideoDataset) Datasets.open(name, split, Config.with(DataOptions.DEFAULT, options));
    }

    private static byte[] film(VideoDataset set, int i) {
        byte[] film = new byte[set.spec().bytes()];
        set.film(i, film, 0);
        return film;
    }

    @Test void anItemIsAFunctionOfItsNumberAndALongerFilmBeginsAsAShorterOne() {
        for (String kind : List.of("kind=digits", "kind=scenes")) {
            VideoDataset set = open("moving", Split.TRAIN, kind), again = open("moving", Split.TRAIN, kind);
            assertThat(film(set, 7)).isEqualTo(film(again, 7)).isNotEqualTo(film(set, 8))
                .isNotEqualTo(film(open("moving", Split.TEST, kind), 7));
        }
        VideoDataset longer = open("moving", Split.TRAIN, "frames=40"), set = open("moving", Split.TRAIN);
        assertThat(Arrays.copyOf(film(longer, 7), 16 * 32 * 32)).isEqualTo(film(set, 7));
        assertThat(set.spec()).isEqualTo(new VideoSpec(16, 1, 32, 32, 10));
        assertThat(open("moving", Split.TRAIN, "size=48", "channels=3").spec()).isEqualTo(new VideoSpec(16, 3, 48, 48, 10));
        assertThat(open("moving", Split.TRAIN, "kind=scenes").spec()).isEqualTo(new VideoSpec(16, 3, 32, 32, 8));
    }

    @Test void batchesAreFilmsInTheRangeOfPictures() {
        try (Scope scope = new Scope()) {
            Batch batch = DataLoader.of(open("moving", Split.TEST), new int[] {0, 1, 2}, Device.CPU);
            assertThat(batch.x().shape()).containsExactly(3, 16, 1, 32, 32);
            assertThat(batch.x().min().item()).isEqualTo(-1);
            assertThat(batch.x().max().item()).isLessThanOrEqualTo(1).isGreaterThan(0.5);
        }
    }

    @Test void aMirrorTurnsTheWayRound() {
        assertThat(new double[] {MovingDigits.mirrored(3, 2, 10), MovingDigits.mirrored(11, 2, 10), MovingDigits.mirrored(1, 2, 10),
            MovingDigits.mirrored(19, 2, 10), MovingDigits.mirrored(-7, 2, 10)}).containsExactly(3, 9, 3, 3, 9);
    }

    @Test void whatMovingCannotBeIsRefusedInALine() {
        assertThatThrownBy(() -> open("moving", Split.TEST, "size=16"))
            .hasMessage("illegal size: 16, moving digits are drawn from 24 to 256 pixels");
        assertThatThrownBy(() -> open("moving", Split.TEST, "kind=scenes", "channels=1"))
            .hasMessage("illegal channels: 1, moving scenes are in colour: 0 or 3");
        assertThatThrownBy(() -> open("moving", Split.TEST, "frames=1")).hasMessageContaining("frames: 1");
        assertThatThrownBy(() -> open("moving", Split.TEST, "length=9")).hasMessageStartingWith("'moving' holds no text");
        assertThatThrownBy(() -> Datasets.like(open("moving", Split.TEST).spec(), "strokes", true, true, Split.TEST, DataOptions.DEFAULT))
            .hasMessageStartingWith("the run was made for video of 16 frames of 1x32x32, 10 classes, 'strokes' is pictures of");
        assertThat(Datasets.like(open("moving", Split.TEST, "frames=4", "size=40").spec(), "moving", true, true, Split.TEST,
            DataOptions.DEFAULT).spec()).isEqualTo(new VideoSpec(4, 1, 40, 40, 10));
    }

    private static List<Picture> frames(int n, int seed, int channels) {
        List<Picture> frames = new ArrayList<>();
        Random random = new Random(seed);
        for (int t = 0; t < n; t++) {
            byte[] pixels = new byte[channels * 6 * 8];
            random.nextBytes(pixels);
            frames.add(new Picture(channels, 6, 8, pixels));
        }
        return frames;
    }

    private void gif(String name, int n, int seed, int channels) throws IOException {
        Path file = dir.resolve("films").resolve(name);
        Files.createDirectories(file.getParent());
        Gif.write(file, frames(n, seed, channels), 100);
    }

    private void pngs(String folder, int n) throws IOException {
        Path in = Files.createDirectories(dir.resolve("films").resolve(folder));
        List<Picture> all = frames(n, folder.hashCode(), 3);
        for (int t = 0; t < n; t++) Png.write(in.resolve(t + ".png"), all.get(t), Map.of());
    }

    @Test void aFolderOfGifIsReadFrameByFrameAndOtherLengthsAreSaid() throws IOException {
        for (int k = 0; k < 12; k++) gif((k % 2 == 0 ? "even/" : "odd/") + k + ".gif", k == 3 ? 3 : k == 4 ? 11 : 5, k, 1);
        String films = dir.resolve("films").toString();
        VideoDataset train = open(films, Split.TRAIN, "frames=5"), test = open(films, Split.TEST, "frames=5");
        assertThat(train.spec()).isEqualTo(new VideoSpec(5, 1, 6, 8, 2));
        assertThat(train.classNames()).containsExactly("even", "odd");
        assertThat(train.size() + test.size()).isEqualTo(12);   // one is too short, one is two
        List<String> said = new ArrayList<>(train.notes());
        said.addAll(test.notes());
        assertThat(said).hasSize(2).anyMatch(n -> n.matches("1 of \\d+ films of 'films' have fewer than the 5 frames of an item, not used"))
            .anyMatch(n -> n.matches("1 of \\d+ films of 'films' are no whole number of 5 frames: what is left at their ends is not used"));
        int at = 0;
        while (!train.source(at).startsWith("even/0.gif")) at++;
        assertThat(train.label(at)).isZero();
        byte[] want = new byte[train.spec().bytes()];
        List<Picture> frames = frames(5, 0, 1);
        for (int t = 0; t < 5; t++) System.arraycopy(frames.get(t).pixels(), 0, want, t * 48, 48);
        assertThat(film(train, at)).isEqualTo(want);
    }

    @Test void foldersOfFramesAreFilmsWhereTheyAreAskedFor() throws IOException {
        for (int k = 0; k < 4; k++) pngs("clip" + k, 12);
        String films = dir.resolve("films").toString();
        assertThat(Datasets.open(films, Split.TRAIN, DataOptions.DEFAULT).spec()).isInstanceOf(ImageSpec.class);
        VideoDataset train = open(films, Split.TRAIN, "films=true", "frames=12");
        assertThat(train.spec()).isEqualTo(new VideoSpec(12, 3, 6, 8, 0));
        assertThat(train.size() + open(films, Split.TEST, "films=true", "frames=12").size()).isEqualTo(4);
        List<Picture> frames = frames(12, train.source(0).substring(0, 5).hashCode(), 3);
        byte[] eleventh = Arrays.copyOfRange(film(train, 0), 11 * 144, 12 * 144);   // 11.png is behind 2.png
        assertThat(eleventh).isEqualTo(frames.get(11).pixels());
    }

    @Test void filmsOfOneFrameOrTooFewAreRefusedInALine() throws IOException {
        for (int k = 0; k < 3; k++) pngs("clip" + k, 1);
        String films = dir.resolve("films").toString();
        assertThatThrownBy(() -> open(films, Split.TRAIN, "films=true"))
            .hasMessageContaining("none of its 3 films has more than one frame; a film wants two and more");
        pngs("clip3", 6);
        assertThatThrownBy(() -> open(films, Split.TRAIN, "films=true")).hasMessageContaining(
            "none of its 4 films has the 16 frames of an item; the longest has 6, --set data.frames=6 makes items shorter");
    }

    @Test void aDamagedGifIsLeftOutAndNamed() throws IOException {
        for (int k = 0; k < 12; k++) gif(k + ".gif", 4, k, 3);
        String films = dir.resolve("films").toString(), source = open(films, Split.TRAIN, "frames=4").source(3);
        String name = source.substring(0, source.indexOf(','));
        Path broken = dir.resolve("films").resolve(name);
        byte[] bytes = Files.readAllBytes(broken);
        Files.write(broken, Arrays.copyOf(bytes, bytes.length / 3));
        VideoDataset train = open(films, Split.TRAIN, "frames=4"), test = open(films, Split.TEST, "frames=4");
        List<String> said = new ArrayList<>(train.notes());
        said.addAll(test.notes());
        assertThat(said).singleElement().asString().contains(name);
        assertThat(train.size() + test.size()).isEqualTo(11);
        assertThatThrownBy(() -> {
            open(films, Split.TRAIN, "frames=4", "strict=true");
            open(films, Split.TEST, "frames=4", "strict=true");
        }).isInstanceOf(FormatException.class);
    }
}
