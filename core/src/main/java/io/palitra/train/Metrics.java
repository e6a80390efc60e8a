package io.palitra.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.report.WholeFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * metrics.jsonl: one line a report, {"step":40,"epoch":0.08,"loss":…}. Holds only what is a pure function of the run's config, no clocks,
 * so
 * that a resumed run's file equals that of a run never stopped.
 */
public final class Metrics implements AutoCloseable {
    public static final String NAME = "metrics.jsonl";
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** What the file held: its length in bytes and their SHA-256 in hex. */
    record Mark(long bytes, String sha256) {}

    private final FileChannel file;
    private final MessageDigest digest = Manifest.sha256();   // of all that the file holds

    private Metrics(FileChannel file, byte[] kept) {
        this.file = file;
        digest.update(kept);
    }

    /** Opens for appending, empty. */
    static Metrics start(Path run) throws IOException { return open(run.resolve(NAME), new byte[0], new byte[0]); }

    /**
     * Opens for appending, as it was at the checkpoint of {@code step}. A log that is not what the checkpoint knows is said, and keeps the
     * lines of steps to {@code step} that can be read.
     *
     * @param mark what the checkpoint knows; null = nothing
     */
    static Metrics resume(Path run, long step, @Nullable Mark mark, Consumer<String> note) throws IOException {
        Path path = run.resolve(NAME);
        byte[] held = Files.exists(path) ? Files.readAllBytes(path) : new byte[0];
        if (mark != null && held.length >= mark.bytes) {
            byte[] known = Arrays.copyOf(held, (int) mark.bytes);
            if (sha256(Manifest.sha256().digest(known)).equals(mark.sha256)) return open(path, held, known);
        }
        StringBuilder kept = new StringBuilder();
        int unread = 0, lines = 0;
        for (String line : new String(held, 0, lastLine(held), StandardCharsets.UTF_8).lines().toList()) {
            try {
                if (Json.read(NAME, line).path("step").asLong() > step) continue;
                kept.append(line).append('\n');
                lines++;
            } catch (ConfigException e) {
                unread++;
            }
        }
        String left = unread == 0 ? "" : ", without " + unread + " that are no JSON";
        if (mark != null) {
            note.accept(NAME + (held.length < mark.bytes ? " was cut: the checkpoint of step " + step + " knows " + mark.bytes
                + " bytes, it has " + held.length : " was altered since the checkpoint of step " + step) + "; the run goes on with its "
                + lines + " lines of steps to " + step + left);
        } else if (unread > 0) {
            note.accept(NAME + " goes on with its " + lines + " lines of steps to " + step + left);
        }
        return open(path, held, kept.toString().getBytes(StandardCharsets.UTF_8));
    }

    /** Bytes of whole lines. */
    private static int lastLine(byte[] held) {
        int end = held.length;
        while (end > 0 && held[end - 1] != '\n') end--;
        return end;
    }

    private static Metrics open(Path path, byte[] held, byte[] kept) throws IOException {
        boolean begins = held.length >= kept.length && Arrays.equals(held, 0, kept.length, kept, 0, kept.length);
        if (!begins) WholeFile.write(path, kept);
        FileChannel file = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        file.truncate(kept.length);
        file.position(kept.length);
        return new Metrics(file, kept);
    }

    private static String sha256(byte[] digest) { return HexFormat.of().formatHex(digest); }

    /** What it holds now. */
    Mark mark() {
        try {
            return new Mark(file.position(), sha256(((MessageDigest) digest.clone()).digest()));
        } catch (IOException | CloneNotSupportedException e) {
            throw new IllegalStateException("cannot tell what " + NAME + " holds: " + e.getMessage(), e);
        }
    }

    private static List<String> lines(Path path) throws IOException {
        if (!Files.exists(path)) return List.of();
        String text = Files.readString(path);
        List<String> lines = new ArrayList<>(text.substring(0, text.lastIndexOf('\n') + 1).lines().toList());
        return lines;
    }

    void append(long step, double epoch, Map<String, Double> values) {
        ObjectNode line = MAPPER.createObjectNode();
        line.put("step", step);
        line.put("epoch", epoch);
        values.forEach(line::put);
        try {
            ByteBuffer bytes = ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8));
            digest.update(bytes.duplicate());
            while (bytes.hasRemaining()) file.write(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write " + NAME + ": " + e.getMessage(), e);
        }
    }

    /** To the disk: a checkpoint must not know more than the log. */
    void force() throws IOException { file.force(true); }

    @Override public void close() {
        try {
            file.close();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot close " + NAME + ": " + e.getMessage(), e);
        }
    }

    /** Each value's course: name to (steps, values). */
    public static Map<String, List<double[]>> read(Path run) throws IOException {
        Map<String, List<double[]>> series = new LinkedHashMap<>();
        for (String line : lines(run.resolve(NAME))) {
            JsonNode json = Json.read(NAME, line);
            double step = json.path("step").asDouble();
            json.fields().forEachRemaining(f -> {
                if (f.getKey().equals("step") || f.getKey().equals("epoch") || !f.getValue().isNumber()) return;
                series.computeIfAbsent(f.getKey(), k -> new ArrayList<>()).add(new double[] {step, f.getValue().asDouble()});
            });
        }
        return series;
    }
}
