package io.palitra.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.palitra.CpuTime;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JsonTest {
    @TempDir Path folder;

    private static String error(byte[] json) {
        Throwable thrown = catchThrowable(() -> Json.read("x.json", json));
        assertThat(thrown).isInstanceOf(ConfigException.class);
        assertThat(thrown.getMessage()).startsWith("x.json").doesNotContain("\n").hasSizeLessThan(1100);
        assertThat(((ConfigException) thrown).key()).isEqualTo("x.json");
        return thrown.getMessage();
    }

    private static String error(String json) { return error(json.getBytes(StandardCharsets.UTF_8)); }

    @Test void aRecordComesBackFromItsFile() throws IOException {
        Path file = folder.resolve("config.json");
        Json.write(file, Config.toJson(Sample.DEFAULTS));
        assertThat(Config.fromJson(Sample.class, Json.read(file))).isEqualTo(Sample.DEFAULTS);
        assertThat(Files.readString(file)).contains("\n  \"latent\" : 2,\n").endsWith("}\n").doesNotContain("\r");
    }

    @Test void writingReplacesAFileAndLeavesNothingBeside() throws IOException {
        Path file = folder.resolve("config.json");
        Files.writeString(file, "old");
        Json.write(file, JsonNodeFactory.instance.objectNode().put("new", true));
        assertThat(Json.read(file).get("new").booleanValue()).isTrue();
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files).containsExactly(file);
        }
    }

    @Test void aWriteThatFailsKeepsWhatWasThere() throws IOException {
        Path file = folder.resolve("config.json");
        Files.writeString(file, "old");
        ArrayNode deep = JsonNodeFactory.instance.arrayNode();
        for (int i = 0; i < 64; i++) deep = JsonNodeFactory.instance.arrayNode().add(deep);
        ArrayNode tooDeep = deep;
        assertThatThrownBy(() -> Json.write(file, tooDeep)).isInstanceOf(ConfigException.class).hasMessageContaining("config.json: ");
        assertThat(file).hasContent("old");
        Path taken = Files.createDirectories(folder.resolve("taken/inner")).getParent();
        assertThatThrownBy(() -> Json.write(taken, JsonNodeFactory.instance.objectNode())).isInstanceOf(IOException.class);
        assertThat(taken.resolve("inner")).exists();
        assertThatThrownBy(() -> Json.write(folder.resolve("none/x.json"), JsonNodeFactory.instance.objectNode()))
            .isInstanceOf(IOException.class);
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files).containsExactlyInAnyOrder(file, taken);
        }
    }

    @Test void hostileJsonIsRefusedInUnderASecond() {
        Json.read("warm", "{}");
        List<String> hostile = List.of(
            "[".repeat(100_000),
            "{\"a\":".repeat(100_000),
            "[".repeat(65) + "]".repeat(65),
            "1".repeat(1_000_000),
            "1." + "1".repeat(1_000_000),
            "\"" + "x".repeat(2_000_000) + "\"",
            "{\"" + "x".repeat(1_000_000) + "\":1}",
            "{\"a\":1,\"a\":1}",
            "[{\"b\":{\"a\":1,\"a\":2}}]",
            "{\"a\":1} {\"b\":1}",
            "{\"a\":1} x",
            "{\"a\":1,}",
            "{'a':1}",
            "/* */ {}",
            "{\"a\n\u001b[2J\":1}",
            "",
            " ",
            "nul");
        for (String json : hostile) {
            long start = CpuTime.nanos();
            error(json);
            assertThat((CpuTime.nanos() - start) / 1e9).isLessThan(1);
        }
        assertThat(error("{\"a\":1,\"a\":1}")).contains("Duplicate").contains("at byte");
    }

    @Test void numbersThatPythonWritesAreRead() {
        assertThat(Json.read("x", "[-Infinity]").get(0).asDouble()).isEqualTo(Double.NEGATIVE_INFINITY);
        assertThat(Json.read("x", "[NaN]").get(0).asDouble()).isNaN();
    }

    @Test void theDeepestAllowedDocumentIsRead() {
        assertThat(Json.read("x", "[".repeat(64) + "]".repeat(64)).isArray()).isTrue();
    }

    @Test void aFloodOfTokensEndsBeforeItFillsTheMemory() {
        assertThat(error("[" + "{},".repeat(3_000_000) + "{}]")).contains("4000000");
    }

    @Test void bytesThatAreNotTextAreRefused() {
        SplittableRandom rng = new SplittableRandom(4);
        for (int i = 0; i < 10_000; i++) {
            byte[] bytes = new byte[1 + rng.nextInt(40)];
            rng.nextBytes(bytes);
            if (rng.nextBoolean()) bytes[0] = '{';
            else bytes[0] = '"';
            Throwable thrown = catchThrowable(() -> Json.read("x.json", bytes));
            if (thrown != null) assertThat(thrown).isInstanceOf(ConfigException.class);
        }
        error(new byte[] {(byte) 0xff, (byte) 0xfe, 0, 0, 1});
        error(new byte[] {'"', (byte) 0xc0, (byte) 0x80, '"', 'x'});
    }

    @Test void aMissingFileAndAFolderAreNamed() {
        assertThatThrownBy(() -> Json.read(folder.resolve("none.json"))).isInstanceOf(ConfigException.class)
            .hasMessageEndingWith("none.json: no such file");
        assertThatThrownBy(() -> Json.read(folder)).isInstanceOf(ConfigException.class).hasMessageEndingWith(": not a file");
    }
}
