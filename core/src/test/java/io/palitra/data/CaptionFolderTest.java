package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.Config;
import io.palitra.engine.Device;
import io.palitra.engine.Scope;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CaptionFolderTest {
    private static final DataOptions OPTIONS = new DataOptions("", 4, 3, false, List.of(), "", true);
    private static final byte[] PNG = Seeds.png(3, 4, 5);

    @TempDir private Path dir;

    private void put(String name, String text) throws IOException { put(name, text.getBytes(StandardCharsets.UTF_8)); }

    private void put(String name, byte[] bytes) throws IOException {
        Files.createDirectories(dir.resolve(name).getParent());
        Files.write(dir.resolve(name), bytes);
    }

    private CaptionFolder open() { return open(Split.TRAIN); }

    private CaptionFolder open(Split split) { return (CaptionFolder) Datasets.open(dir.toString(), split, OPTIONS); }

    private static Set<String> all(CaptionFolder set) {
        Set<String> all = new TreeSet<>();
        for (int i = 0; i < set.size(); i++) all.addAll(set.captions(i));
        return all;
    }

    private Map<String, String> captions() throws IOException {
        CaptionFolder set = open();
        Map<String, String> all = new TreeMap<>();
        for (int i = 0; i < set.size(); i++) all.put(set.captions(i).get(0), Arrays.toString(pixels(set, i)));
        return all;
    }

    private static byte[] pixels(ImageDataset set, int i) {
        byte[] out = new byte[(int) set.spec().dims()];
        set.pixels(i, out, 0);
        return out;
    }

    private void refused(String... words) {
        assertThatThrownBy(this::open).isInstanceOf(FormatException.class).hasMessageNotContaining("\n")
            .satisfies(e -> assertThat(e.getMessage()).contains(words));
    }

    @Test void aTextBesideAPictureIsItsCaption() throws IOException {
        put("b.png", PNG);
        put("b.txt", "  a red  house,\t\u00fcber alles \n");
        put("a.webp", Seeds.WEBP_FLAT);
        put("a.txt", "\uFEFFflat");
        put("notes.txt", "of nothing");
        CaptionFolder set = open();
        assertThat(set.spec()).isEqualTo(new ImageSpec(3, 4, 4, 0));
        assertThat(List.of(set.captions(0), set.captions(1))).containsExactly(List.of("flat"), List.of("a red house, \u00fcber alles"));
        assertThat(pixels(set, 1)).isEqualTo(Pictures.fit(Pictures.read(PNG, "b", Limits.DEFAULT), 4, 4).pixels());
    }

    @Test void linesOfMetadataAreCaptionsFromTheFolderTheyLieIn() throws IOException {
        put("metadata.jsonl", "{\"file_name\": \"a.png\", \"text\": \"first\", \"more\": 3}\r\n\n"
            + "{\"text\": \"deep\", \"file_name\": \"x/b.png\"}\n");
        put("a.png", PNG);
        put("a.txt", "not this one");
        put("x/b.png", Seeds.png(1, 4, 4));
        put("train/metadata.jsonl", "{\"file_name\": \"c.png\", \"text\": \"of a part\"}");
        put("train/c.png", PNG);
        put("train/d.png", PNG);
        put("train/d.txt", "by its side");
        assertThat(captions().keySet()).containsExactly("by its side", "deep", "first", "of a part");
        assertThat(captions().get("deep")).isNotEqualTo(captions().get("first"));
    }

    @Test void eachLineOfATextIsACaptionAndAnEpochShowsOne() throws IOException {
        put("a.png", PNG);
        put("a.txt", "\uFEFFa red house\r\n\n  a house,\tred \n \nein rotes Haus");
        CaptionFolder set = open();
        assertThat(set.captions(0)).containsExactly("a red house", "a house, red", "ein rotes Haus");
        assertThat(Set.of(set.caption(0, 5, 0), set.caption(0, 5, 1), set.caption(0, 5, 2))).hasSize(3);
        put("a.txt", "x\n".repeat(1001));
        refused("a.txt", "more than 1000 captions");
        put("a.txt", "short\n" + "x".repeat(20_001));
        refused("a.txt", "20001 characters, at most 20000");
    }

    @Test void severalLinesOfMetadataAreSeveralCaptions() throws IOException {
        put("a.png", PNG);
        put("metadata.jsonl", "{\"file_name\": \"a.png\", \"text\": \"one\"}\n{\"file_name\": \"a.png\", \"text\": \"two\\nlines\"}\n");
        assertThat(open().captions(0)).containsExactly("one", "two lines");
        put("metadata.jsonl", "{\"file_name\": \"a.png\", \"text\": \"one\"}\n");
        String once = open().fingerprint().hash();
        put("metadata.jsonl", "{\"file_name\": \"a.png\", \"text\": \"one\"}\n".repeat(2));
        assertThat(open().fingerprint().hash()).isNotEqualTo(once);
    }

    @Test void trainAndTestFoldersAreTheParts() throws IOException {
        put("train/a.png", PNG);
        put("train/deep/b.png", PNG);
        put("test/c.png", PNG);
        put("elsewhere/d.png", PNG);
        put("metadata.jsonl", "{\"file_name\": \"train/a.png\", \"text\": \"at the top\"}\n");
        put("train/metadata.jsonl", "{\"file_name\": \"deep/b.png\", \"text\": \"in the part\"}\n");
        put("test/c.txt", "beside it");
        assertThat(all(open())).containsExactly("at the top", "in the part");
        assertThat(all(open(Split.TEST))).containsExactly("beside it");
        assertThat(open().notes()).containsExactly("1 picture of '" + dir.getFileName()
            + "' in neither the training part nor the test part, not used: elsewhere/d.png");
        // what is undivided has the parts that it brings
        assertThat(Datasets.undivided(dir.toString(), Split.TRAIN, OPTIONS).size()).isEqualTo(2);
        assertThat(Datasets.undivided(dir.toString(), Split.TEST, OPTIONS).size()).isEqualTo(1);
        put("test/e.png", PNG);
        assertThat(open().size()).isEqualTo(2);
        assertThatThrownBy(() -> open(Split.TEST)).isInstanceOf(FormatException.class).hasMessageContaining("e.png: has no caption");
    }

    @Test void twoZipsAreTheParts() throws IOException {
        put("train.zip", Seeds.zip(Map.of("a.png", PNG, "a.txt", "seen".getBytes(StandardCharsets.UTF_8))));
        put("test.zip", Seeds.zip(Map.of("a.png", PNG, "metadata.jsonl",
            "{\"file_name\": \"a.png\", \"text\": \"unseen\"}".getBytes(StandardCharsets.UTF_8))));
        assertThat(all(open())).containsExactly("seen");
        assertThat(all(open(Split.TEST))).containsExactly("unseen");
    }

    @Test void aTenthByNameIsTheTestPartUnlessAllIsForTraining() throws IOException {
        for (int i = 0; i < 60; i++) {
            put("p" + i + ".png", PNG);
            put("p" + i + ".txt", "number " + i);
        }
        Set<String> train = all(open()), test = all(open(Split.TEST));
        assertThat(test).hasSizeBetween(1, 15).doesNotContainAnyElementsOf(train);
        assertThat(train.size() + test.size()).isEqualTo(60);
        assertThat(Datasets.undivided(dir.toString(), Split.TRAIN, OPTIONS).size()).isEqualTo(60);
        assertThatThrownBy(() -> Datasets.undivided(dir.toString(), Split.TEST, OPTIONS)).isInstanceOf(FormatException.class)
            .hasMessageContaining("no pictures in its test part, 60 in the other");
    }

    @Test void aZipReadsAsItsFolderDoes() throws IOException {
        Map<String, byte[]> files = new LinkedHashMap<>(Map.of("p/a.png", PNG, "p/a.txt", "in a zip".getBytes(StandardCharsets.UTF_8)));
        Path zip = Files.write(dir.resolve("x.zip"), Seeds.zip(files));
        assertThat(((CaptionFolder) Datasets.open(zip.toString(), Split.TRAIN, OPTIONS)).captions(0)).containsExactly("in a zip");
    }

    @Test void aBatchCarriesCaptionsAndPlaces() throws IOException {
        for (String name : List.of("a", "b", "c")) {
            put(name + ".png", PNG);
            put(name + ".txt", "is " + name);
        }
        try (Scope scope = new Scope()) {
            Batch batch = DataLoader.of(open(), new int[] {2, 0, 1}, Device.CPU);
            assertThat(batch.given().texts()).containsExactly("is c", "is a", "is b");
            assertThat(batch.part(1, 2).given().texts()).containsExactly("is a", "is b");
            assertThat(batch.part(1, 2).items()).containsExactly(0, 1);
            assertThat(batch.part(1, 2).x().shape()).containsExactly(2, 3, 4, 4);
        }
    }

    @Test void aPictureWithoutCaptionIsNamed() throws IOException {
        put("a.png", PNG);
        put("a.txt", "yes");
        put("sub/b.png", PNG);
        refused("b.png", "has no caption", "'b.txt' beside it", "metadata.jsonl");
        put("sub/b.txt", " \n ");
        refused("b.txt", "the caption is empty");
        put("sub/b.txt", new byte[] {'a', (byte) 0xff});
        refused("b.txt", "is no text in UTF-8");
        put("sub/b.txt", "x".repeat(20_001));
        refused("b.txt", "20001 characters, at most 20000");
    }

    @Test void aWrongLineIsNamedByItsNumber() throws IOException {
        put("a.png", PNG);
        String good = "{\"file_name\": \"a.png\", \"text\": \"yes\"}\n";
        put("metadata.jsonl", good + "{\"file_name\": \"a.png\"");
        refused("metadata.jsonl", "line 2");
        put("metadata.jsonl", good + "\n{\"file_name\": \"b.png\", \"text\": \"no\"}");
        refused("metadata.jsonl: line 3 is of 'b.png', and there is no such file");
        put("metadata.jsonl", "{\"file_name\": \"a.png\", \"caption\": \"x\"}");
        refused("line 1 has no text 'text'; its keys are file_name, caption");
        put("metadata.jsonl", "[3]");
        refused("line 1 has no text 'file_name'");
        put("metadata.jsonl", "{\"file_name\": \"../a.png\", \"text\": \"x\"}");
        refused("line 1 is of '../a.png'");
        put("metadata.jsonl", "{\"file_name\": \"a.png\", \"text\": \"\"}");
        refused("line 1: the caption is empty");
    }

    @Test void brokenPicturesAndOtherThingsAreRefused() throws IOException {
        refused("no files of pictures");
        put("a.png", Arrays.copyOf(PNG, PNG.length / 2));
        put("a.txt", "torn");
        refused("a.png");
        put("b.png", PNG);
        put("b.txt", "whole");
        Dataset data = Datasets.open(dir.toString(), Split.TRAIN, OPTIONS);
        assertThat(data.size()).isOne();
        assertThat(data.captions(0)).containsExactly("whole");
        assertThat(data.notes()).anyMatch(note -> note.startsWith("skipped") && note.contains("a.png"));
        DataOptions strict = Config.with(OPTIONS, "strict=true");
        assertThatThrownBy(() -> Datasets.open(dir.toString(), Split.TRAIN, strict)).isInstanceOf(FormatException.class)
            .hasMessageContaining("a.png");
        assertThatThrownBy(() -> Datasets.open("nowhere", Split.TRAIN, OPTIONS)).isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("'nowhere'");
        assertThatThrownBy(() -> Datasets.open(dir.toString(), Split.TEST, OPTIONS)).isInstanceOf(FormatException.class)
            .hasMessageContaining("no pictures in its test part, 2 in the other");
    }
}
