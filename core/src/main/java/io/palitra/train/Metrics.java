package io.palitra.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.config.Reason;
import io.palitra.data.FormatException;
import io.palitra.report.WholeFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
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
 * so that a resumed run's file equals that of a run never stopped.
 */
public final class Metrics implements AutoCloseable {
    /** Of the file, a JSON object a line. */
    public static final String NAME = "metrics.jsonl";
    /** Begins the name of a loss that was taken on test items. */
    static final String TEST = "test/";
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** What the file held: its length in bytes and their SHA-256 in hex. */
    record Mark(long bytes, String sha256) {}

    private final Path path;
    private final FileChannel file;
    private final MessageDigest digest = Manifest.sha256();   // of all that the file holds

    private Metrics(Path path, FileChannel file, byte[] kept) {
        this.path = path;
        this.file = file;
        digest.update(kept);
    }

    /** Opens for appending, empty. */
    static Metrics start(Path run) throws IOException {
        Path path = run.resolve(NAME);
        return open(path, isFile(path) ? new byte[0] : null, new byte[0]);
    }

    /**
     * Opens for appending, as it was at the checkpoint of {@code step}. A log that is not what the checkpoint knows is said, and keeps the
     * lines of steps to {@code step} that can be read; a pipe or a device of that name is never opened, and begins anew as a file.
     *
     * @param mark what the checkpoint knows; null = nothing
     */
    static Metrics resume(Path run, long step, @Nullable Mark mark, Consumer<String> note) throws IOException {
        Path path = run.resolve(NAME);
        if (!isFile(path)) {
            note.accept("'" + path + "' is no file: the log begins anew");
            return open(path, null, new byte[0]);
        }
        byte[] held = Files.exists(path) ? Files.readAllBytes(path) : new byte[0];
        if (mark != null && held.length >= mark.bytes) {
            byte[] known = Arrays.copyOf(held, (int) mark.bytes);
            if (sha256(Manifest.sha256().digest(known)).equals(mark.sha256)) return open(path, held, known);
        }
        StringBuilder kept = new StringBuilder();
        Lines read = lines(held);
        int lines = 0;
        for (Line line : read.whole) {
            if (line.json.path("step").asLong() > step) continue;
            kept.append(line.text).append('\n');
            lines++;
        }
        String left = read.damaged == 0 ? "" : ", without " + read.damaged + (read.damaged == 1 ? " that is" : " that are") + " damaged, "
            + (read.damaged == 1 ? "" : "the first ") + read.first;
        if (mark != null) {
            note.accept(NAME + (held.length < mark.bytes ? " was cut: the checkpoint of step " + step + " knows " + mark.bytes
                + " bytes, it has " + held.length : " was altered since the checkpoint of step " + step) + "; the run goes on with its "
                + lines + " lines of steps to " + step + left);
        } else if (read.damaged > 0) {
            note.accept(NAME + " goes on with its " + lines + " lines of steps to " + step + left);
        }
        return open(path, held, kept.toString().getBytes(StandardCharsets.UTF_8));
    }

    /** Whether nothing, or a file itself, has the name. */
    private static boolean isFile(Path path) {
        return !Files.exists(path, LinkOption.NOFOLLOW_LINKS) || Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS);
    }

    private record Line(String text, JsonNode json) {}

    /** @param damaged how many lines are not among the whole ones; {@code first} says which and why of the first */
    private record Lines(List<Line> whole, int damaged, String first) {}

    /** The lines that a log holds, without a torn last one: a kill came between two writes. */
    private static Lines lines(byte[] held) {
        List<Line> whole = new ArrayList<>();
        int number = 0, damaged = 0, begin = 0;
        String first = "";
        for (int end = 0; end < held.length; end++) {
            if (held[end] != '\n') continue;
            number++;
            byte[] line = Arrays.copyOfRange(held, begin, end);
            begin = end + 1;
            try {
                JsonNode json = Json.read("line " + number, line);
                if (!json.path("step").isIntegralNumber() || !json.path("epoch").isNumber()) {
                    throw new ConfigException("step", "line " + number + ": has no step and epoch");
                }
                whole.add(new Line(new String(line, StandardCharsets.UTF_8), json));
            } catch (ConfigException e) {
                if (damaged++ == 0) first = String.valueOf(e.getMessage());
            }
        }
        return new Lines(whole, damaged, first);
    }

    /** @param held what the file holds, null where there is none that can be written on */
    private static Metrics open(Path path, byte @Nullable [] held, byte[] kept) throws IOException {
        boolean begins = held != null && held.length >= kept.length && Arrays.equals(held, 0, kept.length, kept, 0, kept.length);
        if (!begins) WholeFile.write(path, kept);
        FileChannel file = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
        file.truncate(kept.length);
        file.position(kept.length);
        return new Metrics(path, file, kept);
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
            throw new UncheckedIOException("cannot write '" + path + "': " + Reason.of(e), e);
        }
    }

    /** To the disk: a checkpoint must not know more than the log. */
    void force() {
        try {
            file.force(true);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write '" + path + "': " + Reason.of(e), e);
        }
    }

    @Override public void close() {
        try {
            file.close();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write '" + path + "': " + Reason.of(e), e);
        }
    }

    /** Each value's course: name to (steps, values). @throws FormatException for a damaged file */
    public static Map<String, List<double[]>> read(Path run) throws IOException {
        return read(run, fault -> {
            throw new FormatException(run.resolve(NAME).toString(), -1, fault);
        });
    }

    /** As {@link #read(Path)}, without damaged lines, which are told to {@code warn}. */
    public static Map<String, List<double[]>> read(Path run, Consumer<String> warn) throws IOException {
        Map<String, List<double[]>> series = new LinkedHashMap<>();
        Path path = run.resolve(NAME);
        if (!isFile(path)) {
            warn.accept("'" + path + "' is passed over: it is no file");
            return series;
        }
        Lines lines = lines(Files.exists(path) ? Files.readAllBytes(path) : new byte[0]);
        if (lines.damaged > 0) {
            warn.accept("'" + path + "' has " + lines.damaged + (lines.damaged == 1 ? " damaged line that is" : " damaged lines that are")
                + " left out, " + (lines.damaged == 1 ? "" : "the first ") + lines.first);
        }
        for (Line line : lines.whole) {
            double step = line.json.path("step").asDouble();
            line.json.fields().forEachRemaining(f -> {
                if (f.getKey().equals("step") || f.getKey().equals("epoch") || !f.getValue().isNumber()) return;
                series.computeIfAbsent(f.getKey(), k -> new ArrayList<>()).add(new double[] {step, f.getValue().asDouble()});
            });
        }
        return series;
    }
}
