package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.palitra.data.Picture;
import io.palitra.job.EvaluateRequest;
import io.palitra.report.Png;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Map;
import java.util.regex.Pattern;

/** What of a job's results and words a caller may see: no place on the disk. */
final class Answers {
    private static final Pattern PLACE = Pattern.compile("(?<![\\w.])(?:[A-Za-z]:[\\\\/]|/)(?:[^/\\\\\\s'\",:;]+[\\\\/])*");

    private Answers() {}

    /** Numbers that were measured; of all else the files tell. */
    static ObjectNode result(Object made, Job job) {
        ObjectNode node = Job.JSON.createObjectNode();
        if (made instanceof EvaluateRequest.Result measured) node.set("runs", without(measured.toJson(), job));
        return node;
    }

    private static JsonNode without(JsonNode json, Job job) {
        if (json.isTextual()) return TextNode.valueOf(withoutPlaces(json.textValue(), job));
        if (json instanceof ArrayNode array) {
            ArrayNode made = Job.JSON.createArrayNode();
            array.forEach(item -> made.add(without(item, job)));
            return made;
        }
        if (!(json instanceof ObjectNode object)) return json;
        ObjectNode made = Job.JSON.createObjectNode();
        for (Map.Entry<String, JsonNode> e : object.properties()) made.set(e.getKey(), without(e.getValue(), job));
        return made;
    }

    /** A line in which of each place only the last name is left. */
    static String withoutPlaces(String line, Job job) {
        return withoutPlaces(line.replace(job.folder.toString() + "/", ""));
    }

    /** As {@link #withoutPlaces(String, Job)}, of no job. */
    static String withoutPlaces(String line) { return PLACE.matcher(line).replaceAll(""); }

    /** A file of the job by its name in the job's folder; empty for any other. */
    static String name(Path file, Job job) {
        Path folder = job.folder.toAbsolutePath().normalize(), made = file.toAbsolutePath().normalize();
        return made.startsWith(folder) && !made.equals(folder) ? folder.relativize(made).toString().replace('\\', '/') : "";
    }

    static String base64(Picture picture) { return Base64.getEncoder().encodeToString(Png.encode(picture, Map.of())); }
}
