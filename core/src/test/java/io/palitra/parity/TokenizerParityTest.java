package io.palitra.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.Json;
import io.palitra.data.ClipTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Our tokens are those of the public tokenizer with its real vocabulary: every text of the reference folder is a case. */
class TokenizerParityTest {
    private static final Path DEFAULT = Path.of("../shared/parity");
    private static final Path FOLDER = Optional.ofNullable(System.getenv("PALITRA_PARITY")).map(Path::of).orElse(DEFAULT);

    @TestFactory
    Stream<DynamicTest> aTextGivesThePublicTokens() throws IOException {
        Path cases = FOLDER.resolve("pipelines/clip-tokenizer-cases.json");
        Path vocabulary = Stream.of(FOLDER, DEFAULT).map(f -> f.resolve("pipelines/clip-tokenizer")).filter(Files::isDirectory)
            .findFirst().orElse(DEFAULT);
        if (!Files.isRegularFile(cases)) {
            String why = "no reference tokens at " + cases + "; PALITRA_PARITY names their folder";
            return Stream.of(dynamicTest("tokens", () -> abort(why)));
        }
        JsonNode all = Json.read(cases);
        assertThat(all).as(cases.toString()).isNotEmpty();
        ClipTokenizer tokenizer = ClipTokenizer.open(vocabulary);
        return StreamSupport.stream(all.spliterator(), false).map(c -> {
            String text = c.path("text").textValue();
            List<Long> ids = new ArrayList<>();
            c.path("ids").forEach(id -> ids.add(id.longValue()));
            return dynamicTest("'" + text.substring(0, Math.min(40, text.length())) + "'",
                () -> assertThat(tokenizer.window(text)).as(text).containsExactly(ids.stream().mapToLong(i -> i).toArray()));
        });
    }
}
