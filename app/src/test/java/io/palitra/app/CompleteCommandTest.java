package io.palitra.app;

import static io.palitra.app.Typed.palitra;
import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.model.Measure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** `palitra complete` of texts. */
class CompleteCommandTest {
    private static final String TEXT = "the cat sat on the mat and the dog ran. ";
    @TempDir private static Path root;
    private static Path run;

    @BeforeAll static void train() throws IOException {
        Path data = Files.writeString(root.resolve("tale.txt"), TEXT.repeat(40));
        run = root.resolve("mdlm");
        assertThat(palitra("train", "mdlm", data, "--out", run, "--set", "data.length=24", "--set", "train.steps=2", "--set",
            "train.batch=4", "--set", "width=8", "--set", "layers=1", "--set", "heads=2", "--threads", 1)).extracting(Typed::code)
            .isEqualTo(0);
    }

    @Test void aTextIsWrittenIntoAFileAndItsByteOrderMarkIsNoCharacter() throws IOException {
        Path plain = Files.writeString(root.resolve("plain.txt"), TEXT), marked = Files.writeString(root.resolve("marked.txt"),
            "\uFEFF" + TEXT), out = root.resolve("filled.txt"), other = root.resolve("other.txt");
        Typed first = palitra("complete", run, "--text", plain, "--hole", "4:7", "--out", out);
        Typed second = palitra("complete", run, "--text", marked, "--hole", "4:7", "--out", other);
        assertThat(first.code()).as(first.err()).isZero();
        assertThat(first.err()).doesNotContain("byte order mark");
        assertThat(second.code()).as(second.err()).isZero();
        assertThat(second.err()).contains("begins with a byte order mark, which is no character of the text");
        assertThat(Files.readString(other)).isEqualTo("\uFEFF" + Files.readString(out)).hasSize(TEXT.length() + 1);
        assertThat(palitra("complete", run, "--text", plain, "--hole", "4:7", "--out", out).code()).isEqualTo(2);
        assertThat(palitra("complete", run, "--text", plain, "--hole", "4:7", "--out", root.resolve("x.png")).err())
            .contains("must end in .txt");
    }

    @Test void whatIsCompletedIsNamedForEveryKindOfRun() {
        assertThat(palitra("complete", run).err()).contains("of a text --text and --hole, of a score --score with --voice, --bars or "
            + "--keep");
    }

    @Test void rowsOfATableStandInLineHoweverLongTheirNamesAre() {
        String[] lines = EvaluateCommand.list(List.of(new Measure("nats", 1, "nats", "of few"), new Measure("nats a character, exact, in "
            + "windows of 24 characters", 2, "tokens of text", "of many"))).split("\\R");
        assertThat(lines[0].indexOf("of few")).isEqualTo(lines[1].indexOf("of many"));
        assertThat(lines[0].indexOf("1 nats")).isEqualTo(lines[1].indexOf("2 tokens"));
    }
}
