package io.palitra.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.Json;
import io.palitra.data.ClipTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Our tokens are those of the public tokenizer with its real vocabulary: every text of the reference folder is a case. */
class TokenizerParityTest {
    /** What transformers 5.18 gives where a word was learned later. */
    @Test void learnedWordsGiveThePublicTokens(@TempDir Path folder) throws IOException {
        Path vocabulary = References.find("pipelines/clip-tokenizer");
        for (String name : List.of("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json")) {
            Files.copy(vocabulary.resolve(name), folder.resolve(name));
        }
        Files.writeString(folder.resolve("added_tokens.json"), "{\"<cat-toy>\": 49408, \"<cat-toy>2\": 49409, \"mycat\": 49410, "
            + "\"<cat>\": 49411, \"my-style_2\": 49412}");
        ClipTokenizer tokenizer = ClipTokenizer.open(folder);
        assertThat(tokenizer.tokens("a <CAT-TOY> here")).containsExactly(320, 49408, 763);
        assertThat(tokenizer.tokens("a<cat-toy>b")).containsExactly(320, 49408, 321);
        assertThat(tokenizer.tokens("<cat-toy>2 <cat-toy>")).containsExactly(49409, 49408);
        assertThat(tokenizer.tokens("a <cat-toy")).containsExactly(320, 283, 2368, 268, 5988);
        assertThat(tokenizer.tokens("a my-style_2 x")).containsExactly(320, 49412, 343);
        assertThat(tokenizer.tokens("a mycats and mycat.")).containsExactly(320, 49410, 338, 537, 49410, 269);
        assertThat(tokenizer.tokens("MyCat my cat")).containsExactly(49410, 607, 2368);
        assertThat(tokenizer.tokens("<cat>s <cat>")).containsExactly(49411, 338, 49411);
        assertThat(tokenizer.tokens("x<catx>")).containsExactly(343, 283, 1481, 343, 285);
    }

    @TestFactory
    Stream<DynamicTest> aTextGivesThePublicTokens() throws IOException {
        Path cases = References.find("pipelines/clip-tokenizer-cases.json");
        JsonNode all = Json.read(cases);
        assertThat(all).as(cases.toString()).isNotEmpty();
        ClipTokenizer tokenizer = ClipTokenizer.open(References.find("pipelines/clip-tokenizer"));
        return StreamSupport.stream(all.spliterator(), false).map(c -> {
            String text = c.path("text").textValue();
            List<Long> ids = new ArrayList<>();
            c.path("ids").forEach(id -> ids.add(id.longValue()));
            return dynamicTest("'" + text.substring(0, Math.min(40, text.length())) + "'",
                () -> assertThat(tokenizer.window(text)).as(text).containsExactly(ids.stream().mapToLong(i -> i).toArray()));
        });
    }
}
