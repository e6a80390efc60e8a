package io.palitra.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.palitra.data.Programs;
import io.palitra.data.Split;
import io.palitra.metric.ProgramScores.State;
import io.palitra.model.Measure;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class TextStatisticsTest {
    @Test void rowsOfWordsThatComeAgainAreCountedOnce() {
        List<String> texts = List.of("a b a b", "a b");
        assertThat(TextStatistics.distinct(texts, 1)).isEqualTo(2 / 6.0);
        assertThat(TextStatistics.distinct(texts, 2)).isEqualTo(2 / 4.0);
        assertThat(TextStatistics.distinct(texts, 3)).isEqualTo(1);
        assertThat(TextStatistics.distinct(texts, 5)).isNaN();
        assertThat(TextStatistics.words("Да, x=12.5\u00a0%\n𝄞")).containsExactly("Да", ",", "x", "=", "12", ".", "5", "%", "𝄞");
    }

    @Test void theEntropyOfEquallyFrequentTokensIsTheLogarithmOfTheirNumber() {
        assertThat(TextStatistics.entropy(List.of(new int[] {1, 2}, new int[] {3, 4}))).isCloseTo(Math.log(4), within(1e-12));
        assertThat(TextStatistics.entropy(List.of(new int[] {5, 5}))).isZero();
        assertThat(TextStatistics.entropy(List.of(new int[0]))).isZero();
    }

    private static int plain(String text, List<String> others) {
        int longest = 0;
        for (int i = 0; i < text.length(); i++) {
            for (int k = i + longest + 1; k <= text.length(); k++) {
                String part = text.substring(i, k);
                if (others.stream().noneMatch(o -> o.contains(part))) break;
                longest = k - i;
            }
        }
        return longest;
    }

    @Test void theLongestCommonRunIsThatOfTryingEveryOne() {
        SplittableRandom random = new SplittableRandom(8);
        for (int round = 0; round < 300; round++) {
            List<String> texts = new ArrayList<>(), others = new ArrayList<>();
            int letters = random.nextInt(1, 5);
            for (int i = random.nextInt(1, 6); i > 0; i--) texts.add(some(random, letters, random.nextInt(0, 20)));
            for (int i = random.nextInt(0, 4); i > 0; i--) others.add(some(random, letters + 1, random.nextInt(0, 40)));
            CommonRuns runs = new CommonRuns(texts);
            others.forEach(runs::pass);
            assertThat(runs.longest()).as(texts + " in " + others)
                .containsExactly(texts.stream().mapToInt(t -> plain(t, others)).toArray());
        }
    }

    private static String some(SplittableRandom random, int letters, int length) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < length; i++) text.append((char) ('a' + random.nextInt(letters)));
        return text.toString();
    }

    @Test void characterAndNotItsHalvesIsCounted() {
        CommonRuns runs = new CommonRuns(List.of("x𝄞😀y"));
        runs.pass("a𝄞😀b");
        assertThat(runs.longest()).containsExactly(2);
    }

    @Test void aMillionCharactersPassSoon() {
        SplittableRandom random = new SplittableRandom(2);
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < 500; i++) texts.add(some(random, 20, 256));
        texts.add("a".repeat(2000));
        CommonRuns runs = new CommonRuns(texts);
        runs.pass(some(random, 20, 1 << 20));
        runs.pass("a".repeat(1 << 20));
        int[] longest = runs.longest();
        assertThat(longest[500]).isEqualTo(2000);
        assertThat(longest[0]).isBetween(3, 12);
    }

    @Test void programsComeSoFar() {
        assertThat(ProgramScores.of("print(")).isEqualTo(State.NOTHING);
        assertThat(ProgramScores.of("print(a)\n# prints 1")).isEqualTo(State.PARSED);
        assertThat(ProgramScores.of("print(2)\n# prints 1")).isEqualTo(State.RAN);
        assertThat(ProgramScores.of("print(1)\n")).isEqualTo(State.RAN);
        assertThat(ProgramScores.of("print(1)\n# prints 1\n")).isEqualTo(State.TRUE);
        List<String> items = new ArrayList<>(List.of("print(", "print(a)", "print(2)\n# prints 1"));
        for (int i = 0; i < 7; i++) items.add(new Programs(Split.TEST, 0).text(i));
        assertThat(ProgramScores.measures(items)).extracting(Measure::name).containsExactly("programs parsed", "programs run",
            "comments true");
        assertThat(ProgramScores.measures(items)).extracting(Measure::value).containsExactly(90.0, 80.0, 70.0);
    }
}
