package io.palitra.app;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.data.Picture;
import io.palitra.report.Png;
import io.palitra.stage.TinyClip;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** classify and search as typed. */
class ClipCommandsTest {
    @TempDir Path root;
    private Path clip;
    private Path folder;

    @BeforeEach void write() throws Exception {
        clip = TinyClip.write(root.resolve("clip"));
        folder = Files.createDirectories(root.resolve("pictures"));
        for (int i = 0; i < 5; i++) {
            byte[] p = new byte[3 * 100];
            for (int k = 0; k < p.length; k++) p[k] = (byte) (k * (i + 3) * 5);
            Png.write(folder.resolve(i + ".png"), new Picture(3, 10, 10, p), Map.of());
        }
        Files.writeString(folder.resolve("broken.png"), "no picture");
    }

    private static void refused(String message, Object... words) {
        Typed typed = Typed.palitra(words);
        assertThat(typed.code()).isNotZero();
        assertThat(typed.err()).contains(message);
        assertThat(typed.err().strip().lines().filter(l -> l.startsWith("palitra: "))).hasSize(1);
    }

    @Test void aPictureIsClassed() {
        assertThat(Typed.palitra("classify", folder.resolve("1.png"), "--labels", "cat, dog", "--clip", clip).code()).isZero();
        assertThat(Typed.palitra("classify", folder.resolve("1.png"), "--labels", "кот,dog", "--clip", clip, "--json").code()).isZero();
        refused("no labels", "classify", folder.resolve("1.png"), "--labels", "", "--clip", clip);
        refused("no such file", "classify", folder.resolve("9.png"), "--labels", "a,b", "--clip", clip);
        refused("not a PNG", "classify", folder.resolve("broken.png"), "--labels", "a,b", "--clip", clip);
        refused("a text of 40000 tokens is too long", "classify", folder.resolve("1.png"), "--labels", "a," + "word ".repeat(10_000),
            "--clip", clip);
        refused("is no CLIP", "classify", folder.resolve("1.png"), "--labels", "a,b", "--clip", notAClip());
    }

    private Path notAClip() {
        try {
            Path other = Files.createDirectories(root.resolve("other"));
            Files.writeString(other.resolve("config.json"), "{}");
            return other;
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test void aFolderIsSearchedByWordsAndByAPicture() throws Exception {
        Path page = root.resolve("found.html");
        Typed typed = Typed.palitra("search", folder, "a red kite", "--clip", clip, "--out", page, "-n", 3);
        assertThat(typed.code()).isZero();
        assertThat(typed.err()).contains("skipped: ").contains("broken.png");
        String html = Files.readString(page);
        assertThat(html.split("data:image/png;base64,", -1)).hasSize(4);
        assertThat(html).contains("a red kite").contains("broken.png").doesNotContain("://");
        assertThat(Typed.palitra("search", folder, folder.resolve("2.png"), "--clip", clip, "--out", page, "--json", "--force").code())
            .isZero();
        refused("exists; choose another --out, or --force", "search", folder, "kite", "--clip", clip, "--out", page);
        assertThat(Files.readString(page)).contains("What was asked for.").contains("cosine 1.000");
        refused("search for what?", "search", folder, " ", "--clip", clip, "--out", root.resolve("new.html"));
        refused("there is no such folder or .zip", "search", root.resolve("none"), "kite", "--clip", clip, "--out",
            root.resolve("new.html"));
        refused("there is no folder", "search", folder, "kite", "--clip", clip, "--out",
            root.resolve("none/found.html"));
        refused("illegal -n: 0", "search", folder, "kite", "--clip", clip, "--out", root.resolve("new.html"), "-n", 0);
    }

    @Test void ofManyPicturesThatCannotBeReadTenAreNamed() throws Exception {
        for (int i = 0; i < 300; i++) Files.writeString(folder.resolve("broken" + i + ".png"), "no picture");
        Path page = root.resolve("found.html");
        Typed typed = Typed.palitra("search", folder, "a red kite", "--clip", clip, "--out", page);
        assertThat(typed.code()).isZero();
        assertThat(typed.err().lines().filter(l -> l.startsWith("skipped: "))).hasSize(10);
        assertThat(typed.err()).contains("291 more pictures that cannot be read, skipped");
        assertThat(Files.readString(page)).contains("291 more pictures that cannot be read").doesNotContain("broken299");
    }
}
