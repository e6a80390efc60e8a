package io.palitra.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.data.Alphabet;
import io.palitra.data.TextSpec;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TextDisplayTest {
    private static final TextSpec SPEC = new TextSpec(6, new Alphabet.Characters("\n abя"));

    private static Tensor items(String... texts) {
        long[] ids = new long[texts.length * 6];
        java.util.Arrays.fill(ids, SPEC.end());
        for (int i = 0; i < texts.length; i++) {
            int[] one = SPEC.alphabet().encode(texts[i]);
            for (int k = 0; k < one.length; k++) ids[6 * i + k] = one[k];
        }
        return Torch.of(ids, texts.length, 6);
    }

    private static String text(Sheet sheet) { return new String(sheet.bytes(Map.of()), StandardCharsets.UTF_8); }

    @Test void textsStandOneBelowTheOther() {
        try (Scope scope = new Scope()) {
            Display display = Display.of(SPEC);
            assertThat(display.items()).isEqualTo("texts");
            assertThat(display.suffix()).isEqualTo(".txt");
            Sheet sheet = display.sheet(SPEC, items("ab я", "a\nb\n", ""), 8, "");
            assertThat(sheet.suffix()).isEqualTo(".txt");
            assertThat(text(sheet)).isEqualTo("--- 1 ---\nab я\n\n--- 2 ---\na\nb\n\n--- 3 ---\n");
            assertThat(display.each(SPEC, items("ab", "b")).stream().map(TextDisplayTest::text)).containsExactly("ab", "b");
            assertThat(display.rows(SPEC, new java.util.TreeMap<>(Map.of("a", items("ab"), "b", items("ba")))).map(TextDisplayTest::text))
                .contains("--- 1: a ---\nab\n\n--- 1: b ---\nba\n");
        }
    }

    @Test void whatIsNoTokenYetShowsAsABlock() {
        try (Scope scope = new Scope()) {
            Tensor half = Torch.of(new long[] {2, 6, 6, 4, 5, 5}, 1, 6);
            assertThat(TextDisplay.texts(SPEC, half)).isEqualTo(List.of("a░░я"));
        }
    }

    @Test void aLineAboutATextIsShort() {
        TextSpec spec = new TextSpec(100, new Alphabet.Bytes());
        try (Scope scope = new Scope()) {
            long[] ids = new long[100];
            java.util.Arrays.fill(ids, 'x');
            ids[3] = '\n';
            assertThat(Display.of(spec).describe(spec, Torch.of(ids, 1, 100))).isEqualTo("xxx " + "x".repeat(56) + "...");
            assertThat(Display.of(SPEC).describe(SPEC, items("a\nb"))).isEqualTo("a b");
        }
    }
}
