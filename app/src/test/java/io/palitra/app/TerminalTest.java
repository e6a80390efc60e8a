package io.palitra.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Lines on stderr of a command at work. */
class TerminalTest {
    private static String line(String title, String what) {
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Terminal terminal = new Terminal(new PrintStream(err, true, StandardCharsets.UTF_8), title, false, false, null);
        terminal.tick(what, 1, 10, Map.of("steps/s", 2.0, "items/s", 32.0, "loss", 0.5), Optional::empty);
        return err.toString(StandardCharsets.UTF_8);
    }

    @Test void aTrainingWithinAnotherCommandIsNamedBehindTheCommand() {
        assertThat(line("", "vae on strokes")).startsWith("vae on strokes:  10%|").hasLineCount(1);
        assertThat(line("evaluate", "classifier on strokes")).startsWith("evaluate: classifier on strokes:  10%|").hasLineCount(1);
    }
}
