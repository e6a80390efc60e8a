package io.palitra.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.job.ClassifyRequest;
import io.palitra.job.CompareRequest;
import io.palitra.job.DrawRequest;
import io.palitra.job.EvaluateRequest;
import io.palitra.job.ResumeRequest;
import io.palitra.model.GenerativeModel;
import io.palitra.model.IncludedModels;
import io.palitra.model.Watcher;
import io.palitra.train.Run;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Of the models of this jar, as they lie in it. */
class ModelsTest {
    private static final long MOST_BYTES = 32L << 20;
    @TempDir private Path root;

    @Test void eachIsOpenedByItsNameIsOfItsCardAndDraws() throws Exception {
        List<String> seen = new ArrayList<>();
        for (IncludedModels.Card card : IncludedModels.cards()) {
            assertThat(card.command()).as(card.name()).startsWith("palitra train " + card.family() + " " + card.data());
            assertThat(card.measured()).as(card.name()).isNotEmpty();
            assertThat(card.minutes()).as(card.name()).isPositive();
            List<String> said = new ArrayList<>();
            try (Run run = Run.open(IncludedModels.folder(card.name()).orElseThrow(), "cpu", said::add); Scope scope = new Scope()) {
                assertThat(run.config().settings().family()).isEqualTo(card.family());
                if (run.model() instanceof GenerativeModel) {
                    Tensor x = run.sample(2, 1, List.of());
                    assertThat(x.shape()[0]).isEqualTo(2);
                    assertThat(x.isFinite().all().item()).as(card.name() + " draws numbers").isEqualTo(1);
                }
            }
            assertThat(said).as(card.name()).isEmpty();
            seen.add(card.name());
        }
        assertThat(seen).contains("digits", "scenes", "scenes-clip", "scenes-vqgan");
    }

    @Test void allAreSmall() throws IOException {
        long bytes = 0;
        for (IncludedModels.Card card : IncludedModels.cards()) {
            try (Stream<Path> files = Files.walk(IncludedModels.folder(card.name()).orElseThrow())) {
                for (Path file : files.filter(Files::isRegularFile).toList()) bytes += Files.size(file);
            }
        }
        assertThat(bytes).isPositive().isLessThanOrEqualTo(MOST_BYTES);
    }

    @Test void aSentenceOfTwoThingsIsDrawnInEitherLanguage() throws Exception {
        for (String prompt : List.of("красный круг над синим квадратом", "a red circle above a blue square")) {
            List<String> said = new ArrayList<>();
            Path file = Config.with(new DrawRequest(prompt), "out=" + root.resolve("drawn.png"), "force=true")
                .run(new Watcher() {
                    @Override public void note(String line) { said.add(line); }
                }).file();
            BufferedImage picture = ImageIO.read(file.toFile());
            double red = heightOf(picture, 16), blue = heightOf(picture, 0);
            assertThat(red).as(prompt + ": the mean row of red above that of blue").isLessThan(blue);
            assertThat(said).as(prompt).isEmpty();
        }
    }

    /** The mean row of the pixels in which one of red (shift 16) and blue (0) is far above the other and green. */
    private static double heightOf(BufferedImage picture, int shift) {
        double rows = 0, count = 0;
        for (int y = 0; y < picture.getHeight(); y++) {
            for (int x = 0; x < picture.getWidth(); x++) {
                int rgb = picture.getRGB(x, y), most = rgb >> shift & 255, other = rgb >> 16 - shift & 255, green = rgb >> 8 & 255;
                if (most > 120 && most > 1.5 * Math.max(other, green)) {
                    rows += y;
                    count++;
                }
            }
        }
        assertThat(count).as("coloured pixels").isGreaterThan(picture.getWidth());
        return rows / count;
    }

    @Test void theirNumbersArePrintedAndWhatNeedsTheirFolderIsRefused() throws Exception {
        List<String> said = new ArrayList<>();
        EvaluateRequest.Result measured = new EvaluateRequest("scenes-clip").run(new Watcher() {
            @Override public void note(String line) { said.add(line); }
        });
        assertThat(measured.runs().get(0).measures()).anyMatch(m -> m.name().equals("caption found, Latin") && m.value() > 80);
        assertThat(said).containsExactly("'scenes-clip' comes with the program: its numbers are kept nowhere");
        CompareRequest comparison = new CompareRequest(List.of("digits", "scenes"), root.resolve("page.html").toString());
        assertThatThrownBy(() -> comparison.run(Watcher.SILENT)).isInstanceOf(ArgumentException.class).hasMessageContaining(
            "comes with the program");
        assertThatThrownBy(() -> new ResumeRequest("digits").run(Watcher.SILENT)).isInstanceOf(ArgumentException.class)
            .hasMessageContaining("without a checkpoint");
    }

    @Test void aWordThatNoCaptionHadIsNamed() throws Exception {
        List<String> said = new ArrayList<>();
        Config.with(new DrawRequest("a cat on a blue square"), "out=" + root.resolve("cat.png"), "candidates=1").run(new Watcher() {
            @Override public void note(String line) { said.add(line); }
        });
        assertThat(said).anyMatch(line -> line.startsWith("'cat' stands in no caption") && line.contains("square"));
        said.clear();
        ClassifyRequest.Result guessed = new ClassifyRequest(root.resolve("cat.png").toString(), "a cat, a blue square, желтый круг",
            DrawRequest.CLIP).run(new Watcher() {
                @Override public void note(String line) { said.add(line); }
            });
        assertThat(guessed.guesses()).hasSize(3);
        assertThat(said).containsExactly("'cat' stands in no caption that 'scenes-clip' learned from: what it finds near to it is chance");
    }
}
