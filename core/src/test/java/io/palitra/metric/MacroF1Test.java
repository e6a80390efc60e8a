package io.palitra.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class MacroF1Test {
    @Test void aSmallClassCountsAsMuchAsALargeOne() {
        // class 0: 4 items, all found, and one of class 1 taken for it; class 1: 2 items, 1 found; class 2: none
        MacroF1 f = MacroF1.of(new long[] {0, 0, 0, 0, 1, 1}, new long[] {0, 0, 0, 0, 1, 0}, 3);
        assertThat(f.each()[0]).isCloseTo(8 / 9.0, within(1e-12));
        assertThat(f.each()[1]).isCloseTo(2 / 3.0, within(1e-12));
        assertThat(f.each()[2]).isNaN();
        assertThat(f.value()).isCloseTo((8 / 9.0 + 2 / 3.0) / 2, within(1e-12));
    }

    @Test void itemsAndAnswersMustMatch() {
        assertThatThrownBy(() -> MacroF1.of(new long[] {0}, new long[] {}, 2)).hasMessageContaining("got 1 and 0");
        assertThatThrownBy(() -> MacroF1.of(new long[] {}, new long[] {}, 2)).hasMessageContaining("some items");
    }
}
