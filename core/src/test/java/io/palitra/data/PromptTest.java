package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.ConfigException;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PromptTest {
    /** Parts as text/weight, spans within as text^weight where that is not 1. */
    private static String shown(String prompt) {
        return Prompt.parse(prompt).parts().stream().map(p -> p.spans().stream()
            .map(s -> (s.breaks() ? "#" : "") + s.text() + (s.weight() == 1 ? "" : "^" + Math.round(s.weight() * 1000) / 1000.0))
            .collect(Collectors.joining("~"))
            + (p.weight() == 1 ? "" : "/" + p.weight())).collect(Collectors.joining("|"));
    }

    @ParameterizedTest @CsvSource(delimiter = '=', quoteCharacter = '`', ignoreLeadingAndTrailingWhitespace = false, value = {
        "a cat=a cat",
        "(word)=word^1.1",
        "((word))=word^1.21",
        "[word]=word^0.909",
        "([word])=word",
        "(word:1.3)=word^1.3",
        "(word :1.3)=word^1.3",
        "(word: 1.3 )=word^1.3",
        "(word:0)=word^0.0",
        "(word:.5)=word^0.5",
        "(word:2.)=word^2.0",
        "(word:+2)=word^2.0",
        "((word:1.5) more)=word^1.65~ more^1.1",
        "((a:2) b:0.5)=a~ b^0.5",
        "a (red (old:2) house:0.5) b=a ~red ^0.5~old~ house^0.5~ b",
        "a [b:2] c=a ~b:2^0.909~ c",
        "one (two:1.2), three=one ~two^1.2~, three",
        "\\(word\\)=(word)",
        "(\\(word\\):1.5)=(word)^1.5",
        "(a\\:1.5)=a:1.5^1.1",
        "a\\|b=a|b",
        "a\\\\b=a\\b",
        "a\\b=a\\b",
        "ends with \\=ends with \\",
        ":) smile=:) smile",
        "(word=(word",
        "word)=word)",
        "(a]=(a]",
        "[(a]=[(a]",
        "((a)=(~a^1.1",
        "()=``",
        "(word:abc)=word:abc^1.1",
        "(word:1.3.1)=word:1.3.1^1.1",
        "(word:1e3)=word:1e3^1.1",
        "(word:nan)=word:nan^1.1",
        "(word:)=word:^1.1",
        "(:1.3)=:1.3^1.1",
        "(at 12:30)=at 12:30^1.1",
        "(2023:1.2)=2023^1.2",
        "(a|b)=a|b^1.1",
        "(a|b:2)=a|b^2.0",
    })
    void bracketsWeighWords(String prompt, String wanted) { assertThat(shown(prompt)).isEqualTo(wanted); }

    @ParameterizedTest @CsvSource(delimiter = '=', quoteCharacter = '`', ignoreLeadingAndTrailingWhitespace = false, value = {
        "desert:50 | in snow:25=desert/50.0|in snow/25.0",
        "a | b=a|b",
        "x:-1=x/-1.0",
        "x:-.5|y: +2=x/-0.5|y/2.0",
        "12:30 clock=12:30 clock",
        "clock at 12:30=clock at 12:30",
        "12:30=12:30",
        "16:9 | 4:3:2=16:9|4:3:2",
        "12:30 :2=12:30/2.0",
        "12:30:1.5=12:30/1.5",
        "sd 2 :50=sd 2/50.0",
        "http://a/b.png=http://a/b.png",
        "http://a/b.png:2=http://a/b.png/2.0",
        "http://host:8080=http://host:8080",
        "http://host:8080/b.png=http://host:8080/b.png",
        "http://host:8080/b.png:3=http://host:8080/b.png/3.0",
        "a: b=a: b",
        "a:b:2=a:b/2.0",
        "title: a story=title: a story",
        "x:two|y=x:two|y",
        "x:1,5=x:1,5",
        "x:inf|y:NaN=x:inf|y:NaN",
        "a \\: 5=a : 5",
        ":5=:5",
        " |a| | b:2 |=a|b/2.0",
        "(a:1.3):2=a^1.3/2.0",
        "(a:1.3) b:2 | c=a^1.3~ b/2.0|c",
        "b:2 (c)=b:2 ~c^1.1",
        "x:99999999999999999999=x:99999999999999999999",
        "пустыня:2 | в снегу:-1=пустыня/2.0|в снегу/-1.0",
        "🎨:2=🎨/2.0",
    })
    void barsPartThePromptAndColonsWeighTheParts(String prompt, String wanted) { assertThat(shown(prompt)).isEqualTo(wanted); }

    @ParameterizedTest @CsvSource(delimiter = '=', quoteCharacter = '`', ignoreLeadingAndTrailingWhitespace = false, value = {
        "a red cat BREAK a blue sky=a red cat~#a blue sky",
        "a,BREAK b=a,~#b",
        "a BREAK BREAK b=a~#~#b",
        "BREAK a=~#a",
        "a BREAK=a",
        "a BREAK BREAK=a~#",
        "a BREAK (b:1.5) c=a~#b^1.5~ c",
        "(a BREAK b:1.5) c=a^1.5~#b^1.5~ c",
        "a (b) BREAK | c:2 BREAK d=a ~b^1.1|c:2~#d",
        "a BREAK b:2 | c=a~#b/2.0|c",
        "BREAKFAST BREAKs break fastBREAK=BREAKFAST BREAKs break fastBREAK",
    })
    void aBreakLetsWordsBeginAWindow(String prompt, String wanted) { assertThat(shown(prompt)).isEqualTo(wanted); }

    @ParameterizedTest @ValueSource(strings = {"Avengers: Infinity", "a: NaN", "a:12D", "a:12f", "a:0x1p3", "a:1e3", "a:1e999", "a:-inf",
        "a:١٢", "a:1_000", "a:1,5", "a: 5L"})
    void onlyDecimalDigitsAreAWeight(String prompt) {
        assertThat(shown(prompt)).isEqualTo(prompt);
        assertThat(shown("(" + prompt + ")")).isEqualTo(prompt + "^1.1");
        assertThat(shown(prompt + " | b:25")).isEqualTo(prompt + "|b/25.0");
    }

    @Test void wordsOnBothSidesOfABreakAreTwoWords() {
        assertThat(Prompt.parse("a BREAK b").parts().get(0).text()).isEqualTo("a b");
        assertThat(Prompt.parse("BREAK").parts()).containsExactly(new Prompt.Part(List.of(), 1));
    }

    @ParameterizedTest @ValueSource(strings = {"", " ", "|", " | | ", "()", "(( ))"})
    void aPromptWithoutWordsIsOneEmptyPart(String prompt) {
        assertThat(Prompt.parse(prompt).parts()).containsExactly(new Prompt.Part(List.of(), 1));
        assertThat(Prompt.parse(prompt).parts().get(0).text()).isEmpty();
    }

    @Test void bracketsMultiplyExactly() {
        List<Prompt.Span> spans = Prompt.parse("((((a))))[[b]]").parts().get(0).spans();
        assertThat(spans.get(0).weight()).isCloseTo(1.4641, within(1e-12));
        assertThat(spans.get(1).weight()).isCloseTo(1 / 1.21, within(1e-12));
    }

    @Test void negativeWeightsInBracketsAreRefused() {
        assertThatThrownBy(() -> Prompt.parse("(word:-1)")).isInstanceOf(ConfigException.class)
            .hasMessage("illegal weight in brackets: -1.0, must be at least 0; a part after | may weigh less");
    }

    @Test void bracketsBeyondEveryNumberAreRefusedAndDeepOnesCostLinearTime() {
        assertThatThrownBy(() -> Prompt.parse("(".repeat(10_000) + "a" + ")".repeat(10_000))).isInstanceOf(ConfigException.class)
            .hasMessageContaining("must be at most 1000");
        assertThatThrownBy(() -> Prompt.parse("(a:999999999999999999)")).isInstanceOf(ConfigException.class)
            .hasMessage("illegal brackets at character 0: with those around them they weigh 1.000e+18, must be at most 1000");
        assertThat(shown("((a:30):30)")).isEqualTo("a^900.0");
        int n = 300_000;
        assertThat(Prompt.parse("[".repeat(n) + "a" + "]".repeat(n)).parts().get(0).spans().get(0).weight()).isLessThan(1e-300);
        assertThat(Prompt.parse("(".repeat(n)).parts().get(0).text()).hasSize(n);
        assertThat(Prompt.parse("(".repeat(n) + "a" + ":1)".repeat(n)).parts().get(0).spans()).containsExactly(new Prompt.Span("a", 1));
        assertThat(Prompt.parse("a:1|".repeat(n)).parts()).hasSize(n);
        assertThat(Prompt.parse(" ".repeat(n) + "BREAK" + " ".repeat(n) + "a").parts().get(0).text()).isEqualTo("a");
        assertThat(Prompt.parse("a BREAK ".repeat(n)).parts().get(0).spans()).hasSize(n);
        assertThat(Prompt.parse("( )".repeat(n) + "a").parts().get(0).text()).isEqualTo("a");
    }
}
