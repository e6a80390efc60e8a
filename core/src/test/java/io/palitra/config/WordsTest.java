package io.palitra.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.Charset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class WordsTest {
    private static final Words RU = Words.in("ru");

    private static Set<String> holes(String text) {
        Set<String> holes = new TreeSet<>();
        Matcher m = Pattern.compile("\\{(\\d)[#|}]").matcher(text);
        while (m.find()) holes.add(m.group(1));
        return holes;
    }

    @Test void bothLanguagesHaveTheSameValues() {
        Words.sections("ru").forEach((section, sentences) -> sentences.forEach((english, russian) -> {
            // picocli gives numbers of places
            if (section.equals("parser")) assertThat(holes(english)).as(english).containsAll(holes(russian));
            else assertThat(holes(russian)).as(english).isEqualTo(holes(english));
        }));
    }

    @Test void noSentenceStandsInTwoParts() {
        int all = Words.sections("ru").values().stream().mapToInt(Map::size).sum();
        assertThat(Words.all("ru")).hasSize(all).containsKey("no such file").doesNotContainValue("");
        assertThat(Words.all("en")).isEmpty();
    }

    @Test void everyTerminalWithRussianLettersShowsAllOfThem() {
        for (String charset : List.of("windows-1251", "IBM866", "KOI8-R")) {
            List<String> lost = new ArrayList<>();
            Words.all("ru").forEach((english, russian) -> russian.codePoints().filter(c -> english.indexOf(c) < 0)
                .filter(c -> !Charset.forName(charset).newEncoder().canEncode(Character.toString(c)))
                .forEach(c -> lost.add(Character.toString(c) + " in " + russian)));
            assertThat(lost).as(charset).isEmpty();
        }
    }

    @Test void aLineKeepsItsValues() {
        assertThat(RU.say("no such key 'latnt'; there are latent, width; did you mean latent?"))
            .isEqualTo("нет ключа 'latnt'; есть latent, width; может быть, latent?");
        assertThat(RU.say("--set latent=0: must be between 1 and 4096")).isEqualTo("--set latent=0: нужно от 1 до 4096");
        assertThat(RU.say("  train on to so many passes of the data in all\n"))
            .isEqualTo("  обучать дальше, до стольких проходов по данным всего\n");
    }

    @Test void reasonsWithinASentenceAreSaidToo() {
        assertThat(RU.say("cannot write 'a b.png': no space left on device"))
            .isEqualTo("не удалось записать 'a b.png': на устройстве нет места");
        assertThat(RU.say("photos: none of its pictures can be read; the first: photos/a.png at byte 0: not a PNG, JPEG, GIF, BMP or WebP"
            + " picture")).isEqualTo("photos: не читается ни одна из его картинок; первая: photos/a.png, байт 0: это не картинка PNG, JPEG,"
            + " GIF, BMP или WebP");
    }

    @Test void whatStandsInQuotationMarksIsAsItWasTyped() {
        assertThat(RU.say("no class 'no such file'; there are cat, dog")).isEqualTo("нет класса 'no such file'; есть cat, dog");
        assertThat(RU.say("must be one of fp32, bf16, got 'fp8'; try 'palitra train --help'"))
            .isEqualTo("нужно одно из fp32, bf16, получено 'fp8'; см. 'palitra train --help'");
    }

    @Test void aSingleWordWithinASentenceMayBeAName() {
        assertThat(RU.say("samples")).isEqualTo("образцы");
        assertThat(RU.say("training into samples")).isEqualTo("обучение в папке samples");
    }

    @Test void nounsFollowTheirNumber() {
        assertThat(List.of("1", "2", "5", "11", "21", "112").stream().map(n -> RU.say("pictures of 28x28x1, " + n + " classes")))
            .containsExactly("картинки 28x28x1, 1 класс", "картинки 28x28x1, 2 класса", "картинки 28x28x1, 5 классов",
                "картинки 28x28x1, 11 классов", "картинки 28x28x1, 21 класс", "картинки 28x28x1, 112 классов");
    }

    @Test void anOptionIsSaidLikeTheKeyItSets() {
        assertThat(RU.say("which VQGAN? vqgan= names a run, a folder, or org/name of the hub"))
            .isEqualTo("какая VQGAN? vqgan= называет прогон, папку или org/name на Hugging Face");
        assertThat(RU.say("which VQGAN? --vqgan names a run, a folder, or org/name of the hub"))
            .isEqualTo("какая VQGAN? --vqgan называет прогон, папку или org/name на Hugging Face");
    }

    @Test void whatNobodyTranslatedStaysEnglish() {
        assertThat(RU.say("a sentence that is new here")).isEqualTo("a sentence that is new here");
        assertThat(RU.say("")).isEmpty();
        assertThat(RU.say("runs/first/report.html")).isEqualTo("runs/first/report.html");
        assertThat(Words.ENGLISH.say("no such file")).isEqualTo("no such file");
        assertThat(Words.in("en")).isSameAs(Words.ENGLISH);
        assertThatThrownBy(() -> Words.in("xx")).isInstanceOf(IllegalArgumentException.class)
            .hasMessage("no language 'xx'; there are en, ru");
    }

    @Test void aLongLineTakesNoTime() {
        String line = "a: b; c, d. ".repeat(80) + "no such file";
        long began = System.nanoTime();
        RU.say(line);
        assertThat((System.nanoTime() - began) / 1_000_000).as("ms").isLessThan(2000);
    }
}
