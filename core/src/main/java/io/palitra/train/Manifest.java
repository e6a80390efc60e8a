package io.palitra.train;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.data.FormatException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a checkpoint's folder holds: every file's size and SHA-256, the step, and facts of the run. On the medium it is
 * {"manifest": {...}, "sha256": "..."}, the last the hash of the bytes of the first, so that an altered manifest is found too.
 */
record Manifest(long step, Map<String, Sum> files, Map<String, String> facts) {
    static final String NAME = "manifest.json";
    static final int FORMAT = 1;
    /** No name of a file leads out of the folder. */
    static final String FILE_NAME = "[a-z][a-z0-9_]{0,63}\\.safetensors";

    private static final int MAX_BYTES = 16 << 20;
    private static final String BEFORE = "{\"manifest\":";
    private static final String BETWEEN = ",\"sha256\":\"";
    private static final String AFTER = "\"}\n";
    private static final int TAIL = BETWEEN.length() + 64 + AFTER.length();
    private static final ObjectMapper JSON = JsonMapper.builder(JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(8).build()).build())
        .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

    /** Size and hash of a file. */
    record Sum(long bytes, String sha256) {}

    byte[] bytes() {
        ObjectNode body = JSON.createObjectNode().put("format", FORMAT).put("step", step);
        ObjectNode list = body.putObject("files");
        new TreeMap<>(files).forEach((name, sum) -> list.putObject(name).put("bytes", sum.bytes).put("sha256", sum.sha256));
        ObjectNode words = body.putObject("facts");
        new TreeMap<>(facts).forEach(words::put);
        return framed(body.toString().getBytes(StandardCharsets.UTF_8));
    }

    private static byte[] framed(byte[] body) {
        byte[] tail = (BETWEEN + HexFormat.of().formatHex(sha256().digest(body)) + AFTER).getBytes(StandardCharsets.UTF_8);
        byte[] head = BEFORE.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(head.length + body.length + tail.length).put(head).put(body).put(tail).array();
    }

    /**
     * The manifest of a folder, its own hash verified, its files not.
     *
     * @throws FormatException when it is missing, altered or cannot be read
     */
    static Manifest read(Path folder) {
        Path file = folder.resolve(NAME);
        if (!Files.isRegularFile(file)) throw new FormatException(file.toString(), -1, "there is no such file");
        byte[] all;
        try (InputStream in = Files.newInputStream(file)) {
            all = in.readNBytes(MAX_BYTES + 1);
        } catch (IOException e) {
            throw unreadable(file, e);
        }
        if (all.length > MAX_BYTES) {
            throw new FormatException(file.toString(), MAX_BYTES, "is longer than the allowed " + MAX_BYTES + " bytes");
        }
        int end = all.length - TAIL;
        if (end <= BEFORE.length()) throw new FormatException(file.toString(), all.length, "is too short for a manifest");
        byte[] body = Arrays.copyOfRange(all, BEFORE.length(), end);
        if (!Arrays.equals(all, framed(body))) {
            throw new FormatException(file.toString(), -1, "is altered: its SHA-256 is not the one it states");
        }
        try {
            return of(file.toString(), JSON.readTree(body));
        } catch (IOException e) {
            throw new FormatException(file.toString(), -1, "is no JSON", e);
        }
    }

    private static Manifest of(String file, JsonNode body) {
        if (body.path("format").asInt(-1) != FORMAT) {
            throw new FormatException(file, -1, "has format " + body.path("format") + ", this version reads " + FORMAT);
        }
        if (!body.path("step").canConvertToExactIntegral() || !body.path("files").isObject() || !body.path("facts").isObject()) {
            throw new FormatException(file, -1, "wants a step, files and facts");
        }
        Map<String, Sum> files = new TreeMap<>();
        for (Map.Entry<String, JsonNode> e : body.path("files").properties()) {
            if (!e.getKey().matches(FILE_NAME)) throw new FormatException(file, -1, "names a file that no checkpoint has");
            files.put(e.getKey(), new Sum(e.getValue().path("bytes").asLong(-1), e.getValue().path("sha256").asText()));
        }
        Map<String, String> facts = new TreeMap<>();
        for (Map.Entry<String, JsonNode> e : body.path("facts").properties()) facts.put(e.getKey(), e.getValue().asText());
        return new Manifest(body.path("step").asLong(), files, facts);
    }

    private static FormatException unreadable(Path file, IOException e) {
        return new FormatException(file.toString(), -1, "cannot be read: " + e.getMessage(), e);
    }

    /** @throws FormatException naming the first file that is missing, cannot be read, or is not as it was saved */
    void verify(Path folder) {
        for (Map.Entry<String, Sum> e : files.entrySet()) {
            Path file = folder.resolve(e.getKey());
            if (!Files.isRegularFile(file)) throw new FormatException(file.toString(), -1, "there is no such file");
            long size = file.toFile().length();
            if (size != e.getValue().bytes) {
                throw new FormatException(file.toString(), -1, "has " + size + " bytes, " + e.getValue().bytes + " were saved");
            }
            MessageDigest digest = sha256();
            byte[] chunk = new byte[1 << 16];
            try (InputStream in = Files.newInputStream(file)) {
                for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) digest.update(chunk, 0, n);
            } catch (IOException unread) {
                throw unreadable(file, unread);
            }
            if (!HexFormat.of().formatHex(digest.digest()).equals(e.getValue().sha256)) {
                throw new FormatException(file.toString(), -1, "is altered: its SHA-256 is not the one that was saved");
            }
        }
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);   // every Java has it
        }
    }
}
