package io.palitra.server;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.report.Places;
import io.palitra.report.Report;
import io.palitra.train.Metrics;
import io.palitra.train.Run;
import io.palitra.train.RunLock;
import io.palitra.train.RunReport;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import java.util.stream.Stream;

/**
 * What the folder of a run says, read from its files as they are: neither weights nor links are followed. The files may be half written or
 * damaged; what cannot be read is left out. Texts that are places on the disk become their last names.
 */
final class RunFiles {
    private static final String SUMMARY = "summary.json", SAMPLES = "samples";
    private static final List<String> PICTURES = List.of(".png", ".gif"), OTHERS = List.of(".txt", ".wav", ".mid");
    private static final long TAIL = 16 << 10, LONGEST = 256L << 20;

    /** What was read of a file, and when. */
    private record Read(long stamp, JsonNode json) {}

    private final Map<Path, Read> read = new ConcurrentHashMap<>();

    /** A run in a line of the list. */
    ObjectNode line(String name, Path run) {
        JsonNode config = object(run.resolve(Run.CONFIG)), summary = object(run.resolve(SUMMARY)), train = config.path("train");
        JsonNode last = cached(run.resolve(Metrics.NAME), RunFiles::last);
        long step = Math.max(summary.path("step").asLong(), last.path("step").asLong());
        double epoch = Math.max(summary.path("epoch").asDouble(), last.path("epoch").asDouble());
        long steps = train.path("steps").asLong();
        if (steps == 0 && epoch > 0) steps = Math.round(step / epoch * train.path("epochs").asDouble());
        boolean ended = step > 0 && summary.path("step").asLong() == step && step >= steps;
        ObjectNode node = Job.JSON.createObjectNode().put("name", name).put("family", config.path("family").asText())
            .put("data", Places.name(config.path("data").asText())).put("step", step).put("steps", steps)
            .put("state", !ended && RunLock.held(run) ? "running" : ended ? "ended" : "cut off")
                .put("created", modified(run.resolve(Run.CONFIG)));
        node.set("metrics", last.path("values").isObject() ? last.path("values") : Job.JSON.createObjectNode());
        JsonNode measures = object(run.resolve(RunReport.EVALUATION)).path("measures");
        if (measures.isArray() && !measures.isEmpty()) {
            ObjectNode all = node.putObject("evaluation");
            measures.forEach(m -> all.set(m.path("name").asText(), m.path("value")));
        }
        return node;
    }

    /** As {@link #line}, with its config and what there is to fetch. */
    ObjectNode whole(String name, Path run) {
        ObjectNode node = line(name, run);
        node.set("config", withoutPlaces(object(run.resolve(Run.CONFIG))));
        files(run, PICTURES).keySet().forEach(node.putArray("pictures")::add);
        files(run, OTHERS).keySet().forEach(node.putArray("files")::add);
        node.set("measures", Answers.measures(object(run.resolve(RunReport.EVALUATION)).path("measures")));
        return node.put("report", file(run.resolve(Report.NAME)));
    }

    /** What may be fetched of a run by its name: pictures, texts and sounds beside its weights, and those of its samples. */
    static Map<String, Path> shown(Path run) {
        Map<String, Path> all = new TreeMap<>(files(run, PICTURES));
        all.putAll(files(run, OTHERS));
        return all;
    }

    private static Map<String, Path> files(Path run, List<String> endings) {
        Map<String, Path> all = new TreeMap<>();
        files(run, "", endings, all);
        Path samples = run.resolve(SAMPLES);
        if (Files.isDirectory(samples, LinkOption.NOFOLLOW_LINKS)) files(samples, SAMPLES + "/", endings, all);
        return all;
    }

    private static void files(Path folder, String before, List<String> endings, Map<String, Path> all) {
        for (Path file : Registry.list(folder)) {
            String name = file.getFileName().toString();
            if (endings.stream().anyMatch(name::endsWith) && file(file)) all.put(before + name, file);
        }
    }

    /** Whether it is a file itself. */
    static boolean file(Path file) { return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS); }

    /** The course of a training behind a step. @param most rows, of which the last is always one; 0 = all */
    static ObjectNode metrics(Path run, long after, int most) throws IOException {
        List<ObjectNode> lines = new ArrayList<>();
        Path file = run.resolve(Metrics.NAME);
        if (file(file) && Files.size(file) <= LONGEST) {
            try (Stream<String> all = Files.lines(file, StandardCharsets.ISO_8859_1)) {
                all.map(RunFiles::metric).filter(line -> line.path("step").asLong(-1) > after).forEach(lines::add);
            } catch (UncheckedIOException e) {
                throw e.getCause();
            }
        }
        // of one step there may be several lines, each with values of its own
        Map<Long, ObjectNode> bySteps = new LinkedHashMap<>();
        lines.forEach(line -> bySteps.computeIfAbsent(line.path("step").asLong(), s -> Job.JSON.createObjectNode()).setAll(line));
        List<ObjectNode> rows = List.copyOf(bySteps.values());
        Map<String, Boolean> columns = new LinkedHashMap<>();
        rows.forEach(row -> row.fieldNames().forEachRemaining(name -> columns.put(name, true)));
        ObjectNode node = Job.JSON.createObjectNode();
        columns.keySet().forEach(node.putArray("columns")::add);
        ArrayNode all = node.putArray("rows");
        for (ObjectNode row : thinned(rows, most)) {
            ArrayNode values = all.addArray();
            columns.keySet().forEach(name -> values.add(row.get(name)));
        }
        return node;
    }

    /** Evenly, from the last one back; of each piece the row that has most values, so that rare ones stay. */
    private static List<ObjectNode> thinned(List<ObjectNode> rows, int most) {
        if (most == 0 || rows.size() <= most) return rows;
        List<ObjectNode> kept = new ArrayList<>();
        for (int i = 0; i < most; i++) {
            int from = (int) ((long) rows.size() * i / most), to = (int) ((long) rows.size() * (i + 1) / most);
            ObjectNode best = rows.get(to - 1);
            for (ObjectNode row : rows.subList(from, to)) if (i < most - 1 && row.size() > best.size()) best = row;
            kept.add(best);
        }
        return kept;
    }

    /** A line of the log; empty where it is damaged. */
    private static ObjectNode metric(String line) {
        try {
            return Job.JSON.readTree(line) instanceof ObjectNode object ? object : Job.JSON.createObjectNode();
        } catch (JsonProcessingException e) {
            return Job.JSON.createObjectNode();
        }
    }

    /** The last step of a log, and the last value of each name as far as its end has it. */
    private static JsonNode last(Path file) throws IOException {
        ObjectNode node = Job.JSON.createObjectNode(), values = node.putObject("values");
        byte[] tail;
        try (RandomAccessFile log = new RandomAccessFile(file.toFile(), "r")) {
            long from = Math.max(0, log.length() - TAIL);
            tail = new byte[(int) Math.min(TAIL, log.length() - from)];
            log.seek(from);
            log.readFully(tail);
        }
        for (String line : new String(tail, StandardCharsets.UTF_8).split("\n")) {
            ObjectNode read = metric(line);
            if (!read.has("step")) continue;   // cut, at the begin of the tail or in writing
            node.set("step", read.remove("step"));
            node.set("epoch", read.path("epoch"));
            read.remove("epoch");
            values.setAll(read);
        }
        return node;
    }

    /** What two runs or more have otherwise: each key with its values. */
    ObjectNode compared(Map<String, Path> runs) {
        Map<String, Map<String, String>> keys = new LinkedHashMap<>();
        runs.forEach((name, run) -> flat("", withoutPlaces(object(run.resolve(Run.CONFIG))),
            (key, value) -> keys.computeIfAbsent(key, k -> new LinkedHashMap<>()).put(name, value)));
        keys.values().removeIf(row -> row.size() == runs.size() && row.values().stream().distinct().count() == 1);
        ObjectNode node = Job.JSON.createObjectNode();
        ArrayNode all = node.putArray("keys");
        keys.forEach((key, row) -> row.forEach(all.addObject().put("key", key).putObject("values")::put));
        return node;
    }

    /** As overrides write keys. */
    private static void flat(String path, JsonNode json, BiConsumer<String, String> to) {
        if (!json.isObject()) {
            to.accept(path.replaceFirst("^model\\.", "").replaceFirst("^options\\.", "data."),
                json.isValueNode() ? json.asText() : json.toString());
            return;
        }
        for (Map.Entry<String, JsonNode> e : json.properties())
            flat(path.isEmpty() ? e.getKey() : path + "." + e.getKey(), e.getValue(), to);
    }

    private static JsonNode withoutPlaces(JsonNode json) {
        if (json.isTextual()) return TextNode.valueOf(Places.name(json.textValue()));
        if (json instanceof ArrayNode array) {
            ArrayNode made = Job.JSON.createArrayNode();
            array.forEach(item -> made.add(withoutPlaces(item)));
            return made;
        }
        if (!(json instanceof ObjectNode object)) return json;
        ObjectNode made = Job.JSON.createObjectNode();
        for (Map.Entry<String, JsonNode> e : object.properties()) made.set(e.getKey(), withoutPlaces(e.getValue()));
        return made;
    }

    private JsonNode object(Path file) {
        return cached(file, f -> {
            try {
                return Json.read(f);
            } catch (ConfigException e) {
                return Job.JSON.createObjectNode();
            }
        });
    }

    private interface Reader { JsonNode read(Path file) throws IOException; }

    /** Reads it anew when its time or length is another; an empty object where it is no file, or cannot be read. */
    private JsonNode cached(Path file, Reader reader) {
        try {
            BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            if (!now.isRegularFile() || now.size() > LONGEST) return Job.JSON.createObjectNode();
            long stamp = 31 * now.lastModifiedTime().toMillis() + now.size();
            Read known = read.get(file);
            if (known == null || known.stamp != stamp) read.put(file, known = new Read(stamp, reader.read(file)));
            return known.json;
        } catch (IOException e) {
            return Job.JSON.createObjectNode();
        }
    }

    private static long modified(Path file) {
        try {
            return Files.getLastModifiedTime(file).toMillis() / 1000;
        } catch (IOException e) {
            return 0;
        }
    }
}
