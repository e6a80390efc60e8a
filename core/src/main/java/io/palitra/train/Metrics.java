package io.palitra.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.config.Reason;
import io.palitra.data.FormatException;
import io.palitra.report.WholeFile;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
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
    public static final String NAME = "metrics.jsonl";
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** What the file held: its length in bytes and their SHA-256 in hex. */
    record Mark(long bytes, String sha256) {}

    private static final int LONGEST = 1 << 20;

    private final Path path;
    private final FileChannel file;
    private final MessageDigest digest = Manifest.sha256();   // of all that the file holds

    private Metrics(Path path, FileChannel file, byte[] kept) {
        this.path = path;
        this.file = file;
        digest.update(kept);
    }

    /** Opens for appending, empty. */
    static Metrics start(Path run) throws IOException { return open(run.resolve(NAME), new byte[0]); }

    /**
     * Opens for appending, as it was at the checkpoint of {@code step}: without the lines of later steps, which a kill may have left, and
     * without a torn last line. Of a log that is not what the checkpoint knows, the lines of steps to {@code step} that can be read are
     * kept, and {@code warn} is told; so it is of a pipe or a device of that name, which goes.
     *
     * @param mark what the checkpoint knows; null = nothing
     */
    static Metrics resume(Path run, long step, @Nullable Mark mark, Consumer<String> warn) throws IOException {
        Path path = run.resolve(NAME);
        long held = regular(path) ? Files.size(path) : 0;
        if (mark != null && held >= mark.bytes) {
            byte[] known = head(path, (int) mark.bytes);
            if (sha256(Manifest.sha256().digest(known)).equals(mark.sha256)) return open(path, known);
        }
        List<String> faults = new ArrayList<>();
        StringBuilder kept = new StringBuilder();
        int count = 0;
        for (Line line : lines(path, faults::add)) {
            if (line.json.path("step").asLong() > step) continue;
            kept.append(line.text).append('\n');
            count++;
        }
        if (mark != null) {
            faults.add(0, NAME + (held < mark.bytes ? " was cut: the checkpoint of step " + step + " knows " + mark.bytes + " bytes, it has "
                + held : " was altered since the checkpoint of step " + step) + "; the run goes on with its " + count
                + " lines of steps to " + step);
        }
        if (!faults.isEmpty()) warn.accept(String.join("; ", faults));
        return open(path, kept.toString().getBytes(StandardCharsets.UTF_8));
    }

    /** A file itself: no link, pipe or device. */
    private static boolean regular(Path path) { return Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS); }

    /** The first n bytes of a file, or all it has. */
    private static byte[] head(Path path, int n) throws IOException {
        try (InputStream in = Files.newInputStream(path, LinkOption.NOFOLLOW_LINKS)) { return in.readNBytes(n); }
    }

    private static Metrics open(Path path, byte[] kept) throws IOException {
        boolean there = Files.exists(path, LinkOption.NOFOLLOW_LINKS);
        if (there && !(regular(path) && Arrays.equals(head(path, kept.length), kept))) WholeFile.write(path, kept);
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

    private record Line(String text, JsonNode json) {}

    /** The lines that can be read; of those that cannot, and of what is no file, {@code warn} is told once. */
    private static List<Line> lines(Path path, Consumer<String> warn) throws IOException {
        List<Line> whole = new ArrayList<>();
        if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) return whole;
        if (!regular(path)) {
            warn.accept("'" + path + "' is passed over: it is no file");
            return whole;
        }
        int number = 0, damaged = 0;
        String first = "";
        try (BufferedReader in = Files.newBufferedReader(path, StandardCharsets.ISO_8859_1)) {   // any byte is a letter; a line is asked itself
            for (String raw = line(in); raw != null; raw = line(in)) {
                number++;
                if (!raw.endsWith("\n")) break;   // torn: a kill came between two writes
                byte[] bytes = raw.strip().getBytes(StandardCharsets.ISO_8859_1);
                try {
                    JsonNode json = Json.read("line " + number, bytes);
                    if (!json.path("step").isIntegralNumber() || !json.path("epoch").isNumber()) {
                        throw new ConfigException("step", "line " + number + ": has no step and epoch");
                    }
                    whole.add(new Line(new String(bytes, StandardCharsets.UTF_8), json));
                } catch (ConfigException e) {
                    if (damaged++ == 0) first = String.valueOf(e.getMessage());
                }
            }
        }
        if (damaged > 0) {
            warn.accept("'" + path + "' has " + damaged + (damaged == 1 ? " damaged line that is" : " damaged lines that are")
                + " left out, " + (damaged == 1 ? "" : "the first ") + first);
        }
        return whole;
    }

    /** The next line with its end, or null; of a line that is longer than any of ours the rest is not kept. */
    private static @Nullable String line(BufferedReader in) throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c = in.read(); c >= 0; c = in.read()) {
            if (line.length() < LONGEST || c == '\n') line.append((char) c);
            if (c == '\n') return line.toString();
        }
        return line.isEmpty() ? null : line.toString();
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
        for (Line line : lines(run.resolve(NAME), warn)) {
            double step = line.json.path("step").asDouble();
            line.json.fields().forEachRemaining(f -> {
                if (f.getKey().equals("step") || f.getKey().equals("epoch") || !f.getValue().isNumber()) return;
                series.computeIfAbsent(f.getKey(), k -> new ArrayList<>()).add(new double[] {step, f.getValue().asDouble()});
            });
        }
        return series;
    }
}
