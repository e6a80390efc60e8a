package io.palitra.config;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.StreamWriteConstraints;
import com.fasterxml.jackson.core.io.JsonEOFException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * JSON that is not trusted, within limits of depth, length and count; one document, no key twice, nothing after it. NaN, Infinity and
 * -Infinity are read as numbers, because Python writes them: who takes a number says whether it must be finite.
 */
public final class Json {
    /** Objects and arrays within each other, at most. */
    static final int DEPTH = 64;
    private static final int LONGEST_DOCUMENT = 64 << 20;
    private static final int LONGEST_STRING = 1 << 20;
    private static final int LONGEST_NUMBER = 1000;
    /** A node takes some 50 bytes where its text may take two: 64 MiB of text alone would still fill gigabytes. */
    private static final int MOST_TOKENS = 4_000_000;

    /** How the parser says what stands where nothing may. */
    private static final Pattern SIGN = Pattern.compile("^Unexpected character \\('(.+)' \\(code \\d+");
    private static final Pattern WORD = Pattern.compile("^Unrecognized token '([^']*)'");

    private static final ObjectMapper MAPPER = mapper();
    private static final ObjectWriter WRITER = writer();

    private Json() {}

    /**
     * A JSON file.
     *
     * @throws ConfigException that names the file, and the byte where there is one, if it is not there or is not JSON within the limits
     * @throws IOException if the file cannot be read
     */
    public static JsonNode read(Path file) throws IOException {
        // a pipe would never end
        if (!Files.isRegularFile(file)) {
            throw new ConfigException(file.toString(), file + ": " + (Files.exists(file) ? "not a file" : "no such file"));
        }
        try (InputStream in = Files.newInputStream(file)) {
            return read(file.toString(), in.readNBytes(LONGEST_DOCUMENT + 1));
        }
    }

    /** A JSON text; {@code source} names it in errors. @throws ConfigException if it is not JSON within the limits */
    public static JsonNode read(String source, String json) { return read(source, json.getBytes(StandardCharsets.UTF_8)); }

    /** A JSON text in UTF-8; {@code source} names it in errors. @throws ConfigException if it is not JSON within the limits */
    public static JsonNode read(String source, byte[] json) {
        if (json.length > LONGEST_DOCUMENT) throw new ConfigException(source, source + ": longer than " + LONGEST_DOCUMENT + " bytes");
        try {
            JsonNode read = MAPPER.readTree(json);
            if (read.isMissingNode()) throw new ConfigException(source, source + ": empty, wants JSON");
            return read;
        } catch (JsonProcessingException e) {
            long at = e.getLocation() == null ? -1 : e.getLocation().getByteOffset();
            throw new ConfigException(source, source + (at < 0 ? "" : " at byte " + at) + ": " + why(e), e);
        } catch (IOException e) {
            // bytes in memory can only fail by their encoding
            throw new ConfigException(source, source + ": " + e.getMessage(), e);
        }
    }

    /** Why a text is no JSON, in one line: what the parser says of it, without the names of its own parts. */
    public static String why(JsonProcessingException e) {
        if (e instanceof JsonEOFException) return "it ends before it is complete";
        String said = String.valueOf(e.getOriginalMessage()).lines().findFirst().orElse("");
        if (said.startsWith("Trailing token")) return "it goes on after its end";
        Matcher sign = SIGN.matcher(said), word = WORD.matcher(said);
        if (sign.find()) return "unexpected character '" + sign.group(1) + "'";
        if (word.find()) return "unexpected word '" + word.group(1) + "'";
        // where a bracket was opened, by which setting a limit is set or a rule is loosened
        said = said.replaceAll(", from `[^`]*`", "")
            .replaceAll("( \\((for|start)[^\\[]*)?\\[Source:.*|[:;]? (enable|not allowed as per) `.*", "");
        int own = said.indexOf('`');
        return own < 0 ? said : said.substring(0, own).strip();
    }

    /**
     * Writes a file whole or not at all: what was there stays until the new bytes are on the disk.
     *
     * @throws ConfigException if {@code json} cannot be written as text, or is nested too deep
     * @throws IOException in one line that names the file, if the folder is not there or cannot be written to
     */
    public static void write(Path file, JsonNode json) throws IOException {
        byte[] bytes;
        try {
            bytes = WRITER.writeValueAsBytes(json);
        } catch (JsonProcessingException e) {
            throw new ConfigException(file.toString(), file + ": " + why(e), e);
        }
        byte[] line = Arrays.copyOf(bytes, bytes.length + 1);
        line[bytes.length] = '\n';
        Path fresh = PartFile.of(file);
        try {
            try (FileChannel out = FileChannel.open(fresh, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                ByteBuffer left = ByteBuffer.wrap(line);
                while (left.hasRemaining()) out.write(left);
                out.force(true);
            }
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new IOException("cannot write '" + file + "': " + Reason.of(e), e);
        } finally {
            Files.deleteIfExists(fresh);
        }
    }

    private static ObjectMapper mapper() {
        JsonFactory factory = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(DEPTH).maxDocumentLength(LONGEST_DOCUMENT)
                .maxStringLength(LONGEST_STRING).maxNumberLength(LONGEST_NUMBER).maxTokenCount(MOST_TOKENS).build())
            .streamWriteConstraints(StreamWriteConstraints.builder().maxNestingDepth(DEPTH).build())
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .build();
        return JsonMapper.builder(factory).enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();
    }

    /** Line ends are the same on every system, so that one configuration is one file. */
    private static ObjectWriter writer() {
        DefaultIndenter indent = new DefaultIndenter("  ", "\n");
        return MAPPER.writer(new DefaultPrettyPrinter().withObjectIndenter(indent));
    }
}
