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
        Terminal terminal = new Terminal(new PrintStream(err, true, StandardCharsets.UTF_8), title, false, false, null,
            new TerminalWidth(() -> 0));
        terminal.tick(what, 1, 10, Map.of("steps/s", 2.0, "items/s", 32.0, "loss", 0.5), Optional::empty);
        return err.toString(StandardCharsets.UTF_8);
    }

    @Test void aTrainingWithinAnotherCommandIsNamedBehindTheCommand() {
        assertThat(line("", "vae on strokes")).startsWith("vae on strokes:  10%|").hasLineCount(1);
        assertThat(line("evaluate", "classifier on strokes")).startsWith("evaluate: classifier on strokes:  10%|").hasLineCount(1);
    }

    private static String redrawn(int columns) {
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Terminal terminal = new Terminal(new PrintStream(err, true, StandardCharsets.UTF_8), "", false, true, "1",
            new TerminalWidth(() -> columns));
        terminal.tick("vae on strokes", 1, 10, Map.of("steps/s", 2.0, "items/s", 32.0, "loss", 0.5), Optional::empty);
        return err.toString(StandardCharsets.UTF_8).replace("\r", "").replace("\u001b[K", "");
    }

    @Test void aLineThatIsRedrawnIsShorterThanTheTerminalIsWide() {
        assertThat(redrawn(90)).isEqualTo("vae on strokes:  10%|██                  | 1/10 [00:00<?, 2.0 steps/s, loss=0.5000]");
        assertThat(redrawn(0)).as("nothing says how wide it is").isEqualTo(redrawn(80));
        assertThat(redrawn(80)).isEqualTo("vae on strokes:  10%|     | 1/10 [00:00<?, 2.0 steps/s, loss=0.5000]");
        assertThat(redrawn(60)).isEqualTo("vae on strokes:  10%|     | 1/10 [00:00<?, 2.0 steps/s]");
        assertThat(redrawn(40)).hasSize(39);
        assertThat(redrawn(300)).contains("loss=0.5").hasSizeLessThan(150);
        assertThat(new TerminalWidth(() -> 21).cut("красный круг над синим")).isEqualTo("красный круг над син");
        assertThat(new TerminalWidth(() -> 21).cut("漢".repeat(30))).isEqualTo("漢".repeat(10));
    }

    @Test void whatIsLeftIsEstimatedWhenThatMeansSomething() { assertThat(redrawn(300)).containsPattern("\\[00:0\\d<\\?, 2\\.0 steps/s"); }
}
