package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.config.Words;
import io.palitra.data.FormatException;
import io.palitra.data.Picture;
import io.palitra.job.CaptionRequest;
import io.palitra.job.EvaluateRequest;
import io.palitra.job.Program;
import io.palitra.job.ProjectRequest;
import io.palitra.job.Trained;
import io.palitra.job.WalkRequest;
import io.palitra.report.Better;
import io.palitra.report.Png;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/** What of a job's results and words a caller may see: no place on the disk. */
final class Answers {
    private static final Pattern PLACE = Pattern.compile("(?<![\\p{L}\\p{N}_.])(?:[A-Za-z]:[\\\\/]|/)(?:[^/\\\\\\s'\",:;]+[\\\\/])*");

    /** How a line for the command line says that a file is to be named. */
    private static final Pattern NAMED = Pattern.compile("\\b([a-z]\\w*)=(FILE|DIR|RUN|MODEL|TEXT|NAME)\\b");

    private static final List<String> ABOUT = List.of("about", "help");
    /** Of codes that a job tells itself. */
    private static final int NUMBERS = 20_000;

    private Answers() {}

    /** Numbers that were measured; of all else the files tell. */
    static ObjectNode result(Object made, Job job) {
        ObjectNode node = Job.JSON.createObjectNode();
        if (made instanceof EvaluateRequest.Result measured) node.set("runs", without(measured.toJson(), job));
        if (made instanceof WalkRequest.Result walk) walked(walk, node);
        if (made instanceof ProjectRequest.Result found) node.put("psnr", found.psnr()).put("seconds", found.seconds());
        if (made instanceof CaptionRequest.Result read) {
            ArrayNode texts = node.putArray("captions");
            for (int i = 0; i < read.texts().size(); i++) {   // in the order that was asked for, by the names of the uploads
                texts.addObject().put("picture", job.asked.path("pictures").path(i).asText()).put("text", read.texts().get(i).text());
            }
        }
        Texts.told(made, node);
        if (made instanceof Trained t) node.put("run", String.valueOf(t.run().getFileName())).put("finished", t.finished());
        return node;
    }

    /** Why a job failed, as its caller is told. */
    static Fault fault(Throwable e, Job job) {
        String line = withoutPlaces(Program.message(e), job);
        if (e instanceof ConfigException c) return new Fault(422, "bad_request", c.key(), line);
        if (e instanceof ArgumentException) return new Fault(422, "bad_request", "", line);
        if (e instanceof FormatException) return new Fault(422, "unreadable", "", line);
        if (e instanceof ArithmeticException) return new Fault(500, "not_finite", "", line);
        if (e instanceof OutOfMemoryError) return new Fault(507, "out_of_memory", "", "the job wants more memory than there is");
        return new Fault(500, "failed", "", "the job failed: a fault of this server, not of the request");
    }

    /** As walk.json has it; the codes of a long walk stand there alone, since a job is told often. */
    private static void walked(WalkRequest.Result walk, ObjectNode node) {
        node.setAll(walk.toJson());
        long numbers = walk.codes().stream().mapToLong(code -> code.length).sum();
        if (numbers > NUMBERS) node.set("codes", Job.JSON.createArrayNode());
    }

    /** Measures as evaluation.json has them, each with which of its values are better: higher, lower or neither. */
    static ArrayNode measures(JsonNode measures) {
        ArrayNode all = Job.JSON.createArrayNode();
        for (JsonNode m : measures) {
            if (!(m instanceof ObjectNode measure)) continue;
            all.add(measure.deepCopy().put("about", withoutPlaces(measure.path("about").asText()))
                .put("better", Better.of(measure.path("name").asText()).name().toLowerCase(Locale.ROOT)));
        }
        return all;
    }

    /** The same, in which what is said about something is in the words of a language. */
    static JsonNode said(JsonNode json, Words words) {
        if (json instanceof ArrayNode array) array.forEach(item -> said(item, words));
        if (json instanceof ObjectNode object) {
            for (Map.Entry<String, JsonNode> e : object.properties()) {
                boolean text = ABOUT.contains(e.getKey()) && e.getValue().isTextual();
                if (text) e.setValue(TextNode.valueOf(words.say(e.getValue().textValue())));
                else said(e.getValue(), words);
            }
        }
        return json;
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
    static String withoutPlaces(String line) { return NAMED.matcher(PLACE.matcher(line).replaceAll("")).replaceAll("$1"); }

    /** A file of the job by its name in the job's folder; empty for any other. */
    static String name(Path file, Job job) {
        Path folder = job.folder.toAbsolutePath().normalize(), made = file.toAbsolutePath().normalize();
        return made.startsWith(folder) && !made.equals(folder) ? folder.relativize(made).toString().replace('\\', '/') : "";
    }

    static String base64(Picture picture) { return Base64.getEncoder().encodeToString(Png.encode(picture, Map.of())); }
}
