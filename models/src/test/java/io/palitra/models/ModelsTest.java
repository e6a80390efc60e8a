package io.palitra.models;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.model.GenerativeModel;
import io.palitra.model.IncludedModels;
import io.palitra.train.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Of the models of this jar, as they lie in it. */
class ModelsTest {
    private static final long MOST_BYTES = 32L << 20;

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
        assertThat(seen).contains("scenes", "scenes-vqgan");
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
}
