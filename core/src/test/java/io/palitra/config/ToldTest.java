package io.palitra.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class ToldTest {
    @Test void listsAndShapesAreWrittenAsPeopleDo() {
        assertThat(Told.list(List.of("a", "b", "c"))).isEqualTo("a, b, c");
        assertThat(Told.list(List.of())).isEqualTo("none");
        assertThat(Told.list(Thread.State.NEW, Thread.State.RUNNABLE)).isEqualTo("new, runnable");
        assertThat(Told.shape(60, 32)).isEqualTo("60×32");
        assertThat(Told.shape()).isEqualTo("a single number");
    }

    @Test void ofManyLinesTenAreToldAndTheOthersCounted() {
        assertThat(Told.few(List.of("a"), "of these")).containsExactly("a");
        assertThat(Told.few(Collections.nCopies(12, "a"), "of these")).hasSize(11).last().isEqualTo("2 more of these");
    }

    @Test void aSizeHasTheUnitInWhichItIsAtLeastOne() {
        assertThat(Told.bytes(1)).isEqualTo("1 byte");
        assertThat(Told.bytes(812)).isEqualTo("812 bytes");
        assertThat(Told.bytes(318_000)).isEqualTo("318 kB");
        assertThat(Told.bytes(999_600)).isEqualTo("1.00 MB");
        assertThat(Told.bytes(4_272_000_000L)).isEqualTo("4.27 GB");
        assertThat(Told.bytes(34_400_000_000L)).isEqualTo("34.4 GB");
    }

    @Test void whatStandsInAJsonFileIsToldInPlainWords() {
        assertThat(List.of("\"x\"", "3", "true", "null", "{}", "[1]").stream().map(j -> Told.json(Json.read("t", j))))
            .containsExactly("the text \"x\"", "the number 3", "true", "null", "an empty object", "a list");
    }
}
