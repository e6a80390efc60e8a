package io.palitra.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;

class OrderedTest {
    @Test void mapsAreReadAsTheyWereWritten() {
        Map<String, Integer> map = Ordered.map(Map.entry("z", 1), Map.entry("a", 2), Map.entry("m", 3), Map.entry("b", 4));
        assertThat(map.keySet()).containsExactly("z", "a", "m", "b");
        assertThat(Ordered.copy(map).keySet()).containsExactly("z", "a", "m", "b");
        assertThatThrownBy(() -> map.remove("a")).isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> Ordered.map(Map.entry("a", 1), Map.entry("a", 2))).hasMessage("'a' comes twice");
    }

    @Test void setsAreReadAsTheyWereWritten() {
        assertThat(Ordered.set("z", "a", "m", "b")).containsExactly("z", "a", "m", "b");
        assertThat(Ordered.set(java.util.List.of(3, 1, 3, 2))).containsExactly(3, 1, 2);
        assertThatThrownBy(() -> Ordered.set("a", "a")).hasMessage("an element comes twice: a, a");
    }
}
