package io.palitra.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.Config;
import io.palitra.model.Watcher;
import io.palitra.report.Png;
import io.palitra.train.TinyRuns;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A picture from a sentence, of a run of a few steps. */
class DrawRequestTest {
    @TempDir private static Path root;
    private static Path dalle;

    @BeforeAll static void aRun() throws Exception {
        TinyRuns.main(new String[] {Files.createDirectories(root.resolve("stages")).toString(), root.resolve("runs").toString(), "dalle"});
        dalle = root.resolve("runs/dalle");
    }

    private static DrawRequest of(String prompt, String... keys) {
        DrawRequest small = Config.with(new DrawRequest(prompt), "model=" + dalle, "clip=", "out=" + root.resolve("drawn.png"),
            "force=true");
        return Config.with(small, keys);
    }

    @Test void thePictureIsEnlargedAndCarriesNoPlaceOfThisMachine() throws Exception {
        Path file = of("two", "seed=3").run(Watcher.SILENT).file();
        assertThat(ImageIO.read(file.toFile()).getWidth()).isBetween(400, 500);
        assertThat(Png.text(file).toString()).contains("\"prompt\":\"two\"").contains("\"run\":\"dalle\"").contains("\"seed\":3")
            .doesNotContain(root.toString());
        assertThat(ImageIO.read(of("two", "scale=1").run(Watcher.SILENT).file().toFile()).getWidth()).isLessThan(40);
    }

    @Test void whatOtherProgramsReadOfAPictureHasItsWords() throws Exception {
        assertThat(Png.text(of("two").run(Watcher.SILENT).file()).get("parameters")).startsWith("two\nSteps: ").contains("Seed: 0");
    }

    @Test void wordsMayStandInSeveralLines() throws Exception {
        Path file = of("two\n\n=3").run(Watcher.SILENT).file();
        assertThat(Png.text(file).toString()).contains("\"prompt\":\"two\\n\\n=3\"");
        Config.with(new SampleRequest(dalle.toString()), "n=1", "prompt=two\n3", "out=" + root.resolve("lines.png")).run(Watcher.SILENT);
        Config.with(new CompleteRequest(dalle.toString(), 0), "n=1", "set=prompt=two\n3", "out=" + root.resolve("lines-c.png"))
            .run(Watcher.SILENT);
    }

    @Test void wordsThatNoCaptionHadAreNamedByEveryRequestThatTakesThem() throws Exception {
        List<String> notes = new ArrayList<>();
        Watcher listens = new Watcher() {
            @Override public void note(String message) { notes.add(message); }
        };
        of("zwölf").run(listens);
        Config.with(new SampleRequest(dalle.toString()), "n=1", "prompt=zwölf", "out=" + root.resolve("s.png")).run(listens);
        Config.with(new CompleteRequest(dalle.toString(), 0), "n=1", "set=prompt=zwölf", "out=" + root.resolve("c.png")).run(listens);
        assertThat(notes).filteredOn(n -> n.startsWith("'zwölf' stands in no caption")).hasSize(3);
    }

    @Test void whatCannotBeDrawnIsRefusedBeforeAnythingIs() {
        assertThatThrownBy(() -> of(" ")).hasMessageContaining("which words?");
        assertThatThrownBy(() -> of("two", "n=5", "candidates=4")).hasMessageContaining("must be at least the 5 to keep");
        assertThatThrownBy(() -> of("two", "clip=nowhere").run(Watcher.SILENT)).hasMessageContaining("no model 'nowhere'");
        assertThatThrownBy(() -> of("two", "model=scenes").run(Watcher.SILENT)).hasMessageContaining("no model 'scenes'");
        assertThatThrownBy(() -> Config.with(new SampleRequest(dalle.toString()), "each=true", "scale=2"))
            .hasMessageContaining("items keep their own size");
    }
}
