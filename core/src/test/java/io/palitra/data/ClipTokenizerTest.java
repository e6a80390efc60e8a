package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.engine.Scope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class ClipTokenizerTest {
    private static final String START = "<|startoftext|>", END = "<|endoftext|>";
    private static final List<String> MERGES = List.of("l o", "lo w</w>", "a a", "aa a</w>", "e r</w>", "aa aa");

    @TempDir Path folder;

    /** Every byte alone and at the end of a word, the merges above, and the two special tokens. */
    @BeforeEach void write() throws IOException {
        List<String> tokens = new ArrayList<>();
        for (String end : List.of("", "</w>")) for (int b = 0; b < 256; b++) tokens.add(ByteAlphabet.letter(b) + end);
        MERGES.forEach(m -> tokens.add(m.replace(" ", "")));
        tokens.addAll(List.of(START, END));
        StringBuilder json = new StringBuilder("{");
        for (int i = 0; i < tokens.size(); i++) {
            String text = tokens.get(i).replace("\\", "\\\\").replace("\"", "\\\"");
            json.append(i == 0 ? "" : ",").append('"').append(text).append("\":").append(i);
        }
        Files.writeString(folder.resolve("vocab.json"), json.append('}'));
        Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\n" + String.join("\n", MERGES) + "\n");
    }

    private static int id(String token) {
        for (int i = 0; i < MERGES.size(); i++) if (MERGES.get(i).replace(" ", "").equals(token)) return 512 + i;
        if (token.equals(START)) return 512 + MERGES.size();
        if (token.equals(END)) return 513 + MERGES.size();
        for (int b = 0; b < 256; b++) if (token.equals(ByteAlphabet.letter(b) + "")) return b;
        for (int b = 0; b < 256; b++) if (token.equals(ByteAlphabet.letter(b) + "</w>")) return 256 + b;
        throw new AssertionError(token);
    }

    private static long[] ids(String... tokens) { return Stream.of(tokens).mapToLong(ClipTokenizerTest::id).toArray(); }

    private ClipTokenizer open() { return ClipTokenizer.open(folder); }

    @Test void theEarliestPairMergesFirstAndOfEqualsTheLeftmost() {
        assertThat(open().tokens("low")).containsExactly(ids("low</w>"));
        assertThat(open().tokens("lower")).containsExactly(ids("lo", "w", "er</w>"));
        assertThat(open().tokens("aaa")).containsExactly(ids("aaa</w>"));
        assertThat(open().tokens("aaaaaa")).containsExactly(ids("aaaa", "a", "a</w>"));
        assertThat(open().tokens("aaaaaaa")).containsExactly(ids("aaaa", "aaa</w>"));
    }

    @Test void lettersStandTogetherDigitsAloneAndEndingsApart() {
        assertThat(open().tokens("a12!?b'S")).containsExactly(ids("a</w>", "1</w>", "2</w>", "!", "?</w>", "b</w>", "'", "s</w>"));
    }

    @Test void lettersThatThePlatformDoesNotKnowYetAreLetters() {
        String capital = Character.toString(0x10570), small = Character.toString(0x10597), ideograph = Character.toString(0x31350);
        assertThat(open().tokens(capital + "x")).isEqualTo(open().tokens(small + "x")).endsWith(id("x</w>"));
        assertThat(open().tokens(ideograph + "!")).isEqualTo(open().tokens(ideograph + " !"));
        assertThat(open().tokens("!" + ideograph)).as("two words").startsWith(id("!</w>"));
        String digit = Character.toString(0x11F50);
        assertThat(open().tokens(digit + digit)).as("two words").isEqualTo(open().tokens(digit + " " + digit));
    }

    @Test void specialTokensAreFoundAsTheyAreWrittenOnly() {
        assertThat(open().tokens("x" + END + "y")).containsExactly(ids("x</w>", END, "y</w>"));
        assertThat(open().tokens("<|endoftext")).doesNotContain(id(END));
        assertThat(open().tokens("<|ENDOFTEXT|>!")).hasSize(2 + 9 + 2 + 1).doesNotContain(id(END));
    }

    @Test void aWindowIsCutAndFilledUp() {
        long[] window = open().window("low low");
        assertThat(window).hasSize(77).startsWith(ids(START, "low</w>", "low</w>", END)).endsWith(id(END));
        assertThat(open().window("low ".repeat(100))).hasSize(77).startsWith(id(START)).endsWith(ids("low</w>", END));
    }

    @Test void theFolderSaysHowLongAWindowIsAndWhatFillsItUp() throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"model_max_length\": 5, \"pad_token\": \"" + END + "\"}");
        Files.writeString(folder.resolve("special_tokens_map.json"), "{\"pad_token\": \"!\"}");
        assertThat(open().window("low")).containsExactly(ids(START, "low</w>", END, "!", "!"));
        assertThat(open().tokens("low!!")).as("what fills up is a special token").containsExactly(ids("low</w>", "!", "!"));
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"model_max_length\": 1000000000000000019884624838656}");
        assertThat(open().positions()).isEqualTo(77);
    }

    @Test void aNormalizedSpecialTokenIsFoundInCapitalsToo() throws IOException {
        Files.writeString(folder.resolve("special_tokens_map.json"),
            "{\"eos_token\": {\"content\": \"" + END + "\", \"normalized\": true}}");
        assertThat(open().tokens("low<|ENDOFTEXT|>")).containsExactly(ids("low</w>", END));
    }

    @Test void longTextsTakeWindowsAndKeepTheirWeights() {
        List<ClipTokenizer.Window> windows = open().windows(List.of(new Prompt.Span("low ".repeat(80), 1), new Prompt.Span("er", 1.5)));
        assertThat(windows).hasSize(2);
        assertThat(windows.get(0).ids()).isEqualTo(open().window("low ".repeat(80)));
        assertThat(windows.get(1).ids()).startsWith(ids(START, "low</w>", "low</w>", "low</w>", "low</w>", "low</w>", "er</w>", END));
        assertThat(Arrays.copyOf(windows.get(1).weights(), 8)).containsExactly(1, 1, 1, 1, 1, 1, 1.5f, 1);
        assertThat(open().windows("")).hasSize(1);
        assertThat(open().windows("low ".repeat(75))).hasSize(1);
        assertThat(open().windows("low ".repeat(76))).hasSize(2);
    }

    @Test void aBatchHasARowForEachText() {
        try (Scope scope = new Scope()) {
            assertThat(open().batch(List.of("low", "")).shape()).containsExactly(2, 77);
            assertThat(open().batch(List.of("low", "")).select(0, 1).longs()).isEqualTo(open().window(""));
        }
    }

    @Test void tokensBecomeTextAgain() {
        String text = "low , пустыня 🎨 日本 \u0000 ạ";
        assertThat(open().text(open().tokens(text))).isEqualTo(text);
        assertThat(open().text(open().tokens("Low,ПУСТЫНЯ  🎨 a\u0323"))).isEqualTo("low , пустыня 🎨 ạ");
        assertThat(open().text(open().window("low LOW"))).isEqualTo("low low");
        assertThatThrownBy(() -> open().text(1, 900)).isInstanceOf(IllegalArgumentException.class)
            .hasMessage("there is no token 900, known are 0 to 519");
    }

    @Test void halfACharacterIsTheSignForNone() {
        assertThat(open().tokens("a\uD83D")).isEqualTo(open().tokens("a\uFFFD"));
    }

    @Test @Timeout(60) void aMillionCharactersTakeSecondsWhateverTheyAre() {
        int n = 1_000_000;
        assertThat(open().tokens("a".repeat(n))).hasSize(n / 4 + 2);   // the last four are aa, a and an a that ends a word
        assertThat(open().tokens("low ".repeat(n / 4))).hasSize(n / 4);
        assertThat(open().tokens("'".repeat(n))).hasSize(n);
        assertThat(open().tokens("<|startoftext|".repeat(n / 14))).hasSizeGreaterThan(n / 2);
        assertThat(open().tokens("a" + "\u0315\u0316".repeat(n / 2))).hasSize(1 + 2 * n);
        assertThat(open().windows("low ".repeat(n / 4))).hasSize((n / 4 + 74) / 75);
    }

    @Test void marksInAnyOrderAndNumberAreComposedAsThePlatformComposesThem() {
        java.util.SplittableRandom random = new java.util.SplittableRandom(1);
        int[] marks = {0x300, 0x301, 0x302, 0x315, 0x316, 0x31B, 0x323, 0x327, 0x334, 0x338, 0x344, 0x345, 0x34F, 0x5B0, 0x5B1, 0x64B,
                0x93C,
            0x94D, 0xE38, 0xF71, 0xF73, 0x20DD, 0x3099, 0x1D165, 0x1D16D};
        for (int turn = 0; turn < 300; turn++) {
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < 200; i++) {
                if (random.nextInt(90) == 0) text.append("aeÅ가".charAt(random.nextInt(4)));
                else text.appendCodePoint(marks[random.nextInt(marks.length)]);
            }
            assertThat(NfcNormalizer.of(text.toString())).isEqualTo(java.text.Normalizer.normalize(text, java.text.Normalizer.Form.NFC));
        }
    }

    @Test void oneFileHoldsTheSame() throws IOException {
        long[] wanted = open().window("lower LOW");
        String vocabulary = Files.readString(folder.resolve("vocab.json"));
        Files.delete(folder.resolve("vocab.json"));
        String json = "{\"added_tokens\": [{\"id\": 519, \"content\": \"" + END + "\"}], \"model\": {\"type\": \"BPE\","
            + "\"end_of_word_suffix\": \"</w>\", \"vocab\": " + vocabulary + ", \"merges\": ";
        Files.writeString(folder.resolve("tokenizer.json"), json + "[\"" + String.join("\",\"", MERGES) + "\"]}}");
        assertThat(open().window("lower LOW")).isEqualTo(wanted);
        String pairs = String.join(",", MERGES.stream().map(m -> "[\"" + m.replace(" ", "\",\"") + "\"]").toList());
        Files.writeString(folder.resolve("tokenizer.json"), json + "[" + pairs + "]}}");
        assertThat(open().window("lower LOW")).isEqualTo(wanted);
        Files.writeString(folder.resolve("tokenizer.json"), "{\"model\": {\"type\": \"Unigram\"}}");
        assertThatThrownBy(this::open).isInstanceOf(FormatException.class).hasMessageContaining("got Unigram and ''");
    }

    @Test void wrongFilesAreRefusedByName() throws IOException {
        refused("merges.txt", "l o\nl q q\n", "merges.txt line 2: wants two texts with a space between, got 'l q q'");
        refused("merges.txt", "l zz\n", "merges.txt line 1: 'zz' is not in the vocabulary");
        refused("merges.txt", "q r\n", "merges.txt line 1: 'qr' is not in the vocabulary");
        refused("vocab.json", "{\"a\": -1}", "vocab.json: illegal id of 'a': -1, must be 0 to 4194303");
        refused("vocab.json", "{\"a\": 1, \"b\": 1}", "special token '<|startoftext|>' is not in the vocabulary");
        refused("vocab.json", "{\"" + START + "\": 1, \"" + END + "\": 1}", "id 1 stands for two tokens");
        refused("vocab.json", "[", "vocab.json at byte");
        refused("tokenizer_config.json", "{\"pad_token\": \"zz\"}", "special token 'zz' is not in the vocabulary");
        refused("tokenizer_config.json", "{\"model_max_length\": 2}", "illegal model_max_length: 2, must be at least 3");
        Files.delete(folder.resolve("merges.txt"));
        assertThatThrownBy(this::open).hasMessage(folder + ": holds no tokenizer: wants vocab.json and merges.txt, or tokenizer.json");
    }

    private void refused(String file, String text, String message) throws IOException {
        Path path = folder.resolve(file);
        String before = Files.exists(path) ? Files.readString(path) : "";
        if (file.equals("vocab.json")) Files.writeString(folder.resolve("merges.txt"), "");
        Files.writeString(path, text);
        assertThatThrownBy(this::open).isInstanceOf(FormatException.class).hasMessageContaining(message);
        if (before.isEmpty()) Files.delete(path);
        else Files.writeString(path, before);
    }

    private static final String DECODER = "{\"model_max_length\": 77, \"added_tokens_decoder\": {"
        + "\"518\": {\"content\": \"<|startoftext|>\", \"normalized\": true, \"special\": true},"
        + "\"519\": {\"content\": \"<|endoftext|>\", \"normalized\": false, \"special\": true},"
        + "\"520\": {\"content\": \"<cat>\", \"lstrip\": true, \"rstrip\": true, \"normalized\": false, \"special\": false},"
        + "\"521\": {\"content\": \"mycat\", \"single_word\": true, \"normalized\": true},"
        + "\"522\": {\"content\": \"My Cat\", \"special\": false}}}";

    @Test void learnedWordsAreTokensOfTheirOwnTheLongestFirst() throws IOException {
        Files.writeString(folder.resolve("added_tokens.json"), "{\"<cat>\": 520, \"<cat>2\": 521, \"mycat\": 522}");
        assertThat(open().tokens("a <cat> b")).containsExactly(id("a</w>"), 520, id("b</w>"));
        assertThat(open().tokens("a<CAT>b")).as("in whatever case").containsExactly(id("a</w>"), 520, id("b</w>"));
        assertThat(open().tokens("<cat>2<cat>")).containsExactly(521, 520);
        assertThat(open().tokens("mycats")).as("within a word, too").containsExactly(522, id("s</w>"));
        assertThat(open().tokens("<cat")).containsExactly(ids("<</w>", "c", "a", "t</w>"));
        assertThat(open().window("<cat>")).startsWith(id(START), 520, id(END));
        assertThat(open().size()).isEqualTo(523);
        assertThat(open().text(open().tokens("low <cat>"))).isEqualTo("low <cat>");
    }

    @Test void theConfigurationSaysHowLearnedWordsAreLookedFor() throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"), DECODER);
        Files.writeString(folder.resolve("added_tokens.json"), "{\"low\": 523}");
        assertThat(open().tokens("low")).as("the older file is not read then").containsExactly(ids("low</w>"));
        assertThat(open().tokens("a <cat> b")).containsExactly(id("a</w>"), 520, id("b</w>"));
        assertThat(open().tokens("<CAT>")).as("as it is written only").doesNotContain(520).hasSize(5);
        assertThat(open().tokens("mycat")).containsExactly(521);
        for (String within : List.of("mycats", "amycat", "mycat_", "mycat1", "mycat\u0301")) {
            assertThat(open().tokens(within)).as(within).doesNotContain(521);
        }
        for (String alone : List.of("mycat.", "MYCAT", "\"mycat\"", "- mycat-")) assertThat(open().tokens(alone)).as(alone).contains(521);
        assertThat(open().tokens("my \n cat")).as("of spaces one counts").containsExactly(522);
    }

    @Test void aTokenizerJsonBesideTheVocabularyNamesLearnedWordsToo() throws IOException {
        Files.writeString(folder.resolve("tokenizer.json"), "{\"added_tokens\": [{\"id\": 520, \"content\": \"<cat>\","
            + " \"normalized\": true, \"special\": false, \"single_word\": false, \"lstrip\": false, \"rstrip\": false}]}");
        assertThat(open().tokens("a<cat>")).containsExactly(id("a</w>"), 520);
    }

    @Test void learnedWordsThatCannotBeAreRefused() throws IOException {
        refused("added_tokens.json", "{\"<cat>\": 3}", "id 3 stands for two tokens");
        refused("added_tokens.json", "{\"<cat>\": -1}", "added_tokens.json: illegal id of '<cat>'");
        refused("added_tokens.json", "{\"\": 520}", "allowed are 1 to 1024");
        refused("added_tokens.json", "[]", "added_tokens.json wants an object");
        refused("added_tokens.json", "{\"low</w>\": 600}", "has ids 513 and 600");
    }

    @Test @Timeout(60) void manyLearnedWordsAreFoundAsSoonAsFew() throws IOException {
        StringBuilder words = new StringBuilder("{");
        for (int i = 0; i < 50_000; i++) {
            words.append(i == 0 ? "" : ",").append("\"<<<<<<<<<<word").append(i).append("\": ").append(520 + i);
        }
        Files.writeString(folder.resolve("added_tokens.json"), words.append('}'));
        assertThat(open().tokens("<".repeat(300_000) + "word77")).contains(597);
    }
}
