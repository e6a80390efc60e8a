package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TextsTest {
    private static final DataOptions EIGHT = Config.with(DataOptions.DEFAULT, "length=8");

    @TempDir private Path dir;

    private Path file(String name, String text) throws IOException {
        Path file = dir.resolve(name);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, text);
    }

    private static Texts open(Path path, Split split, DataOptions options) {
        return (Texts) Datasets.open(path.toString(), split, options);
    }

    private static int[] item(Dataset set, int i) {
        ByteBuffer into = ByteBuffer.allocate(set.spec().bytes());
        set.read(i, into);
        assertThat(into.hasRemaining()).isFalse();
        int[] ids = new int[set.spec().bytes() / 4];
        into.flip().asIntBuffer().get(ids);
        return ids;
    }

    private static String text(Dataset set, int i) { return ((TextSpec) set.spec()).alphabet().decode(item(set, i)); }

    private static String alphabet(int n) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < n; i++) text.append((char) ('a' + i % 26)).append(i % 26 == 25 ? "\n" : "");
        return text.substring(0, n);
    }

    @Test void oneTextIsPartedByPositionAndReadInWindows() throws IOException {
        Path file = file("x.txt", alphabet(200));
        Texts train = open(file, Split.TRAIN, EIGHT), test = open(file, Split.TEST, EIGHT);
        assertThat(train.tokens()).hasSize(180);
        assertThat(test.tokens()).hasSize(20);
        assertThat(train.name()).isEqualTo("x.txt");
        // every quarter of eight, and the last is full
        assertThat(train.size()).isEqualTo((180 - 8) / 2 + 1);
        assertThat(text(train, 0)).isEqualTo("abcdefgh");
        assertThat(text(train, 1)).isEqualTo("cdefghij");
        assertThat(text(train, train.size() - 1)).isEqualTo(alphabet(200).substring(172, 180));
        assertThat(train.source(3)).isEqualTo("x.txt, token 6");
        // side by side, the last filled up
        assertThat(test.size()).isEqualTo(3);
        assertThat(text(test, 0) + text(test, 1) + text(test, 2)).isEqualTo(alphabet(200).substring(180));
        assertThat(item(test, 2)).endsWith(test.spec().end(), test.spec().end(), test.spec().end(), test.spec().end());
        assertThat(train.spec()).isEqualTo(test.spec());
        assertThat(train.notes()).isEmpty();
    }

    @Test void theCharactersAreThoseOfBothParts() throws IOException {
        Path file = file("x.txt", alphabet(190) + "ЖЖ!!!!!!!!");
        assertThat(((Alphabet.Characters) open(file, Split.TRAIN, EIGHT).spec().alphabet()).letters())
            .isEqualTo("\n!abcdefghijklmnopqrstuvwxyzЖ");
    }

    @Test void severalTextsArePartedByTextAndEndedEach() throws IOException {
        for (int i = 0; i < 50; i++) file("d/" + i / 10 + "/" + i + ".txt", "text " + i + ".");
        file("d/readme.doc", "left out");
        Texts train = open(dir.resolve("d"), Split.TRAIN, EIGHT), test = open(dir.resolve("d"), Split.TEST, EIGHT);
        String trained = ended(train), tested = ended(test);
        List<String> all = new ArrayList<>(List.of(trained.split("\\|")));
        all.addAll(List.of(tested.split("\\|")));
        assertThat(all).hasSize(50).doesNotHaveDuplicates().allMatch(t -> t.matches("text \\d+\\."));
        assertThat(tested.split("\\|").length).isBetween(1, 12);
        assertThat(train.notes()).singleElement().asString().contains("1 file is left out, whose names do not end in .txt, .md, .jsonl");
        // nothing but the texts decides
        for (int i = 0; i < 50; i++) file("e/" + (50 - i) + ".md", "text " + i + ".");
        assertThat(open(dir.resolve("e"), Split.TEST, EIGHT).tokens()).hasSameSizeAs(test.tokens());
    }

    private static String ended(Texts set) {
        StringBuilder all = new StringBuilder();
        for (int id : set.tokens()) {
            all.append(id == set.spec().end() ? "|" : set.spec().alphabet().decode(new int[] {id}));
        }
        return all.toString();
    }

    @Test void eachPartHasATextWhereThereAreTwo() throws IOException {
        for (int i = 0; i < 30; i++) {
            String at = "p" + i;
            file(at + "/a.txt", "the long text number " + i);
            file(at + "/b.txt", "short " + i);
            Texts train = open(dir.resolve(at), Split.TRAIN, EIGHT), test = open(dir.resolve(at), Split.TEST, EIGHT);
            assertThat(List.of(ended(train), ended(test))).containsExactlyInAnyOrder("the long text number " + i + "|", "short " + i + "|");
            assertThat(train.notes().size()).isEqualTo(train.tokens().length < test.tokens().length ? 1 : 0);
        }
        file("same/a.txt", alphabet(100));
        file("same/b.txt", alphabet(100));
        assertThat(open(dir.resolve("same"), Split.TRAIN, EIGHT).tokens()).hasSize(90);
        assertThat(open(dir.resolve("same"), Split.TRAIN, EIGHT).notes()).singleElement().asString().contains("2 texts are the same");
    }

    @Test void aSuffixMakesAFolderAFolderOfText() throws IOException {
        file("src/A.java", "class A {}\n" + alphabet(40));
        file("src/b/B.java", "class B {}\n" + alphabet(60));
        file("src/icon.png", "no text");
        DataOptions java = Config.with(EIGHT, "suffix=.java");
        assertThat(open(dir.resolve("src"), Split.TRAIN, java).notes()).anyMatch(n -> n.contains("1 file is left out"));
        assertThatThrownBy(() -> open(dir.resolve("src"), Split.TRAIN, Config.with(EIGHT, "suffix=.kt")))
            .isInstanceOf(FormatException.class).hasMessageContaining("holds no file whose name ends in .kt");
        // without it the picture makes it a folder of pictures
        assertThatThrownBy(() -> Datasets.open(dir.resolve("src").toString(), Split.TRAIN, DataOptions.DEFAULT))
            .isInstanceOf(FormatException.class).hasMessageContaining("icon.png");
    }

    @Test void linesOfJsonAreTexts() throws IOException {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 40; i++) lines.append("{\"id\": ").append(i).append(", \"body\": \"text\\n").append(i).append("\"}\n\n");
        Path file = file("x.jsonl", lines.toString());
        Texts train = open(file, Split.TRAIN, Config.with(EIGHT, "field=body"));
        assertThat(ended(train)).startsWith("text\n").contains("|");
        assertThat(train.source(0)).matches("x.jsonl line \\d+, token 0");
        assertThatThrownBy(() -> open(file, Split.TRAIN, EIGHT)).isInstanceOf(FormatException.class).hasMessage(
            file + " line 1: wants a text in the field 'text', got nothing; data.field= names another");
        Path broken = file("y.jsonl", "{\"text\": \"a\"}\n{\"text\": ");
        assertThatThrownBy(() -> open(broken, Split.TRAIN, EIGHT)).isInstanceOf(FormatException.class)
            .hasMessageStartingWith(broken + " line 2").hasMessageContaining("it ends before it is complete");
        Path list = file("z.jsonl", "[1]");
        assertThatThrownBy(() -> open(list, Split.TRAIN, EIGHT)).hasMessage(list + " line 1: wants an object, got a list");
        Path half = file("h.jsonl", "{\"text\": \"\\ud800\"}");
        assertThatThrownBy(() -> open(half, Split.TRAIN, EIGHT)).hasMessageContaining("half a surrogate pair");
    }

    @Test void otherEncodingsAreRefusedByName() throws IOException {
        String text = "Съешь ещё этих мягких французских булок. " + alphabet(100);
        refused("a.txt", text.getBytes(Charset.forName("windows-1251")), " at byte 0: not UTF-8, which alone is read");
        refused("b.txt", "caf\u00e9 au lait".getBytes(StandardCharsets.ISO_8859_1), " at byte 3: not UTF-8");
        refused("c.txt", text.getBytes(StandardCharsets.UTF_16), " at byte 0: is UTF-16 by its first bytes");
        refused("d.txt", ("\ufeff" + text).getBytes(StandardCharsets.UTF_16LE), " at byte 0: is UTF-16 by its first bytes");
        refused("e.txt", ("\ufeff" + text).getBytes(Charset.forName("UTF-32LE")), " at byte 0: is UTF-32 by its first bytes");
        refused("f.txt", "ab".getBytes(StandardCharsets.UTF_16LE), " at byte 1: a byte of 0 is in no text");
        refused("g.txt", new byte[] {(byte) 0xed, (byte) 0xa0, (byte) 0x80}, " at byte 0: not UTF-8");
        refused("h.bin", Seeds.gzip(new byte[100]), " at byte 3: a byte of 0 is in no text; it is binary");
        refused("i.txt", new byte[0], ": is empty");
        refused("j.txt", " \n\t\n".getBytes(StandardCharsets.UTF_8), ": holds nothing but white space");
        Path marked = Files.write(dir.resolve("k.txt"), ("\ufeff" + alphabet(30)).getBytes(StandardCharsets.UTF_8));
        assertThat(text(open(marked, Split.TRAIN, EIGHT), 0)).isEqualTo("abcdefgh");
    }

    private void refused(String name, byte[] bytes, String message) throws IOException {
        Path file = Files.write(dir.resolve(name), bytes);
        assertThatThrownBy(() -> open(file, Split.TRAIN, EIGHT)).isInstanceOf(FormatException.class).hasMessageStartingWith(file + message)
            .message().hasLineCount(1);
    }

    @Test void aBrokenFileOfAFolderIsNamedAndOnTheAskingAnError() throws IOException {
        for (int i = 0; i < 5; i++) file("f/" + i + ".txt", alphabet(30 + i));
        for (int i = 0; i < 12; i++) Files.write(dir.resolve("f/x" + i + ".txt"), new byte[] {'a', (byte) 0xff});
        List<String> notes = open(dir.resolve("f"), Split.TRAIN, EIGHT).notes();
        assertThat(notes).hasSize(11).contains("2 more files the same");
        assertThat(notes.get(0)).startsWith("left out: ").contains("x0.txt at byte 1: not UTF-8");
        assertThatThrownBy(() -> open(dir.resolve("f"), Split.TRAIN, Config.with(EIGHT, "strict=true"))).isInstanceOf(FormatException.class)
            .hasMessageContaining("x0.txt at byte 1");
    }

    @Test void aTextShorterThanAnItemIsRefused() throws IOException {
        Path file = file("x.txt", "one line");
        assertThatThrownBy(() -> open(file, Split.TRAIN, DataOptions.DEFAULT)).isInstanceOf(ArgumentException.class)
            .hasMessage("'x.txt' has 7 characters for training, fewer than an item, 256; data.length=1 would fit");
    }

    @Test void moreTextThanTheLimitsIsRefused() throws IOException {
        Path file = file("x.txt", alphabet(1000));
        Limits small = new Limits(1, 1, 1, 1, 999, 10, 3, 1);
        assertThatThrownBy(() -> Texts.open(file, "x", Split.TRAIN, EIGHT, null, small)).isInstanceOf(FormatException.class)
            .hasMessageContaining("more than 999 bytes of text in all");
    }

    @Test void oneLineOfAMillionOfOneSignTakesNoTime() throws IOException {
        for (String sign : List.of(" ", "a", "1", "!", "\n", "'", "я", "\u00a0")) {
            Path file = file("long.txt", sign.repeat(1 << 20) + "b");
            Texts set = open(file, Split.TRAIN, Config.with(EIGHT, "tokens=pairs", "vocabulary=300"));
            assertThat(set.size()).isPositive();
        }
    }

    @Test void optionsThatAreNotOfTextAreRefusedAndThoseOfTextElsewhere() throws IOException {
        Path file = file("x.txt", alphabet(100));
        for (String option : List.of("size=8", "channels=1", "label=x")) {
            assertThatThrownBy(() -> open(file, Split.TRAIN, Config.with(EIGHT, option))).isInstanceOf(ArgumentException.class)
                .hasMessageContaining("is text: size, channels, label and captions");
        }
        assertThatThrownBy(() -> open(file, Split.TRAIN, Config.with(EIGHT, "vocabulary=600"))).hasMessageContaining("is of tokens=pairs");
        assertThatThrownBy(() -> Datasets.open("strokes", Split.TRAIN, EIGHT)).isInstanceOf(ArgumentException.class)
            .hasMessageContaining("'strokes' holds no text");
    }

    @Test void aRunsAlphabetIsTaken() throws IOException {
        Path file = file("x.txt", alphabet(300)), other = file("y.txt", "zebra ".repeat(20)), fit = file("z.txt", "zebra\n".repeat(20));
        TextSpec spec = open(file, Split.TRAIN, EIGHT).spec();
        assertThat(Datasets.like(spec, fit.toString(), true, true, Split.TEST, DataOptions.DEFAULT).spec()).isEqualTo(spec);
        assertThatThrownBy(() -> Datasets.like(spec, other.toString(), true, true, Split.TEST, DataOptions.DEFAULT))
            .isInstanceOf(ArgumentException.class)
            .hasMessage("'y.txt': the character ' ' (U+0020), number 6 of the text, is none of the 27 of the alphabet");
        Whole whole = Datasets.whole(spec, file.toString(), EIGHT);
        StringBuilder all = new StringBuilder();
        for (int i = 0; i < whole.items().size(); i++) all.append(text(whole.items(), i));
        // windows of the first part overlap at its end
        assertThat(all.toString()).startsWith(alphabet(264)).endsWith(alphabet(300).substring(270));
        assertThat(whole.trains().test(0)).isTrue();
        assertThat(whole.trains().test(whole.items().size() - 1)).isFalse();
        assertThatThrownBy(() -> Datasets.like(spec, "strokes", true, true, Split.TEST, DataOptions.DEFAULT))
            .hasMessageContaining("the run was made for texts of 8 characters");
        assertThatThrownBy(() -> Datasets.like(new VectorSpec(8, 0), file.toString(), true, true, Split.TEST, EIGHT))
            .isInstanceOf(ArgumentException.class).hasMessageContaining("the run was made for points of 8 numbers");
    }

    @Test void bytePairsAreLearntFromThePartForTraining() throws IOException {
        Path file = file("x.txt", "the cat sat on the mat. ".repeat(90) + "quux ".repeat(40));
        DataOptions pairs = Config.with(EIGHT, "tokens=pairs", "vocabulary=265");
        Texts train = open(file, Split.TRAIN, pairs), test = open(file, Split.TEST, pairs);
        assertThat(train.spec()).isEqualTo(test.spec());
        assertThat(train.spec().vocabulary()).isEqualTo(265);
        assertThat(train.notes()).isEmpty();
        assertThat(open(file, Split.TRAIN, Config.with(pairs, "vocabulary=500")).notes()).singleElement().asString()
            .contains("no pair stands twice any more after 269 ids, fewer than vocabulary=500");
        assertThat(((Alphabet.Pairs) train.spec().alphabet()).merges()).contains("a t").doesNotContain("u x", "q u");
    }

    @Test void theFingerprintIsOfTheTextAndNotOfItsPlace() throws IOException {
        Path a = file("a/x.txt", alphabet(100)), b = file("b/y.txt", alphabet(100)), c = file("c/x.txt", alphabet(99) + "Z");
        assertThat(open(a, Split.TRAIN, EIGHT).fingerprint()).isEqualTo(open(b, Split.TRAIN, EIGHT).fingerprint());
        assertThat(open(a, Split.TRAIN, EIGHT).fingerprint()).isNotEqualTo(open(c, Split.TRAIN, EIGHT).fingerprint());
    }

    /** Whatever the bytes are, there is a set or one line. */
    @Test void damagedTextsAreReadOrRefusedInOneLine() throws IOException {
        byte[] seed = ("{\"text\": \"" + "Да, the \\u0436 text ".repeat(3) + "\"}\n").repeat(20).getBytes(StandardCharsets.UTF_8);
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < 3000; i++) {
            byte[] b = seed.clone();
            for (int k = random.nextInt(1, 4); k > 0; k--) b[random.nextInt(b.length)] = (byte) random.nextInt(256);
            Path file = Files.write(dir.resolve(i % 2 == 0 ? "x.jsonl" : "x.txt"), b);
            try {
                assertThat(open(file, Split.TRAIN, EIGHT).size()).isPositive();
            } catch (FormatException | ArgumentException e) {
                assertThat(e.getMessage()).hasLineCount(1);
            }
        }
    }
}
