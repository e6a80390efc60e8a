package io.palitra.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The script in a real bash. */
@DisabledOnOs(OS.WINDOWS)
class CompletionTest {
    @TempDir Path root;
    private Path script = Path.of("");

    @BeforeEach void write() throws Exception {
        assumeTrue(Files.exists(Path.of("/bin/bash")), "there is no bash");
        script = Files.writeString(root.resolve("palitra.bash"), Completion.script(Main.commands("")));
        for (String run : List.of("fingers", "runs/vae-strokes-1", "runs/two words", "runs/$(touch evil)")) {
            Files.writeString(Files.createDirectories(root.resolve(run)).resolve("config.json"), "{}");
        }
        Files.createDirectories(root.resolve("runs/none"));
    }

    /** What is offered for the last of these words, which may be empty. */
    private List<String> completed(String... words) throws Exception {
        List<String> line = new ArrayList<>(List.of("/bin/bash", "--norc", "-c", "source \"$0\"; COMP_WORDS=(\"$@\"); "
            + "COMP_CWORD=$(($# - 1)); "
            + "COMP_LINE=\"$*\"; COMP_POINT=${#COMP_LINE}; COMPREPLY=(); "
            + "$(complete -p palitra | sed 's/.*-F \\([a-z_]*\\).*/\\1/') palitra "
            + "\"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"; for w in \"${COMPREPLY[@]}\"; do printf '%s\\n' \"$w\"; done",
            script.toString(), "palitra"));
        line.addAll(List.of(words));
        ProcessBuilder builder = new ProcessBuilder(line).directory(root.toFile()).redirectErrorStream(true);
        builder.environment().put("LC_ALL", "C.UTF-8");
        Process p = builder.start();
        List<String> said = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8).lines().map(String::strip)
            .filter(l -> !l.isEmpty() && !l.endsWith("compopt: not currently executing completion function")).toList();
        assertThat(p.waitFor(30, TimeUnit.SECONDS)).isTrue();
        return said;
    }

    @Test void commandsAndOptionsAreCompleted() throws Exception {
        assertThat(completed("tra")).containsExactly("train");
        assertThat(completed("sample", "--thr")).containsExactly("--threads");
        assertThat(completed("paint", "--sampler", "Eul")).isNotEmpty().allMatch(s -> s.startsWith("Euler"));
    }

    @Test void familiesAndDataSetsAreCompleted() throws Exception {
        assertThat(completed("train", "v")).containsExactlyInAnyOrder("vae", "vqvae", "vqgan");
        assertThat(completed("train", "vae", "mn")).containsExactly("mnist");
        assertThat(completed("families", "dif")).containsExactly("diffusion");
        assertThat(completed("data", "get", "cif")).containsExactly("cifar10");
    }

    @Test void runsAreCompletedWhereverOneIsTaken() throws Exception {
        List<String> runs = new ArrayList<>(List.of("fingers", "runs/vae-strokes-1", "runs/two\\ words", "runs/\\$\\(touch\\ evil\\)"));
        runs.addAll(Names.models());
        for (String command : List.of("sample", "resume", "reconstruct", "evaluate", "compare", "map", "inspect", "export", "pack")) {
            assertThat(completed(command, "")).as(command).containsAll(runs).noneMatch(r -> r.contains("none"));
        }
        assertThat(completed("sample", "runs/v")).containsExactly("runs/vae-strokes-1");
        assertThat(completed("classify", "a.png", "--clip", "fing")).containsExactly("fingers");
        assertThat(completed("compare", "fingers", "runs/v")).containsExactly("runs/vae-strokes-1");
        assertThat(completed("reconstruct", "fingers", "str")).containsExactly("strokes");
        assertThat(completed("anomalies", "fingers", "fing")).as("one run is enough").doesNotContain("fingers");
        assertThat(root.resolve("evil")).doesNotExist();
    }

    @Test void keysOfTheFamilyAreCompleted() throws Exception {
        assertThat(completed("train", "vae", "--set", "lat")).containsExactly("latent=");
        assertThat(completed("train", "gan", "--set", "data.si")).containsExactly("data.size=");
        assertThat(completed("train", "vae", "--steps", "3", "--set", "train.optimizer.l")).contains("train.optimizer.lr=");
        assertThat(completed("paint", "a cat", "--set", "et")).containsExactly("eta=");
        assertThat(completed("dream", "a cat", "--set", "film.le")).containsExactly("film.length=");
    }
}
