package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which files are texts, and what is said of those that are none. */
class TextFilesTest {
    private static final DataOptions EIGHT = Config.with(DataOptions.DEFAULT, "length=8");

    @TempDir private Path dir;

    private Path file(String name, String text) throws IOException {
        Path file = dir.resolve(name);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, text);
    }

    private static Dataset open(Path path, DataOptions options) { return Datasets.open(path.toString(), Split.TRAIN, options); }

    @Test void emptyTextsOfJsonLinesAreLeftOutAndCounted() throws IOException {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 30; i++) lines.append("{\"text\": \"").append(i % 10 == 3 ? "" : "text number " + i).append("\"}\n");
        Dataset read = open(file("c.jsonl", lines.toString()), EIGHT);
        assertThat(read.notes()).containsExactly("'c.jsonl': 3 empty texts are left out, the first in line 4");
        Path one = file("d.jsonl", "{\"text\": \"a text of some letters\"}\n{\"text\": \" \"}\n");
        assertThat(open(one, EIGHT).notes()).containsExactly("'d.jsonl': 1 empty text is left out, in line 2");
        assertThatThrownBy(() -> open(one, Config.with(EIGHT, "strict=true"))).isInstanceOf(FormatException.class)
            .hasMessageContaining("line 2").hasMessageContaining("white space");
        assertThatThrownBy(() -> open(file("e.jsonl", "{\"text\": \"\"}\n"), EIGHT)).isInstanceOf(FormatException.class)
            .hasMessageContaining("the field 'text' of each of its 1 object is empty");
    }

    @Test void aFolderOfOtherFilesSaysWhatItHoldsAndWhatReadsThem() throws IOException {
        for (int i = 0; i < 12; i++) file("code/A" + i + ".java", "class A" + i + " {}");
        file("code/Makefile", "all:");
        assertThatThrownBy(() -> open(dir.resolve("code"), DataOptions.DEFAULT)).isInstanceOf(FormatException.class)
            .hasMessageContaining("as texts .txt, .md and .jsonl are, as music .mid; it holds 12 .java, 1 without a suffix; "
                + "data.suffix=.java reads the .java as texts");
        assertThatThrownBy(() -> open(dir.resolve("code"), Config.with(DataOptions.DEFAULT, "suffix=.c")))
            .hasMessageContaining("holds no file whose name ends in .c; it holds 12 .java");
        assertThat(open(dir.resolve("code"), Config.with(EIGHT, "suffix=.java")).spec()).isInstanceOf(TextSpec.class);
    }

    @Test void aZipOfTextsIsReadInPlaceAsItsFolderIs() throws IOException {
        Path zip = dir.resolve("texts.zip");
        try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(zip))) {
            for (int i = 0; i < 20; i++) {
                String name = i % 4 + "/" + i + ".txt", text = "a text with the number " + i;
                file("texts/" + name, text);
                out.putNextEntry(new ZipEntry(name));
                out.write(text.getBytes(StandardCharsets.UTF_8));
            }
        }
        Texts packed = (Texts) open(zip, EIGHT), loose = (Texts) open(dir.resolve("texts"), EIGHT);
        assertThat(packed.tokens()).isEqualTo(loose.tokens());
        assertThat(packed.fingerprint().hash()).isEqualTo(loose.fingerprint().hash());
    }

    @Test void keysOfOtherDataAreRefused() throws IOException {
        Path text = file("x.txt", "a text of some letters, and some more of them");
        for (String key : new String[] {"steps=32", "transpose=2", "field=body", "suffix=.txt"}) {
            assertThatThrownBy(() -> open(text, Config.with(EIGHT, key))).as(key).isInstanceOf(ArgumentException.class)
                .hasMessageContaining(key.substring(0, key.indexOf('=')));
        }
        for (String key : new String[] {"tokens=bytes", "length=16", "suffix=.txt", "field=body", "vocabulary=300"}) {
            assertThatThrownBy(() -> Datasets.open("parts", Split.TRAIN, Config.with(DataOptions.DEFAULT, key))).as(key)
                .isInstanceOf(ArgumentException.class).hasMessageContaining(key.substring(0, key.indexOf('=')));
        }
        for (String key : new String[] {"steps=32", "transpose=2"}) {
            for (String set : new String[] {"strokes", "programs", "toy-moons"}) {
                assertThatThrownBy(() -> Datasets.open(set, Split.TRAIN, Config.with(DataOptions.DEFAULT, key))).as(set)
                    .isInstanceOf(ArgumentException.class).hasMessageContaining(key.substring(0, key.indexOf('=')));
            }
        }
    }

    @Test void captionsOfAFileThatHoldsNoneAreRefusedByTheirKey() throws IOException {
        Path text = file("x.txt", "a text of some letters");
        assertThatThrownBy(() -> open(text, Config.with(DataOptions.DEFAULT, "captions=true"))).isInstanceOf(ArgumentException.class)
            .hasMessage("data.captions=true is of a folder or .zip of pictures, got the file '" + text + "'");
    }

    @Test void oneMidiFileIsRefusedSinceItCannotBeDivided() throws IOException {
        Path piece = dir.resolve("four.mid");
        Files.write(piece, new byte[] {0, 1});
        assertThatThrownBy(() -> open(piece, DataOptions.DEFAULT)).isInstanceOf(ArgumentException.class)
            .hasMessageContaining("is one piece").hasMessageContaining("a folder or .zip of .mid files");
    }
}
