package io.palitra.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class InWordsTest {
    @Test void listsAndShapesAreWrittenAsPeopleDo() {
        assertThat(InWords.list(List.of("a", "b", "c"))).isEqualTo("a, b, c");
        assertThat(InWords.list(List.of())).isEqualTo("none");
        assertThat(InWords.list(Thread.State.NEW, Thread.State.RUNNABLE)).isEqualTo("new, runnable");
        assertThat(InWords.shape(60, 32)).isEqualTo("60×32");
        assertThat(InWords.shape()).isEqualTo("a single number");
    }

    @Test void ofManyLinesTenAreToldAndTheOthersCounted() {
        assertThat(InWords.few(List.of("a"), "of these")).containsExactly("a");
        assertThat(InWords.few(Collections.nCopies(12, "a"), "of these")).hasSize(11).last().isEqualTo("2 more of these");
    }

    @Test void aSizeHasTheUnitInWhichItIsAtLeastOne() {
        assertThat(InWords.bytes(1)).isEqualTo("1 byte");
        assertThat(InWords.bytes(812)).isEqualTo("812 bytes");
        assertThat(InWords.bytes(318_000)).isEqualTo("318 kB");
        assertThat(InWords.bytes(999_600)).isEqualTo("1.00 MB");
        assertThat(InWords.bytes(4_272_000_000L)).isEqualTo("4.27 GB");
        assertThat(InWords.bytes(34_400_000_000L)).isEqualTo("34.4 GB");
    }

    @Test void whatStandsInAJsonFileIsToldInPlainWords() {
        assertThat(List.of("\"x\"", "3", "true", "null", "{}", "[1]").stream().map(j -> InWords.json(Json.read("t", j))))
            .containsExactly("the text \"x\"", "the number 3", "true", "null", "an empty object", "a list");
    }
}
