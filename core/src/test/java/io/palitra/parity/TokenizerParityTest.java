package io.palitra.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.Json;
import io.palitra.data.ClipTokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Our tokens are those of the public tokenizer with its real vocabulary: every text of the reference folder is a case. */
class TokenizerParityTest {
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
