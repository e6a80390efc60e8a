package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.job.FillRequest;
import io.palitra.job.WriteRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Texts that a job writes: told piece by piece while they grow, kept as files, and, where they are not too long, in its result. */
final class Texts {
    /** Of an event: {@code {"pieces": [{"index", "from", "text"}]}}: from that place on, in units of UTF-16, text {@code index} is this. */
    static final String EVENT = "text";
    private static final String PIECES = "pieces", FOLDER = "texts";
    /** Characters of all texts of a result, which is told often. */
    private static final int MOST = 1 << 16;

    private Texts() {}

    /** What was written since it was told last. Of one thread. */
    static final class Pieces {
        private final Map<Integer, StringBuilder> grown = new TreeMap<>();
        private final Map<Integer, Integer> lengths = new TreeMap<>();

        void add(int index, String piece) { grown.computeIfAbsent(index, i -> new StringBuilder()).append(piece); }

        /** Data of an event; empty where nothing was written. */
        Optional<ObjectNode> take() {
            if (grown.isEmpty()) return Optional.empty();
            ObjectNode data = Job.JSON.createObjectNode();
            ArrayNode pieces = data.putArray(PIECES);
            grown.forEach((index, text) -> {
                int from = lengths.getOrDefault(index, 0);
                piece(pieces, index, from, text);
                lengths.put(index, from + text.length());
            });
            grown.clear();
            return Optional.of(data);
        }
    }

    private static void piece(ArrayNode to, int index, int from, CharSequence text) {
        to.addObject().put("index", index).put("from", from).put("text", text.toString());
    }

    /** The pieces of several events, which follow each other, as those of one. */
    static ObjectNode joined(List<ObjectNode> events) {
        Map<Integer, StringBuilder> whole = new TreeMap<>();
        Map<Integer, Integer> begin = new TreeMap<>();
        for (ObjectNode event : events) {
            for (JsonNode p : event.path(PIECES)) {
                int index = p.path("index").asInt();
                begin.putIfAbsent(index, p.path("from").asInt());
                whole.computeIfAbsent(index, i -> new StringBuilder()).append(p.path("text").asText());
            }
        }
        ObjectNode data = Job.JSON.createObjectNode();
        ArrayNode pieces = data.putArray(PIECES);
        whole.forEach((index, text) -> piece(pieces, index, begin.getOrDefault(index, 0), text));
        return data;
    }

    /** The texts of what a job made, with what they begin with; empty for what has none. */
    private static List<String> of(Object made) {
        if (made instanceof WriteRequest.Result written) return written.texts().stream().map(text -> written.beginning() + text).toList();
        return made instanceof FillRequest.Result filled ? filled.texts() : List.of();
    }

    /** Writes each into a file of the job. */
    static void write(Object made, Job job) throws IOException {
        List<String> texts = of(made);
        if (texts.isEmpty()) return;
        Path folder = Files.createDirectories(job.folder.resolve(FOLDER));
        for (int i = 0; i < texts.size(); i++) {
            String name = String.format(Locale.ROOT, "%05d.txt", i);
            Files.writeString(folder.resolve(name), texts.get(i));
            job.wrote(FOLDER + "/" + name);
        }
    }

    /** The first of them, as many as are not too long, and by {@code cut} whether those are not all. */
    static void told(Object made, ObjectNode node) {
        List<String> texts = of(made);
        if (texts.isEmpty()) return;
        ArrayNode told = node.putArray("texts");
        int left = MOST;
        for (String text : texts) {
            left -= text.length();
            if (left < 0) break;
            told.add(text);
        }
        if (told.size() < texts.size()) node.put("cut", true);
        if (made instanceof WriteRequest.Result written) node.put("tokens", written.tokens()).put("seconds", written.seconds());
    }
}
