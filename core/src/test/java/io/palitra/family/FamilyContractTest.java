package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.model.Family;
import io.palitra.model.Trainable;
import io.palitra.stage.TinyFirstStage;
import io.palitra.train.TinyRuns;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every family of the catalogue by its own smallest configuration, and the cases of {@link TinyFamilies} beside. */
class FamilyContractTest extends FamilyContract {
    private static final Path GREY_STAGE = TinyFirstStage.lasting(1), RGB_STAGE = TinyFirstStage.lasting(3);
    @TempDir static Path root;
    private final List<Case> cases = new ArrayList<>();

    @Override protected List<Case> cases() {
        if (!cases.isEmpty()) return cases;
        try {
            for (Family<?> f : Families.all()) cases.add(TinyRuns.tiny(f, root));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        cases.addAll(TinyFamilies.cases(GREY_STAGE, RGB_STAGE));
        return cases;
    }

    @Test void everyFamilyOfTheCatalogueIsHere() {
        for (Family<?> f : Families.all()) assertThat(f.builder().type()).as(f.name() + " by its type").isNotEqualTo(Trainable.class);
        assertThat(cases().stream().map(c -> c.family().name()).distinct()).containsExactlyInAnyOrderElementsOf(Families.all().stream()
            .map(Family::name).toList());
    }
}
