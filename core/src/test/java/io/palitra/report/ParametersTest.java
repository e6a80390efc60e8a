package io.palitra.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;

class ParametersTest {
    private static final Pattern RULE = Pattern.compile("\\s*(\\w[\\w \\-/]+):\\s*(\"(?:\\\\.|[^\\\\\"])+\"|[^,]*)(?:,|$)");

    private static Map<String, String> values(String... pairs) {
        Map<String, String> values = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) values.put(pairs[i], pairs[i + 1]);
        return values;
    }

    @Test void theTextIsTheOneOtherToolsWrite() {
        Parameters made = new Parameters("a cat\non a mat", "blurry", values("Steps", "20", "Sampler", "Euler a", "CFG scale", "7",
                "Seed", "965400086", "Size", "512x512", "Model", "a, b: c"));
        assertThat(made.format()).isEqualTo("a cat\non a mat\nNegative prompt: blurry\n"
                + "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 965400086, Size: 512x512, Model: \"a, b: c\"");
        assertThat(Parameters.parse(made.format())).isEqualTo(made);
    }

    @Test void nastyValuesComeBack() {
        for (String nasty : new String[] {"", " ", "a,b", "a:b", "a\nb", "\"", "\"quoted\"", "\\", "a\\\"b, c: d", " led", "trailed ", "\t",
            "\u043c\u0438\u0440, \ud83c\udfa8", "{\"json\": [1, 2]}", "Steps: 1, Seed: 2, Size: 3", "\u0001"}) {
            Parameters made = new Parameters("p", "n", values("Steps", "1", "Lora hashes", nasty, "Seed", nasty));
            assertThat(Parameters.parse(made.format())).isEqualTo(made);
        }
    }

    @Test void withoutThreePairsTheLastLineIsPrompt() {
        assertThat(Parameters.parse("a cat\nSteps: 1, Seed: 2")).isEqualTo(new Parameters("a cat\nSteps: 1, Seed: 2", "", Map.of()));
        assertThat(Parameters.parse("Steps: 1, Seed: 2, Size: 8x8").values()).containsEntry("Size", "8x8").hasSize(3);
        assertThat(Parameters.parse("")).isEqualTo(new Parameters("", "", Map.of()));
        assertThatThrownBy(() -> new Parameters("p", "", values("Steps", "1", "Seed", "2")).format())
                .hasMessage("illegal values: Steps, Seed, must be none or at least 3");
        assertThatThrownBy(() -> new Parameters("p", "", values("Steps", "1", "Seed", "2", "a:b", "3")).format())
                .hasMessageStartingWith("illegal key: 'a:b'");
    }

    @Test void pairsAreThoseOfTheRegularExpression() {
        SplittableRandom random = new SplittableRandom(3);
        String alphabet = "aB1_ -/:,\"\\x. \t";
        int met = 0;
        for (int i = 0; i < 20_000; i++) {
            StringBuilder line = new StringBuilder();
            for (int k = random.nextInt(40); k >= 0; k--) line.append(alphabet.charAt(random.nextInt(alphabet.length())));
            line.append("aa: 1, bb: 2, cc: 3");
            String text = line.toString().strip();
            Map<String, String> expected = new LinkedHashMap<>();
            Matcher matcher = RULE.matcher(text);
            int count = 0;
            while (matcher.find()) {
                count++;
                if (!matcher.group(2).contains("\"")) expected.put(matcher.group(1), matcher.group(2));
                else expected.remove(matcher.group(1));
            }
            if (count < 3) continue;
            met++;
            assertThat(Parameters.parse(text).values()).as(text).containsAllEntriesOf(expected);
            assertThat(Parameters.parse(text).prompt()).isEmpty();
        }
        assertThat(met).isGreaterThan(5_000);
    }

    @Test void hostileTextTakesLinearTime() {
        for (String piece : new String[] {"a", "a:", "aa:\"", "aa:\"\\", "\"", "aa: \"x\"y,", " ", "a-", ",", "aa:\"\\\",", "\n"}) {
            String text = "aa: 1, bb: 2, " + piece.repeat(2_000_000 / piece.length());
            Assertions.assertTimeout(Duration.ofSeconds(20), () -> Parameters.parse(text));   // a square of 2,000,000 would be hours
        }
    }
}
