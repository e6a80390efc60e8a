package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.data.DreamPrompt.WeightedTarget;
import java.util.List;
import org.junit.jupiter.api.Test;

class DreamPromptTest {
    private static final double NEVER = Double.NEGATIVE_INFINITY;

    private static WeightedTarget one(String text) {
        List<List<WeightedTarget>> phases = DreamPrompt.parse(text).phases();
        assertThat(phases).as(text).hasSize(1);
        assertThat(phases.get(0)).as(text).hasSize(1);
        return phases.get(0).get(0);
    }

    private static void isText(String text) { assertThat(one(text)).isEqualTo(new WeightedTarget(text.strip(), 1, NEVER)); }

    @Test void partsWeighWhatStandsBehindTheirColon() {
        assertThat(DreamPrompt.parse("desert:50 | in snow:25").phases())
            .containsExactly(List.of(new WeightedTarget("desert", 50, NEVER), new WeightedTarget("in snow", 25, NEVER)));
        assertThat(DreamPrompt.parse("a:50|b:25").phases()).containsExactly(List.of(new WeightedTarget("a", 50, NEVER),
            new WeightedTarget("b", 25, NEVER)));
        assertThat(one("x:-1")).isEqualTo(new WeightedTarget("x", -1, NEVER));
        assertThat(one("x : +.5 ")).isEqualTo(new WeightedTarget("x", 0.5, NEVER));
        assertThat(one("красный круг:2")).isEqualTo(new WeightedTarget("красный круг", 2, NEVER));
        isText("a red circle");
    }

    @Test void aSecondNumberIsTheStop() {
        assertThat(one("x:2:0.5")).isEqualTo(new WeightedTarget("x", 2, 0.5));
        assertThat(one("x:-1:-.9")).isEqualTo(new WeightedTarget("x", -1, -0.9));
        assertThat(one("at 12:30 :2:0.1")).isEqualTo(new WeightedTarget("at 12:30", 2, 0.1));
    }

    @Test void aColonInATextATimeOrAnAddressIsText() {
        for (String text : List.of("12:30 clock", "at 12:30", "12:30:50", "16:9", "title: a tale", "a:heavy", "a:", ":", ":5", "a:5%",
            "a:1,5", "http://a/b.png", "http://host:80", "a:b:c", "C:\\pictures\\a.png")) {
            isText(text);
        }
        assertThat(one("http://a/b.png:2")).isEqualTo(new WeightedTarget("http://a/b.png", 2, NEVER));
        assertThat(one("http://host:80/b.png:-2")).isEqualTo(new WeightedTarget("http://host:80/b.png", -2, NEVER));
        assertThat(one("at 12:30 :50")).isEqualTo(new WeightedTarget("at 12:30", 50, NEVER));
        assertThat(one("at 12:30:0.5")).isEqualTo(new WeightedTarget("at 12:30", 0.5, NEVER));
    }

    @Test void phasesAreDividedAndEmptyPartsDoNotCount() {
        assertThat(DreamPrompt.parse("spring:2 ^ summer | sun:3 ^ ^ ").phases()).containsExactly(List.of(new WeightedTarget("spring", 2,
            NEVER)),
            List.of(new WeightedTarget("summer", 1, NEVER), new WeightedTarget("sun", 3, NEVER)));
        for (String nothing : List.of("", "  ", "|", " ^ | ^")) assertThat(DreamPrompt.parse(nothing).phases()).as(nothing).isEmpty();
    }

    @Test void aBackslashMakesASignText() {
        assertThat(one("a \\| b")).isEqualTo(new WeightedTarget("a | b", 1, NEVER));
        assertThat(one("a\\:5")).isEqualTo(new WeightedTarget("a:5", 1, NEVER));
        assertThat(one("2\\^3 :5")).isEqualTo(new WeightedTarget("2^3", 5, NEVER));
        assertThat(one("a\\n:5")).isEqualTo(new WeightedTarget("a\\n", 5, NEVER));
    }

    @Test void onlyDecimalDigitsAreANumber() {
        for (String text : List.of("Avengers: Infinity", "desert:nan", "desert:-Inf", "a:12D", "a:0x1p3", "a:1e999", "x:1e-2", "a: 5L",
            "a:١٢", "desert:1:nan", "a:2:1e9")) {
            isText(text);
            assertThat(DreamPrompt.parse(text + " | b:25").phases().get(0).get(1)).as(text).isEqualTo(new WeightedTarget("b", 25, NEVER));
        }
    }

    @Test void weightsAndStopsBeyondAllSenseAreRefused() {
        assertThatThrownBy(() -> DreamPrompt.parse("desert:999999999999"))
            .hasMessage("illegal weight of 'desert': 9.99999999999E11, must be between -1000000 and 1000000");
        assertThatThrownBy(() -> DreamPrompt.parse("desert:-1000001 | snow")).hasMessageContaining("illegal weight of 'desert'");
        assertThatThrownBy(() -> DreamPrompt.parse("desert:1:1000001")).hasMessageContaining("illegal stop of 'desert'");
        assertThatThrownBy(() -> DreamPrompt.parse("x".repeat(1000) + ":1000001")).message().hasSizeLessThan(150);
    }

    @Test void aLongTextIsReadInLinearTime() {
        long start = System.nanoTime();
        for (String s : List.of(":", "|", "^", "\\", "a:1|", "1:", "://")) DreamPrompt.parse(s.repeat(1_000_000 / s.length()));
        assertThat(System.nanoTime() - start).isLessThan(20_000_000_000L);
    }
}
