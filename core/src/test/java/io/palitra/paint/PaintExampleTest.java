package io.palitra.paint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.data.Picture;
import io.palitra.hub.Hub;
import io.palitra.hub.ModelParts;
import io.palitra.model.Watcher;
import io.palitra.report.Png;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The example of docs/paint.md, compiled and run. */
class PaintExampleTest {
    private static final String SOURCE = "core/src/test/java/io/palitra/paint/PaintExampleTest.java";

    @TempDir Path dir;

    private static PaintResult example(String model, Path file, AtomicBoolean cancelled) {
        // begin
        PaintRequest request = PaintRequest.of("a castle in the (snow:1.2)").awayFrom("people").with("steps=20", "seed=7");
        Watcher watcher = new Watcher() {
            @Override public void tick(String what, long done, long of, Map<String, Double> figures, Supplier<Optional<Picture>> preview) {
                System.err.println(done + " of " + of);
            }

            @Override public boolean stop() { return cancelled.get(); }   // then paint throws a CancellationException
        };
        try (Painter painter = Painter.open(ModelParts.open(Hub.resolve(model)), Painter.Options.DEFAULT)) {
            PaintResult result = painter.paint(request, watcher);
            Png.write(file, result.pictures().get(0), Map.of("prompt", result.request().prompt()));
            return result;
        }
        // end
    }

    @Test void theExamplePaintsAndCanBeCancelled() throws IOException {
        String model = TinyPipeline.write(dir.resolve("tiny"), 1).toString();
        Path file = dir.resolve("castle.png");
        PaintResult result = example(model, file, new AtomicBoolean());
        assertThat(Png.text(file)).containsEntry("prompt", result.request().prompt());
        assertThat(result.request().how().steps()).isEqualTo(20);
        assertThatThrownBy(() -> example(model, file, new AtomicBoolean(true))).isInstanceOf(CancellationException.class)
            .hasMessage("stopped at step 1 of 20");
    }

    @Test void theExampleStandsInTheDocumentationAndIsShort() throws IOException {
        List<String> lines = Files.readAllLines(Path.of(SOURCE));
        String example = String.join("\n", lines.subList(lines.indexOf("        // begin") + 1, lines.indexOf("        // end")))
            .stripIndent();
        assertThat(example.lines().filter(l -> !l.isBlank())).hasSizeLessThanOrEqualTo(15);
        assertThat(Files.readString(Path.of("docs/paint.md")).replace("\r\n", "\n")).contains(example);
    }
}
