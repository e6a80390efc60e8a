package io.palitra.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Json;
import io.palitra.data.FormatException;
import io.palitra.data.WordSplitter;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CaptionTokenizerTest {
    private static final int M = 40;
    private static final List<String> CAPTIONS = List.of("A small red circle to the left of a blue square.",
        "a blue square, and to its left a small red circle", "Маленький красный круг слева от синего квадрата.",
        "Синий квадрат справа от маленького красного круга", "a red star in the snow", "красная звезда на снегу", "the red square");

    private final CaptionTokenizer tokens = new CaptionTokenizer(M);

    private CaptionTokenizer learnt() {
        tokens.learn(CAPTIONS);
        return tokens;
    }

    @AfterEach void close() { tokens.close(); }

    private static List<String> anyTexts() {
        List<String> texts = new ArrayList<>(List.of("", " ", "\t\n", "x", "it's 1/2 o'clock!!", "É e\u0301 Й И\u0306", "<|end|>",
            "\ud800x", "İı", "日本語 ёлка 🎨🎨 \u200d", "a\u00a0b\u2003c\u0085d", "ΑΣ", "12½٣Ⅻ"));
        for (int t = 0; t < 300; t++) {
            StringBuilder text = new StringBuilder();
            try (Scope scope = new Scope()) {
                for (long c : new Rng(5).at(t).integers(t % 3 == 0 ? 0x250 : t % 3 == 1 ? 0x3000 : 0x110000, 40).longs()) {
                    text.appendCodePoint((int) c);
                }
            }
            texts.add(text.toString());
        }
        return texts;
    }

    @Test void aRussianWordWithoutItsDotsIsThatWordUnlessItIsOneOfItsOwn() {
        tokens.learn(List.of("жёлтый круг", "осел", "осёл", "a yellow circle"));
        assertThat(tokens.unknown("желтый ОСЕЛ, желтая звезда")).containsExactly("желтая", "звезда");
        assertThat(tokens.tokens("желтый круг")).isEqualTo(tokens.tokens("жёлтый круг"));
        assertThat(tokens.tokens("осел")).isNotEqualTo(tokens.tokens("осёл"));
    }

    @Test void tokensOfAnyTextAreThatTextCleaned() {
        for (CaptionTokenizer t : List.of(new CaptionTokenizer(0), learnt())) {
            for (String text : anyTexts()) {
                long[] ids = Arrays.stream(t.tokens(text)).asLongStream().toArray();
                assertThat(t.text(ids)).isEqualTo(WordSplitter.clean(text));
            }
            if (t != tokens) t.close();
        }
    }

    @Test void withoutPairsTokensAreTheBytesWithASpaceBefore() {
        assertThat(tokens.tokens("Ab, ")).containsExactly(' ', 'a', 'b', ',');
        assertThat(tokens.vocabulary()).isEqualTo(256 + M + 3);
        assertThat(tokens.learnt()).isZero();
    }

    @Test void theMostFrequentPairIsFirstAndOfEqualsThatOfTheSmallerTokens() {
        tokens.learn(List.of("ab ab ab ab", "xy xy", "cd cd"));
        // " a" stands 4 times as "ab" does; then what is left stands in one word each
        assertThat(tokens.learnt()).isEqualTo(6);
        assertThat(tokens.tokens("ab")).containsExactly(257);
        assertThat(tokens.tokens("xy cd")).containsExactly(261, 260);
        assertThat(tokens.tokens("a")).containsExactly(256);
    }

    @Test void aPairThatStandsOnceIsNotLearnt() {
        tokens.learn(List.of("one"));
        assertThat(tokens.learnt()).isZero();
        tokens.learn(List.of("aaaaaa"));
        assertThat(tokens.tokens("aaaaaa")).containsExactly(' ', 257, 256);   // "aaaa", "aa"
    }

    @Test void pairsAreAFunctionOfHowOftenWordsStand() {
        List<String> shuffled = new ArrayList<>(CAPTIONS);
        Collections.reverse(shuffled);
        try (CaptionTokenizer other = new CaptionTokenizer(M)) {
            other.learn(shuffled);
            assertThat(other.state().get("pairs").longs()).isEqualTo(learnt().state().get("pairs").longs());
        }
    }

    @Test void tokensNeverCrossWords() {
        learnt();
        List<Integer> joined = new ArrayList<>();
        for (String word : WordSplitter.of(CAPTIONS.get(0))) for (int t : tokens.tokens(word)) joined.add(t);
        // a word alone has a space before it, as each of these but the last sign has
        assertThat(tokens.tokens(CAPTIONS.get(0).replace(".", ""))).containsExactly(joined.stream().limit(joined.size() - 2)
            .mapToInt(i -> i).toArray());
    }

    @Test void whereMergesAreDroppedATextIsTheSameInOtherParts() {
        learnt();
        String text = CAPTIONS.get(2);
        int whole = tokens.tokens(text).length, length = 100;
        double parts = 0;
        Set<List<Long>> kinds = new HashSet<>();
        try (Scope scope = new Scope()) {
            List<String> many = Collections.nCopies(200, text);
            long[] all = tokens.ids(many, length, 0.1, new Rng(1)).longs();
            for (int b = 0; b < many.size(); b++) {
                long[] row = Arrays.copyOfRange(all, b * length, (b + 1) * length);
                assertThat(tokens.text(row)).isEqualTo(WordSplitter.clean(text));
                kinds.add(Arrays.stream(row).boxed().toList());
                parts += (Arrays.stream(row).filter(t -> t != tokens.pad()).count() - 2.0) / many.size();
            }
            assertThat(kinds.size()).isGreaterThan(30);
            assertThat(parts).isBetween(whole + 0.2, whole * 1.5);
            assertThat(tokens.ids(many, length, 0.1, new Rng(1).at(3)).longs()).startsWith(Arrays.copyOfRange(all, 3 * length, 5 * length));
            assertThat(tokens.ids(List.of(text), length, 0, new Rng(1)).longs()).isEqualTo(tokens.ids(List.of(text), length).longs());
            long[] bytes = tokens.ids(List.of(text), 2 * length, 1, new Rng(1)).longs();
            assertThat(Arrays.stream(bytes).filter(t -> t < 256).count()).isEqualTo((" " + text).getBytes(StandardCharsets.UTF_8).length);
        }
    }

    @Test void whereTheOtherPartsAreTooManyATextComesAsAlways() {
        learnt();
        String text = CAPTIONS.get(2);
        int fits = tokens.tokens(text).length + 2;
        try (Scope scope = new Scope()) {
            long[] plain = tokens.ids(List.of(text), fits).longs();
            for (int i = 0; i < 20; i++) assertThat(tokens.ids(List.of(text), fits, 0.5, new Rng(i)).longs()).isEqualTo(plain);
        }
    }

    @Test void captionsLearntFromAreShort() {
        learnt();
        assertThat(tokens.learnt()).isEqualTo(M);
        for (String caption : CAPTIONS) {
            assertThat(tokens.tokens(caption).length).isLessThan(caption.getBytes(StandardCharsets.UTF_8).length * 2 / 3);
        }
    }

    @Test void rowsBeginEndAndAreFilledUpOrCut() {
        learnt();
        try (Scope scope = new Scope()) {
            long[] ids = tokens.ids(List.of("red", "", CAPTIONS.get(0)), 6).longs();
            int n = tokens.length("red");
            assertThat(ids[0]).isEqualTo(tokens.begin());
            assertThat(ids[n - 1]).isEqualTo(tokens.end());
            for (int i = n; i < 6; i++) assertThat(ids[i]).isEqualTo(tokens.pad());
            assertThat(Arrays.copyOfRange(ids, 6, 12)).containsExactly(tokens.begin(), tokens.end(), tokens.pad(), tokens.pad(),
                tokens.pad(), tokens.pad());
            int[] whole = tokens.tokens(CAPTIONS.get(0));
            assertThat(Arrays.copyOfRange(ids, 12, 18)).containsExactly(tokens.begin(), whole[0], whole[1], whole[2], whole[3],
                tokens.end());
            assertThat(tokens.end()).isEqualTo(tokens.vocabulary() - 1);
            assertThat(tokens.ids(List.of(), 6).shape()).containsExactly(0, 6);
        }
        assertThatThrownBy(() -> tokens.ids(List.of("red"), 1)).hasMessageContaining("illegal length: 1");
    }

    @Test void tenThousandWordsAndOneLongWordAreRead() {
        learnt();
        assertThat(tokens.length("красный круг ".repeat(5000))).isEqualTo(2 + 5000 * tokens.tokens("красный круг").length);
        assertThat(tokens.tokens("я".repeat(100_000))).isNotEmpty();
    }

    @Test void aStateLoadedIntoItIsItsTokenizer() {
        learnt();
        try (CaptionTokenizer other = new CaptionTokenizer(M)) {
            assertThat(other.tokens("red")).hasSize(4);
            other.load(tokens.state());
            assertThat(other.tokens(CAPTIONS.get(2))).isEqualTo(tokens.tokens(CAPTIONS.get(2)));
            assertThat(other.ids(List.of("red star"), 9).longs()).isEqualTo(tokens.ids(List.of("red star"), 9).longs());
        }
    }

    /** What transformers' PreTrainedTokenizerFast gives with the files saved from these captions. */
    @Test void idsAreThoseOfPythonsTokenizers() {
        learnt();
        RECORDED.forEach((text, ids) -> assertThat(tokens.tokens(text)).as(text).containsExactly(ids));
    }

    @Test void filesAreReadBack(@TempDir Path folder) throws Exception {
        learnt().save(folder);
        try (CaptionTokenizer read = CaptionTokenizer.open(folder)) {
            assertThat(read.state().get("pairs").longs()).isEqualTo(tokens.state().get("pairs").longs());
        }
        try (CaptionTokenizer empty = new CaptionTokenizer(7)) {
            empty.save(folder);
            try (CaptionTokenizer read = CaptionTokenizer.open(folder)) {
                assertThat(read.vocabulary()).isEqualTo(266);
                assertThat(read.learnt()).isZero();
            }
        }
    }

    @Test void filesOfOtherTokenizersAreRefused(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("tokenizer.json");
        assertThatThrownBy(() -> CaptionTokenizer.open(folder)).isInstanceOf(FormatException.class).hasMessageContaining("no such file");
        Files.writeString(file, "{}");
        assertThatThrownBy(() -> CaptionTokenizer.open(folder)).isInstanceOf(FormatException.class)
            .hasMessageContaining("no tokenizer of captions");
        learnt().save(folder);
        ObjectNode json = (ObjectNode) Json.read(file);
        ((ObjectNode) json.get("pre_tokenizer")).put("add_prefix_space", false);
        Json.write(file, json);
        assertThatThrownBy(() -> CaptionTokenizer.open(folder)).isInstanceOf(FormatException.class).hasMessageContaining("changed");
    }

    @Test void nonsenseIsRefused() {
        assertThatThrownBy(() -> new CaptionTokenizer(-1)).hasMessageContaining("illegal pairs: -1");
        assertThatThrownBy(() -> tokens.learn(List.of("", " "))).hasMessageContaining("no captions to learn");
        assertThatThrownBy(() -> tokens.text(300)).hasMessage("there is no token 300, known are 0 to 255 and 296 to 298");
        try (Scope scope = new Scope()) {
            tokens.state().get("pairs").fill(400);
            assertThatThrownBy(() -> tokens.tokens("a")).hasMessageContaining("pair 0 of the tokenizer is of tokens 400");
        }
    }

    private static final Map<String, int[]> RECORDED = Map.of(
        "A small red circle to the left of a blue square.", new int[] {264, 261, 109, 295, 108, 277, 292, 105, 114, 99, 272, 268, 111, 288,
            294, 102, 116, 32, 111, 102, 264, 291, 108, 117, 101, 289, 46},
        "Маленький красный круг слева от синего квадрата.", new int[] {257, 188, 256, 208, 281, 282, 140, 208, 186, 208, 274, 185, 290,
            282, 139, 208, 185, 263, 259, 285, 275, 269, 281, 273, 257, 190, 276, 269, 274, 189, 266, 179, 270, 263, 284, 283, 267, 276,
            256, 46},
        "ёлка, it's 12½ o'clock!", new int[] {32, 209, 145, 208, 187, 208, 186, 256, 44, 293, 116, 39, 115, 32, 49, 50, 194, 189, 32, 111,
            39, 99, 108, 111, 99, 107, 33},
        "КРАСНАЯ звезда", new int[] {290, 189, 256, 209, 143, 257, 183, 208, 178, 266, 183, 283, 256},
        "  two\t\tspaces ", new int[] {268, 119, 111, 261, 112, 97, 99, 101, 115},
        "日本 🎨", new int[] {32, 230, 151, 165, 230, 156, 172, 32, 240, 159, 142, 168});
}
