package io.palitra.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * metrics.jsonl: one line a report, {"step":40,"epoch":0.08,"loss":…}. Holds only what is a pure function of the run's config, no clocks,
 * so
 * that a resumed run's file equals that of a run never stopped.
 */
public final class Metrics implements AutoCloseable {
    public static final String NAME = "metrics.jsonl";
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final FileChannel file;

    private Metrics(FileChannel file) { this.file = file; }

    /** Opens for appending, without the lines of steps after {@code step}, and without a torn last line. */
    static Metrics resume(Path run, long step) throws IOException {
        Path path = run.resolve(NAME);
        StringBuilder kept = new StringBuilder();
        for (String line : lines(path)) {
            if (Json.read(NAME, line).path("step").asLong() <= step) kept.append(line).append('\n');
        }
        FileChannel file = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        byte[] bytes = kept.toString().getBytes(StandardCharsets.UTF_8);   // a prefix of what the file holds
        file.truncate(bytes.length);
        file.position(bytes.length);
        return new Metrics(file);
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
