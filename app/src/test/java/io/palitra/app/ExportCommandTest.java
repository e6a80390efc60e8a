package io.palitra.app;

import static org.assertj.core.api.Assertions.assertThat;
import static io.palitra.app.Typed.palitra;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run for Python, as a user makes it. */
class ExportCommandTest {
    @TempDir static Path root;
    private static Path run;

    @BeforeAll static void aSmallRun() {
        run = root.resolve("diffusion");
        Typed r = palitra("train", "diffusion", "--set", "net.channels=4,4", "--set", "net.groups=2", "--set", "net.attention=", "--steps",
            2,
            "--batch", 2, "--out", run, "--quiet", "--threads", 1);
        assertThat(r.code()).as(r.err()).isZero();
    }

    @Test void aRunIsWrittenAsAFolderOfDiffusers() {
        Path made = root.resolve("made");
        Typed r = palitra("export", run, made);
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.err()).contains("DDPMPipeline.from_pretrained(\"made\")");
        for (String file : List.of("model_index.json", "unet/config.json", "unet/diffusion_pytorch_model.safetensors",
                "scheduler/scheduler_config.json", "README.md")) {
            assertThat(made.resolve(file)).isNotEmptyFile();
        }
    }

    @Test void aFolderThatIsThereIsLeftAsItIs() throws IOException {
        Path mine = Files.createDirectories(root.resolve("mine"));
        Files.writeString(mine.resolve("letter.txt"), "mine");
        refused(2, "exists; choose another folder", run, mine);
        assertThat(mine.toFile().list()).containsExactly("letter.txt");
    }

    @Test void whatIsNoRunWithAModelIsRefusedInOneLine() throws IOException {
        refused(2, "is not a run folder: it has no config.json", root.resolve("nowhere"), root.resolve("a"));
        Path empty = Files.createDirectories(root.resolve("empty"));
        Files.copy(run.resolve("config.json"), empty.resolve("config.json"));
        refused(1, "model.safetensors", empty, root.resolve("a"));
        Path torn = Files.createDirectories(root.resolve("torn"));
        Files.copy(run.resolve("config.json"), torn.resolve("config.json"));
        byte[] model = Files.readAllBytes(run.resolve("model.safetensors"));
        model[model.length - 1] ^= 1;
        Files.write(torn.resolve("model.safetensors"), model);
        refused(1, "model.safetensors", torn, root.resolve("a"));
        Files.writeString(torn.resolve("config.json"), "{");
        refused(2, "config.json", torn, root.resolve("a"));
        assertThat(root.resolve("a")).doesNotExist();
        assertThat(root.toFile().list()).allMatch(name -> !name.startsWith("."));
    }

    private static void refused(int code, String message, Path from, Path to) {
        Typed r = palitra("export", from, to);
        assertThat(r.code()).as(r.err()).isEqualTo(code);
        assertThat(r.err()).startsWith("palitra: ").contains(message).hasLineCount(1);
    }
}
