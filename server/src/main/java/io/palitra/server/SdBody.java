package io.palitra.server;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.http.Context;
import io.palitra.config.Json;
import java.io.IOException;
import java.util.Base64;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** A body whose values are read by key and type; null is as if it was not sent. Remembers which were read. */
final class SdBody {
    /** Pictures stand in it as base64: a text may be as long as the body. */
    private static final ObjectMapper LONG = new ObjectMapper(JsonFactory.builder().streamReadConstraints(StreamReadConstraints.builder()
        .maxStringLength((int) Server.BODY).maxNestingDepth(64).maxNumberLength(400).build()).build());

    private final ObjectNode json;
    private final Set<String> read = new LinkedHashSet<>();

    SdBody(ObjectNode json) { this.json = json; }

    /** The body of a request; none is an empty one. @throws Refused for what is no JSON object */
    static SdBody of(Context ctx) {
        byte[] bytes = Bodies.read(ctx, (int) Server.BODY);
        if (bytes.length == 0) return new SdBody(Job.JSON.createObjectNode());
        String type = ctx.contentType();
        if (type == null || !type.startsWith("application/json")) {
            throw new Refused(415, "no_json", "", "the body must be JSON: Content-Type: application/json");
        }
        try {
            if (LONG.readTree(bytes) instanceof ObjectNode object) return new SdBody(object);
            throw new Refused(422, "bad_request", "", "the body must be a JSON object");
        } catch (JsonProcessingException e) {
            throw new Refused(422, "bad_request", "", "the body is no JSON: " + Json.why(e));
        } catch (IOException e) {
            throw new Refused(422, "bad_request", "", "the body is no JSON in UTF-8");
        }
    }

    ObjectNode json() { return json; }

    private JsonNode at(String key) {
        read.add(key);
        return json.path(key);
    }

    boolean has(String key) { return !at(key).isMissingNode() && !at(key).isNull(); }

    /** Reads them so that they count as known. */
    void know(List<String> keys) { read.addAll(keys); }

    /** Keys that were sent with a value and that nobody has read. */
    Set<String> unread() {
        Set<String> left = new TreeSet<>();
        json.properties().forEach(e -> { if (!e.getValue().isNull() && !read.contains(e.getKey())) left.add(e.getKey()); });
        return left;
    }

    String text(String key, String usual) {
        if (!has(key)) return usual;
        if (at(key).isTextual()) return at(key).textValue();
        throw wrong(key, "must be a text");
    }

    long whole(String key, long usual, long least, long most) {
        if (!has(key)) return usual;
        JsonNode node = at(key);
        boolean whole = node.isNumber() && node.doubleValue() == Math.rint(node.doubleValue());
        if (whole && node.doubleValue() >= least && node.doubleValue() <= most) return node.longValue();
        throw wrong(key, "must be a whole number from " + least + " to " + most);
    }

    double number(String key, double usual, double least, double most) {
        if (!has(key)) return usual;
        JsonNode node = at(key);
        if (node.isNumber() && node.doubleValue() >= least && node.doubleValue() <= most) return node.doubleValue();
        throw wrong(key, "must be a number from " + least + " to " + most);
    }

    boolean flag(String key, boolean usual) {
        if (!has(key)) return usual;
        if (at(key).isBoolean()) return at(key).booleanValue();
        if (at(key).isInt() && (at(key).intValue() == 0 || at(key).intValue() == 1)) return at(key).intValue() == 1;
        throw wrong(key, "must be true or false");
    }

    /** An object; an empty one where it is not there. */
    SdBody object(String key) {
        if (!has(key)) return new SdBody(Job.JSON.createObjectNode());
        if (at(key) instanceof ObjectNode node) return new SdBody(node);
        throw wrong(key, "must be an object");
    }

    JsonNode node(String key) { return at(key); }

    /** The bytes of a picture: base64, or a data URL of it. An address is not fetched. */
    static byte[] picture(String key, JsonNode node) {
        if (!node.isTextual()) throw wrong(key, "must be a picture in base64");
        String text = node.textValue().strip();
        if (text.regionMatches(true, 0, "http:", 0, 5) || text.regionMatches(true, 0, "https:", 0, 6)) {
            throw wrong(key, "must be the picture itself in base64: addresses are not fetched");
        }
        if (text.startsWith("data:")) {
            int comma = text.indexOf(',');
            if (comma < 0 || comma > 100 || !text.substring(0, comma).endsWith(";base64")) {
                throw wrong(key, "must be a picture in base64, or data:image/png;base64, and that behind it");
            }
            text = text.substring(comma + 1);
        }
        try {
            byte[] bytes = Base64.getMimeDecoder().decode(text);
            if (bytes.length == 0) throw wrong(key, "is an empty picture");
            return bytes;
        } catch (IllegalArgumentException e) {
            throw wrong(key, "is no base64");
        }
    }

    static Refused wrong(String key, String what) { return new Refused(422, "bad_request", key, key + " " + what); }
}
