package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TextTokenizerFileTest {
    @TempDir private Path dir;

    /** A tokenizer that {@link TextTokenizerFile#write} wrote, and the ids that Python's tokenizers gave with it. */
    private static ObjectNode kept() throws IOException {
        try (InputStream in = TextTokenizerFileTest.class.getResourceAsStream("byte-pairs.json")) {
            return (ObjectNode) new ObjectMapper().readTree(Objects.requireNonNull(in).readAllBytes());
        }
    }

    private Path json(String name, JsonNode json) throws IOException {
        Path file = dir.resolve(name);
        Json.write(file, json);
        return file;
    }

    @Test void pythonsTokenizersGiveTheSameIds() throws IOException {
        JsonNode kept = kept();
        Alphabet.Pairs pairs = TextTokenizerFile.read(json("tokenizer.json", kept.get("tokenizer")));
        assertThat(pairs.size()).isEqualTo(400);
        assertThat(kept.get("cases")).hasSizeGreaterThan(10).allSatisfy(c -> {
            int[] ids = new ObjectMapper().convertValue(c.get("ids"), int[].class);
            assertThat(pairs.encode(c.get("text").textValue())).as(c.get("text").toString()).isEqualTo(ids);
            assertThat(pairs.decode(ids)).isEqualTo(c.get("text").textValue());
        });
    }

    @Test void whatIsWrittenIsWhatPythonOpened() throws IOException {
        JsonNode tokenizer = kept().get("tokenizer");
        Alphabet.Pairs pairs = TextTokenizerFile.read(json("tokenizer.json", tokenizer));
        assertThat(TextTokenizerFile.write(dir, new TextSpec(256, pairs))).allSatisfy(f -> assertThat(f).exists());
        assertThat(Json.read(dir.resolve("tokenizer.json"))).isEqualTo(tokenizer);
        assertThat(TextTokenizerFile.read(dir)).isEqualTo(pairs);
    }

    /** As GPT-2's own folder has it: merges as lines, among them one that begins as a remark. */
    @Test void theFoldersOfGpt2AreRead() throws IOException {
        Alphabet.Pairs pairs = new Alphabet.Pairs(List.of("# #", "Ġ t", "h e", "Ġt he"));
        ObjectNode vocabulary = new ObjectMapper().createObjectNode();
        for (int id = 0; id < pairs.end(); id++) vocabulary.put(pairs.token(id), id);
        vocabulary.put("<|endoftext|>", pairs.end());
        json("vocab.json", vocabulary);
        Files.writeString(dir.resolve("merges.txt"), "#version: 0.2\n" + String.join("\n", pairs.merges()) + "\n");
        assertThat(TextTokenizerFile.read(dir)).isEqualTo(pairs);
        assertThat(pairs.encode("## the")).containsExactly(256, 259);

        vocabulary.put("!", 5);
        json("vocab.json", vocabulary);
        assertThatThrownBy(() -> TextTokenizerFile.read(dir)).isInstanceOf(FormatException.class)
            .hasMessage(dir.resolve("vocab.json") + ": the id of '!' is 5, in GPT-2's order it is 0");
        vocabulary.put("!", 0).remove("<|endoftext|>");
        json("vocab.json", vocabulary);
        assertThatThrownBy(() -> TextTokenizerFile.read(dir)).hasMessageContaining("the id of '<|endoftext|>' is missing");
        vocabulary.put("<|endoftext|>", pairs.end()).put("more", 1000);
        json("vocab.json", vocabulary);
        assertThatThrownBy(() -> TextTokenizerFile.read(dir)).hasMessageContaining("has 262 tokens, of which 261 follow");
        Files.delete(dir.resolve("merges.txt"));
        assertThatThrownBy(() -> TextTokenizerFile.read(dir))
            .hasMessageContaining("holds no tokenizer: wants tokenizer.json, or vocab.json");
    }

    private void refused(Consumer<ObjectNode> change, String message) throws IOException {
        ObjectNode tokenizer = (ObjectNode) kept().get("tokenizer");
        change.accept(tokenizer);
        Path file = json("other.json", tokenizer);
        assertThatThrownBy(() -> TextTokenizerFile.read(file)).isInstanceOf(FormatException.class).hasMessageStartingWith(file + ": ")
            .hasMessageContaining(message).message().hasLineCount(1);
    }

    @Test void tokenizersOfOtherRulesAreRefused() throws IOException {
        refused(t -> ((ObjectNode) t.get("model")).put("type", "Unigram"),
            "model.type wants BPE, as GPT-2 has it, got the text \"Unigram\"");
        refused(t -> ((ObjectNode) t.get("model")).put("end_of_word_suffix", "</w>"), "model.end_of_word_suffix wants nothing");
        refused(t -> ((ObjectNode) t.get("model")).put("byte_fallback", true), "model.byte_fallback wants false");
        refused(t -> t.putObject("normalizer").put("type", "NFC"), "normalizer wants null");
        refused(t -> ((ObjectNode) t.get("pre_tokenizer")).put("add_prefix_space", true), "pre_tokenizer.add_prefix_space wants false");
        refused(t -> t.putNull("pre_tokenizer"), "pre_tokenizer.type wants ByteLevel");
        refused(t -> ((ArrayNode) t.get("added_tokens")).addObject().put("id", 7).put("content", "<pad>"), "the added token '<pad>'");
        refused(t -> ((ArrayNode) t.get("model").get("merges")).add(3), "wants two texts, got the number 3");
        refused(t -> ((ArrayNode) t.get("model").get("merges")).add("zz z"),
            "illegal merges: number 144: there is no token 'zz' before it");
        refused(t -> ((ObjectNode) t.get("model")).putNull("vocab"), "model.vocab wants an object, got null");
    }

    @Test void alphabetsOfCharactersAndBytesAreWrittenAndAreNoPairs() throws IOException {
        TextTokenizerFile.write(dir, new TextSpec(8, new Alphabet.Characters("\n abя𝄞")));
        JsonNode json = Json.read(dir.resolve("tokenizer.json"));
        assertThat(json.at("/model/vocab").toString()).isEqualTo("{\"\\n\":0,\" \":1,\"a\":2,\"b\":3,\"я\":4,\"𝄞\":5,\"<|endoftext|>\":6}");
        assertThatThrownBy(() -> TextTokenizerFile.read(dir)).isInstanceOf(FormatException.class).hasMessageContaining("ByteLevel");
        TextTokenizerFile.write(dir, new TextSpec(8, new Alphabet.Bytes()));
        assertThat(Json.read(dir.resolve("tokenizer.json")).at("/model/vocab/Ġ").intValue()).isEqualTo(32);
        assertThatThrownBy(() -> TextTokenizerFile.read(dir)).hasMessageContaining("use_regex wants true");
    }

    /** Each doubles what was there: a few lines that would ask for a token of 2^60 bytes. */
    @Test void mergesThatDoubleEachOtherAreBounded() {
        List<String> merges = new java.util.ArrayList<>();
        String token = "a";
        for (int i = 0; i < 12; i++, token += token) merges.add(token + " " + token);
        assertThatThrownBy(() -> new Alphabet.Pairs(merges))
            .hasMessage("illegal merges: number 11: makes a token of more than 1024 bytes");
    }

    /** Sound files damaged: by bytes, and in their structure. */
    private void damaged(int times) throws IOException {
        ObjectNode small = (ObjectNode) kept().get("tokenizer");
        Alphabet.Pairs pairs = new Alphabet.Pairs(List.of("# #", "Ġ t", "h e", "Ġt he"));
        TextTokenizerFile.write(dir, new TextSpec(8, pairs));
        byte[] seed = Files.readAllBytes(dir.resolve("tokenizer.json")), larger = new ObjectMapper().writeValueAsBytes(small);
        SplittableRandom random = new SplittableRandom(7);
        int refused = 0;
        TreeMap<String, Integer> kinds = new TreeMap<>();
        for (int i = 0; i < times; i++) {
            byte[] b = (i % 16 == 0 ? larger : seed).clone();
            for (int k = random.nextInt(1, 5); k > 0; k--) {
                // half of the changes in the rules at the head and the tail
                int at = random.nextBoolean() ? random.nextInt(b.length) : random.nextBoolean() ? random.nextInt(Math.min(1200, b.length))
                    : b.length - 1 - random.nextInt(Math.min(300, b.length));
                switch (random.nextInt(5)) {
                    case 0 -> b[at] = (byte) random.nextInt(256);
                    case 1 -> b[at] ^= (byte) (1 << random.nextInt(8));
                    case 2 -> b[at] = (byte) "0123456789-{}[]\",:.eEntf".charAt(random.nextInt(24));
                    case 3 -> b = java.util.Arrays.copyOf(b, Math.max(1, at));
                    default -> {
                        int length = Math.min(random.nextInt(1, 20), b.length - at);
                        byte[] longer = java.util.Arrays.copyOf(b, b.length + length);
                        System.arraycopy(b, at, longer, at + length, b.length - at);
                        b = longer;
                    }
                }
            }
            try {
                assertThat(TextTokenizerFile.parse(dir.resolve("x.json"), b).size()).isBetween(257, 500);
            } catch (FormatException e) {
                refused++;
                assertThat(e.getMessage()).hasLineCount(1);
                assertThat(e.getMessage().length()).isLessThan(1000);
                kinds.merge(e.getMessage().replaceAll(".*x.json( at byte \\d+)?: (.{12}).*", "$2"), 1, Integer::sum);
            }
        }
        assertThat(refused).isGreaterThan(times / 2);
        assertThat(kinds.size()).as("ways to be refused").isGreaterThan(5);
    }

    @Test void damagedTokenizersAreRefusedInOneLine() throws IOException { damaged(5_000); }

    @Tag("slow") @Test void aMillionDamagedTokenizersAreRefusedInOneLine() throws IOException { damaged(1_000_000); }

    @Test void lyingMergesTxtIsRefused() throws IOException {
        Alphabet.Pairs none = new Alphabet.Pairs(List.of());
        ObjectNode vocabulary = new ObjectMapper().createObjectNode();
        for (int id = 0; id < none.end(); id++) vocabulary.put(none.token(id), id);
        json("vocab.json", vocabulary.put("<|endoftext|>", 256));
        SplittableRandom random = new SplittableRandom(3);
        for (int i = 0; i < 300; i++) {
            byte[] bytes = new byte[random.nextInt(1, 60)];
            for (int k = 0; k < bytes.length; k++) bytes[k] = (byte) "a b\nc\t\r#v\u0120".charAt(random.nextInt(10));
            Files.write(dir.resolve("merges.txt"), bytes);
            try {
                assertThat(TextTokenizerFile.read(dir)).isEqualTo(none);   // line ends alone
            } catch (FormatException e) {
                assertThat(e.getMessage()).hasLineCount(1);
            }
        }
    }
}
