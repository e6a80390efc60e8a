package io.palitra.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class PlacesTest {
    @Test void anAbsolutePathIsItsLastNameAndAnyOtherTextAsItIs() {
        assertThat(Places.name("/home/me/models/tiny")).isEqualTo("tiny");
        assertThat(Places.name("/home/me/models/tiny/")).isEqualTo("tiny");
        assertThat(Places.name("../me/tiny")).isEqualTo("tiny");
        assertThat(Places.name("C:\\Users\\me\\tiny.safetensors")).isEqualTo("tiny.safetensors");
        for (String as : java.util.List.of("scenes", "org/name", "org/name@main", "models/tiny", "0.5", "", "16:9")) {
            assertThat(Places.name(as)).isEqualTo(as);
        }
    }

    @Test void aCommandKeepsItsWords() {
        assertThat(Places.inLine("palitra evaluate /home/me/runs/vae --judge /home/me/judge --n 5000"))
            .isEqualTo("palitra evaluate vae --judge judge --n 5000");
        assertThat(Places.inLine("palitra evaluate runs/vae --device cuda:0")).isEqualTo("palitra evaluate runs/vae --device cuda:0");
    }

    @Test void aWordOfACommandIsQuotedWhereAShellNeedsIt() {
        assertThat(List.of("runs/digits-1", "my run", "мой", "it's", "", "a\"b$c").stream().map(Places::word).toList())
            .containsExactly("runs/digits-1", "'my run'", "'мой'", "'it'\\''s'", "''", "'a\"b$c'");
    }
}
